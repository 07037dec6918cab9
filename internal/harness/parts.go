package harness

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kanmon/api"
	"kanmon/controller"
	"kanmon/controller/identity"
	"kanmon/firmware-sim/demo"
	"kanmon/firmware-sim/pd"
	"kanmon/firmware-sim/world"
	"kanmon/internal/broker/brokertest"
	"kanmon/internal/pki"
	"kanmon/lifecycle/account"
)

// part is one program that runs as a goroutine.
type part struct {
	t      testing.TB
	cancel context.CancelFunc
	ended  chan error
}

func (s *System) run(fn func(context.Context) error) *part {
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.t.Context()))
	p := &part{t: s.t, cancel: cancel, ended: make(chan error, 1)}
	go func() { p.ended <- fn(ctx) }()
	return p
}

func (p *part) stop(what string) {
	p.t.Helper()
	p.cancel()
	select {
	case err := <-p.ended:
		if err != nil {
			p.t.Errorf("%s ended with: %v", what, err)
		}
	case <-time.After(Patience):
		p.t.Errorf("%s did not end within %v", what, Patience)
	}
}

// kill is a mistake of the test: a goroutine cannot be killed.
func (p *part) kill() {
	p.t.Helper()
	p.t.Fatal("only a process can be killed: start the system with Programs")
}

func (s *System) end(r *runner, what string) {
	s.t.Helper()
	if *r == nil {
		return
	}
	(*r).stop(what)
	*r = nil
}

// StartCentre starts the centre. The first time it takes any free ports; later it takes the same again.
func (s *System) StartCentre() {
	s.t.Helper()
	if s.opt.programs {
		p := NewProgram(s.t, "kanmon-api", s.logFile("kanmon-api"), "serve", "-config", s.City.Files.CentreConfig())
		p.Start()
		s.centre = p
		s.awaitCentre()
		return
	}
	settings, err := api.ReadSettings(s.City.Files.CentreConfig())
	if err != nil {
		s.t.Fatal(err)
	}
	settings.PasswordCost = account.Cost{MemoryKiB: 64, Passes: 1, Lanes: 1}
	server, err := api.Open(s.t.Context(), settings, "test", s.log.With("program", "centre"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.City.Console = strings.TrimPrefix(server.URL(), "https://")
	if s.opt.broker == brokertest.Embedded {
		s.City.Broker = server.BrokerAddr().String()
	}
	s.configure()
	s.centre = s.run(server.Run)
}

// configure writes the configuration of all programs anew.
func (s *System) configure() {
	s.t.Helper()
	if err := s.City.Configure(); err != nil {
		s.t.Fatal(err)
	}
}

// awaitCentre returns when the centre answers.
func (s *System) awaitCentre() {
	s.t.Helper()
	s.await("the centre", func() bool {
		c, err := s.City.Client()
		if err != nil {
			return false
		}
		defer c.Close()
		return c.Call(s.t.Context(), http.MethodGet, "healthz", nil, nil) == nil
	})
}

// StopCentre stops the centre in order.
func (s *System) StopCentre() { s.t.Helper(); s.end(&s.centre, "centre") }

// enrol gives the city's controller its key and certificate.
func (s *System) enrol() {
	s.t.Helper()
	token, err := s.City.Token(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	s.enrolAs(demo.Controller, token, s.controllerConfig().DataDir)
}

// enrolAs enrols a controller whose data folder is dir.
func (s *System) enrolAs(name, text, dir string) identity.Identity {
	s.t.Helper()
	token, err := pki.ParseToken(text)
	if err != nil {
		s.t.Fatal(err)
	}
	sealer, err := pki.OpenSealer(filepath.Join(dir, "sealing-key"), true)
	if err != nil {
		s.t.Fatal(err)
	}
	id, err := identity.Enroll(s.t.Context(), identity.Request{
		URL: s.City.URL(), Token: token, Controller: name, Dir: filepath.Join(dir, "identity"), Sealer: sealer,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

func (s *System) controllerConfig() controller.Config {
	s.t.Helper()
	c, err := controller.LoadConfig(s.City.Files.ControllerConfig())
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

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
func (s *System) StopLine() {
	s.t.Helper()
	if s.line != nil {
		s.line.stop("line")
		s.line = nil
	}
}

// StartController starts the controller.
func (s *System) StartController() {
	s.t.Helper()
	if s.opt.programs {
		p := NewProgram(s.t, "kanmon-controller", s.logFile("kanmon-controller"), "-config", s.City.Files.ControllerConfig())
		p.Start()
		s.controller = p
		return
	}
	edge, err := controller.NewEdge(s.controllerConfig(), s.log.With("program", "controller"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.controller = s.run(edge.Run)
}

// StopController stops the controller in order.
func (s *System) StopController() { s.t.Helper(); s.end(&s.controller, "controller") }

// KillController kills the controller's process and starts it again.
func (s *System) KillController() {
	s.t.Helper()
	s.controller.kill()
	s.StartController()
}

// KillCentre kills the centre's process and starts it again.
func (s *System) KillCentre() {
	s.t.Helper()
	s.centre.kill()
	s.StartCentre()
}

// logFile is where a process writes what it has to say.
func (s *System) logFile(program string) *os.File {
	s.t.Helper()
	name := s.City.Files.Log(program)
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = f.Close() })
	return f
}
