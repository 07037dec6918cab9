package harness

import (
	"path/filepath"
	"strings"
	"time"

	"kanmon/firmware-sim/demo"
	"kanmon/firmware-sim/fleet"
)

// NewFleet enrols n more controllers, which have no line; run starts them.
func (s *System) NewFleet(n int) (f *fleet.Fleet, run func()) {
	s.t.Helper()
	f, err := fleet.New(fleet.Config{
		Dir: filepath.Join(filepath.Dir(s.City.Files.Socket()), "fleet"), Site: demo.Site, N: n, CentreURL: s.City.URL(),
		BrokerURL: "tls://" + s.City.Broker, Log: s.log.With("program", "fleet"),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := f.Enrol(s.t.Context(), s.Client()); err != nil {
		s.t.Fatal(err)
	}
	var names []string
	for _, m := range f.Members() {
		names = append(names, m.Name)
	}
	s.admit(names...)
	return f, func() {
		p := s.run(f.Run)
		s.t.Cleanup(func() { p.stop("fleet") })
	}
}

// StartFleet runs n more controllers until the test ends and waits until the centre has them up to date.
func (s *System) StartFleet(n int) *fleet.Fleet {
	s.t.Helper()
	f, run := s.NewFleet(n)
	run()
	began, ready := time.Now(), 0
	s.awaitFor(10*Patience, "the fleet", func() bool {
		pause(time.Second)
		ready = 0
		for _, c := range s.Controllers() {
			if strings.HasPrefix(c.Name, "fleet-") && c.Online && c.UpToDate {
				ready++
			}
		}
		return ready == n
	})
	s.t.Logf("a fleet of %d is up to date after %v", n, time.Since(began).Round(time.Second))
	return f
}

func pause(d time.Duration) { <-time.After(d) }
