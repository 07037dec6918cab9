package harness

import (
	"os/user"
	"path/filepath"
	"testing"

	"kanmon/internal/broker/brokertest"
	"kanmon/internal/broker/mosquitto"
)

// Mosquitto is Debian's broker beside the centre, with the files that the centre writes for it.
type Mosquitto struct{ *brokertest.Process }

// openRoad makes what stands between the controller and the centre, once the centre has made its authority.
func (s *System) openRoad() {
	s.t.Helper()
	if s.opt.broker == brokertest.Mosquitto {
		dir := s.City.Files.Mosquitto()
		s.await("mosquitto's files", func() bool { return exists(s.t, filepath.Join(dir, mosquitto.ConfFile)) })
		s.Mosquitto = &Mosquitto{brokertest.Launch(s.t, filepath.Join(dir, mosquitto.ConfFile), s.City.Broker)}
	}
	to := s.City.Broker
	if s.opt.relayed != nil {
		s.Relay = s.relay(to)
		to = s.Relay.Address()
	}
	if s.opt.proxied {
		s.Proxy = brokertest.NewProxy(s.t, to)
		to = s.Proxy.Address()
	}
	if to != s.City.Broker {
		s.City.Road = to
		s.configure()
	}
}

func whoami(t testing.TB) string {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return u.Username
}
