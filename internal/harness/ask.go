package harness

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"kanmon/firmware-sim/control"
	"kanmon/firmware-sim/demo"
	"kanmon/firmware-sim/outlog"
	"kanmon/internal/access"
	"kanmon/internal/pki"
)

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
	Controller string    `json:"controller"`
	Epoch      uint64    `json:"epoch"`
	Seq        uint64    `json:"seq"`
	At         time.Time `json:"at"`
	Kind       string    `json:"kind"`
	Door       string    `json:"door"`
	Device     string    `json:"device"`
	Reason     string    `json:"reason"`
	Person     string    `json:"person"`
	Card       string    `json:"card"`
	CardLabel  string    `json:"card_label"`
	PersonName string    `json:"person_name"`
	Detail     string    `json:"detail"`
}

// Client is logged in as the administrator.
func (s *System) Client() *demo.Client {
	s.t.Helper()
	if s.client == nil {
		c, err := s.City.Client()
		if err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(c.Close)
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

// AwaitDoors waits until every device of the city's controller is online and it has the centre's newest policy.
func (s *System) AwaitDoors() {
	s.t.Helper()
	s.await("the doors", func() bool {
		for _, c := range s.Controllers() {
			if c.Name == demo.Controller {
				return c.ready()
			}
		}
		return false
	})
}

// ready reports the city's devices at work: three with a secure channel, and the serial reader.
func (c Controller) ready() bool {
	online, secure := 0, 0
	for _, d := range c.Devices {
		if d.Online {
			online++
		}
		if d.Secure {
			secure++
		}
	}
	return c.Online && c.UpToDate && online == 4 && secure == 3
}

// await polls until ok holds; what is named when it never does.
func (s *System) await(what string, ok func() bool) {
	s.t.Helper()
	s.awaitFor(Patience, what, ok)
}

func (s *System) awaitFor(patience time.Duration, what string, ok func() bool) {
	s.t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: not within %v", what, patience)
		}
		<-tick.C
	}
}

// Strikes are those that the simulated line has energised so far.
func (s *System) Strikes() []outlog.Row {
	s.t.Helper()
	rows, err := outlog.Read(s.City.Files.OutLog())
	if err != nil {
		s.t.Fatal(err)
	}
	return rows
}

// Backlog is how many events the controller has told of that the centre has not, by its last status, and at least one
// while there is doubt.
func (s *System) Backlog() uint64 {
	s.t.Helper()
	for _, c := range s.Controllers() {
		if c.Name == demo.Controller && c.Online {
			return c.Backlog
		}
	}
	return 1
}

// Controller is what the tests look at in a controller's state.
type Controller struct {
	Name     string         `json:"name"`
	State    string         `json:"state"`
	Online   bool           `json:"online"`
	UpToDate bool           `json:"up_to_date"`
	Backlog  uint64         `json:"backlog"`
	Applied  access.Version `json:"applied"`
	Devices  []struct {
		Online bool `json:"online"`
		Secure bool `json:"secure"`
	} `json:"devices"`
}

// online reports whether the centre takes the city's controller to be there.
func (s *System) online() bool {
	s.t.Helper()
	return slices.ContainsFunc(s.Controllers(), func(c Controller) bool { return c.Name == demo.Controller && c.Online })
}

// Controllers as the centre sees them.
func (s *System) Controllers() []Controller {
	s.t.Helper()
	var out struct{ Items []Controller }
	if err := s.Client().Call(s.t.Context(), http.MethodGet, "controllers", nil, &out); err != nil {
		s.t.Fatal(err)
	}
	return out.Items
}

// ConsoleKey is base64 of the SHA-256 of the SubjectPublicKeyInfo in the console's certificate, which a handshake that trusts the site's
// authority alone has shown.
func (s *System) ConsoleKey() string {
	s.t.Helper()
	raw, err := (&net.Dialer{}).DialContext(s.t.Context(), "tcp", s.City.Console)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = raw.Close() }() // only looked at
	config := pki.TrustTLS(s.authority().Pool(), time.Now)
	config.ServerName = "127.0.0.1"
	conn := tls.Client(raw, config)
	if err := conn.HandshakeContext(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	sum := sha256.Sum256(conn.ConnectionState().PeerCertificates[0].RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Database is the centre's database file.
func (s *System) Database() string {
	return filepath.Join(filepath.Dir(s.City.Files.CentreConfig()), "kanmon.db")
}
