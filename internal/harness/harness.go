// Package harness starts the whole system inside a test: the centre with its database, broker and console, a
// controller on a real tty, and simulated readers and doors at the other end. Each part can be stopped, started
// again and disturbed; with Programs centre and controller are processes that can be killed. It is for tests only.
package harness

import (
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"kanmon/firmware-sim/demo"
	"kanmon/firmware-sim/world"
	"kanmon/internal/broker/brokertest"
)

// Patience bounds every wait. It is long because nothing may depend on it: a test ends as soon as what it waits
// for has happened.
const Patience = 30 * time.Second

// System is one running city. Its methods fail the test when something goes wrong.
type System struct {
	City *demo.City
	// Proxy is the network between the controller and the broker; nil without Proxied.
	Proxy *brokertest.Proxy
	// Relay is a broker that has been taken over, between the controller and the broker; nil without Relayed.
	Relay *brokertest.Relay
	// Mosquitto is the external broker; nil: the centre's own.
	Mosquitto *Mosquitto

	t          testing.TB
	opt        options
	log        *slog.Logger
	centre     runner
	controller runner
	line       *part
	world      *world.World
	client     *demo.Client
}

// runner is a program that runs, as a goroutine or as a process.
type runner interface {
	stop(what string)
	kill()
}

type options struct {
	programs bool
	broker   brokertest.Kind
	proxied  bool
	quiet    bool
	silent   int
	record   io.Writer
	relayed  func(brokertest.Passing) []brokertest.Passing
}

// Option changes how a System is put together.
type Option func(*options)

// Programs runs centre and controller as processes of their own, which can be killed.
func Programs() Option { return func(o *options) { o.programs = true } }

// On runs the system with a broker of this kind; without it with the embedded one.
func On(kind brokertest.Kind) Option { return func(o *options) { o.broker = kind } }

// Proxied puts a network that can be held and cut between the controller and the broker.
func Proxied() Option { return func(o *options) { o.proxied = true } }

// Relayed puts a broker that has been taken over between the controller and the broker.
func Relayed(tamper func(brokertest.Passing) []brokertest.Passing) Option {
	return func(o *options) { o.relayed = tamper }
}

// Quiet logs warnings only: a benchmark of hundreds of controllers measures no log.
func Quiet() Option { return func(o *options) { o.quiet = true } }

// Impatient takes a controller that says nothing for an alarm after some seconds.
func Impatient(seconds int) Option { return func(o *options) { o.silent = seconds } }

// Recorded writes the log to w besides the test's own.
func Recorded(w io.Writer) Option { return func(o *options) { o.record = w } }

// Honest is a tamper for Relayed that changes nothing.
func Honest(p brokertest.Passing) []brokertest.Passing { return []brokertest.Passing{p} }

// Start starts everything with the demo city's people, cards and doors, and waits until the doors work.
func Start(t testing.TB, options ...Option) *System {
	t.Helper()
	s := prepare(t, options...)
	s.StartCentre()
	if s.City.External {
		s.startMosquitto()
	}
	if err := s.City.Fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.enrol()
	s.admit(demo.Controller)
	s.openRoad()
	s.StartLine()
	s.StartController()
	s.AwaitDoors()
	return s
}

func defaults(all []Option) options {
	o := options{broker: brokertest.Embedded, record: io.Discard}
	for _, change := range all {
		change(&o)
	}
	return o
}

func (o options) level() slog.Level {
	if o.quiet {
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// prepare makes a city on disk.
func prepare(t testing.TB, options ...Option) *System {
	t.Helper()
	// A Unix socket's path is short, so the folder's name must be.
	dir, err := os.MkdirTemp("", "kanmon") //nolint:usetesting // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // a temporary folder
	s := &System{t: t, opt: defaults(options)}
	s.log = slog.New(slog.NewTextHandler(io.MultiWriter(&testLog{t: t}, s.opt.record), &slog.HandlerOptions{Level: s.opt.level()}))
	console, broker := "127.0.0.1:0", "127.0.0.1:0"
	if s.opt.programs {
		console = brokertest.FreeAddress(t)
	}
	if s.opt.programs || s.opt.broker == brokertest.Mosquitto {
		broker = brokertest.FreeAddress(t)
	}
	if s.City, err = demo.Make(dir, console, broker); err != nil {
		t.Fatal(err)
	}
	s.City.Silent = s.opt.silent
	s.City.External = s.opt.broker == brokertest.Mosquitto
	s.configure()
	t.Cleanup(s.stop)
	return s
}

func (s *System) stop() {
	s.StopController()
	s.StopLine()
	s.StopCentre()
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
