// Package harness starts the whole system inside a test: the centre with its database, broker and console, a
// controller on a real tty, and simulated readers and doors at the other end. Each part can be stopped, started
// again and disturbed. It is for tests only.
package harness

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kanmon/api"
	"kanmon/controller"
	"kanmon/firmware-sim/control"
	"kanmon/firmware-sim/demo"
	"kanmon/firmware-sim/pd"
	"kanmon/firmware-sim/world"
)

// Patience bounds every wait. It is long because nothing may depend on it: a test ends as soon as what it waits
// for has happened.
const Patience = 30 * time.Second

// System is one running city. Its methods fail the test when something goes wrong.
type System struct {
	City *demo.City

	t          testing.TB
	log        *slog.Logger
	centre     *part
	controller *part
	line       *part
	world      *world.World
	client     *demo.Client
}

// part is one running program.
type part struct {
	cancel context.CancelFunc
	ended  chan error
}

// Start starts everything with the demo city's people, cards and doors, and waits until the doors work.
func Start(t testing.TB) *System {
	t.Helper()
	// A Unix socket's path is short, so the folder's name must be.
	dir, err := os.MkdirTemp("", "kanmon") //nolint:usetesting // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // a temporary folder
	city, err := demo.Make(dir, "127.0.0.1:0", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &System{City: city, t: t, log: slog.New(slog.NewTextHandler(&testLog{t: t}, nil))}
	t.Cleanup(s.stop)
	s.StartCentre()
	if err := s.City.Fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.StartLine()
	s.StartController()
	s.AwaitDoors()
	return s
}

func (s *System) stop() {
	s.StopController()
	s.StopLine()
	s.StopCentre()
}

func (s *System) run(fn func(context.Context) error) *part {
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.t.Context()))
	p := &part{cancel: cancel, ended: make(chan error, 1)}
	go func() { p.ended <- fn(ctx) }()
	return p
}

func (s *System) end(p **part, what string) {
	s.t.Helper()
	if *p == nil {
		return
	}
	(*p).cancel()
	select {
	case err := <-(*p).ended:
		if err != nil {
			s.t.Errorf("%s ended with: %v", what, err)
		}
	case <-time.After(Patience):
		s.t.Errorf("%s did not end within %v", what, Patience)
	}
	*p = nil
}

// StartCentre starts the centre. The first time it takes any free ports; later it takes the same again.
func (s *System) StartCentre() {
	s.t.Helper()
	settings, err := api.ReadSettings(s.City.Files.CentreConfig())
	if err != nil {
		s.t.Fatal(err)
	}
	server, err := api.Open(s.t.Context(), settings, "test", s.log.With("program", "centre"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.City.Console, s.City.Broker = strings.TrimPrefix(server.URL(), "http://"), server.BrokerAddr().String()
	if err := s.City.Configure(); err != nil {
		s.t.Fatal(err)
	}
	s.centre = s.run(server.Run)
}

// StopCentre stops the centre in order.
func (s *System) StopCentre() { s.t.Helper(); s.end(&s.centre, "centre") }

// StartLine starts the simulated readers.
func (s *System) StartLine() {
	s.t.Helper()
	c, err := world.Load(s.City.Files.SimConfig())
	if err != nil {
		s.t.Fatal(err)
	}
	up := make(chan *world.World, 1)
	s.line = s.run(func(ctx context.Context) error {
		return world.Run(ctx, c, s.log.With("program", "line"), func(w *world.World) { up <- w })
	})
	select {
	case s.world = <-up:
	case err := <-s.line.ended:
		s.t.Fatalf("line: %v", err)
	}
	s.await("the control socket", func() bool { _, err := os.Stat(s.City.Files.Socket()); return err == nil })
}

// Device is a simulated device on the line, to be looked at.
func (s *System) Device(name string) *pd.Device { return s.world.Device(name) }

// StopLine hangs the line up.
func (s *System) StopLine() { s.t.Helper(); s.end(&s.line, "line") }

// StartController starts the controller.
func (s *System) StartController() {
	s.t.Helper()
	c, err := controller.LoadConfig(s.City.Files.ControllerConfig())
	if err != nil {
		s.t.Fatal(err)
	}
	edge, err := controller.NewEdge(c, s.log.With("program", "controller"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.controller = s.run(edge.Run)
}

// StopController stops the controller in order.
func (s *System) StopController() { s.t.Helper(); s.end(&s.controller, "controller") }

// Do does one thing at the doors.
func (s *System) Do(r control.Request) control.Answer {
	s.t.Helper()
	a, err := control.Ask(s.t.Context(), s.City.Files.Socket(), r)
	if err != nil {
		s.t.Fatalf("%s: %v", r.Op, err)
	}
	return a
}

// Tap holds a card to a reader and does not walk through.
func (s *System) Tap(reader, card string) control.Answer {
	s.t.Helper()
	return s.Do(control.Request{Op: control.Tap, Reader: reader, Card: card, Stay: true})
}

// Event is what the tests look at in an entry of the centre's log.
type Event struct {
	ID         int64     `json:"id"`
	Epoch      uint64    `json:"epoch"`
	Seq        uint64    `json:"seq"`
	At         time.Time `json:"at"`
	Kind       string    `json:"kind"`
	Door       string    `json:"door"`
	Device     string    `json:"device"`
	Reason     string    `json:"reason"`
	PersonName string    `json:"person_name"`
}

// Client is logged in as the administrator.
func (s *System) Client() *demo.Client {
	s.t.Helper()
	if s.client == nil {
		c := demo.NewClient(s.City.URL())
		if err := c.Login(s.t.Context(), s.City.Users[0].Name, s.City.Users[0].Password); err != nil {
			s.t.Fatal(err)
		}
		s.client = c
	}
	return s.client
}

// Events are the centre's entries, oldest first.
func (s *System) Events() []Event {
	s.t.Helper()
	var all []Event
	for {
		path := "events?limit=500"
		if len(all) > 0 {
			path += "&before=" + jsonNumber(all[len(all)-1].ID)
		}
		var page struct{ Items []Event }
		if err := s.Client().Call(s.t.Context(), http.MethodGet, path, nil, &page); err != nil {
			s.t.Fatal(err)
		}
		all = append(all, page.Items...)
		if len(page.Items) < 500 {
			slices.Reverse(all)
			return all
		}
	}
}

func jsonNumber(n int64) string {
	b, _ := json.Marshal(n) // never fails
	return string(b)
}

// AwaitEvent waits for an entry for which ok holds and returns it.
func (s *System) AwaitEvent(what string, ok func(Event) bool) Event {
	s.t.Helper()
	var found Event
	s.await(what, func() bool {
		events := s.Events()
		i := slices.IndexFunc(events, ok)
		if i >= 0 {
			found = events[i]
		}
		return i >= 0
	})
	return found
}

// AwaitDoors waits until every device is online and the controller has the centre's newest policy.
func (s *System) AwaitDoors() {
	s.t.Helper()
	s.await("the doors", func() bool {
		var out struct {
			Items []struct {
				Online   bool `json:"online"`
				UpToDate bool `json:"up_to_date"`
				Devices  []struct {
					Secure bool `json:"secure"`
				} `json:"devices"`
			} `json:"items"`
		}
		if err := s.Client().Call(s.t.Context(), http.MethodGet, "controllers", nil, &out); err != nil {
			s.t.Fatal(err)
		}
		if len(out.Items) != 1 || !out.Items[0].Online || !out.Items[0].UpToDate || len(out.Items[0].Devices) != 3 {
			return false
		}
		for _, d := range out.Items[0].Devices {
			if !d.Secure {
				return false
			}
		}
		return true
	})
}

// await polls until ok holds; what is named when it never does.
func (s *System) await(what string, ok func() bool) {
	s.t.Helper()
	deadline := time.Now().Add(Patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: not within %v", what, Patience)
		}
		<-tick.C
	}
}

// Database is the centre's database file.
func (s *System) Database() string {
	return filepath.Join(filepath.Dir(s.City.Files.CentreConfig()), "kanmon.db")
}

// testLog writes to the test's log while the test runs.
type testLog struct {
	mu sync.Mutex
	t  testing.TB
}

// Write logs one line.
func (l *testLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.t.Log(strings.TrimRight(string(b), "\n"))
	return len(b), nil
}
