package harness

import (
	"bytes"
	"crypto/tls"
	"os"
	"os/user"
	"path/filepath"
	"testing"
	"time"

	"kanmon/controller/identity"
	"kanmon/internal/broker/brokertest"
	"kanmon/internal/broker/mosquitto"
	"kanmon/internal/pki"
)

// Mosquitto is Debian's broker beside the centre, with the files that the centre writes for it.
type Mosquitto struct{ *brokertest.Process }

// openRoad makes what stands between the controller and the centre, once the centre has made its authority.
func (s *System) openRoad() {
	s.t.Helper()
	to := s.City.Broker
	if s.opt.relayed != nil {
		s.Relay = brokertest.NewRelay(s.t, s.taken(to))
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

// taken is a broker that was taken over: it has a certificate of the site, and the controller's own towards the real broker.
func (s *System) taken(to string) brokertest.RelayConfig {
	s.t.Helper()
	ca := s.authority()
	server, err := ca.IssueServer([]string{"127.0.0.1"}, time.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	return brokertest.RelayConfig{
		To: to, Server: *server, CAs: ca.Pool(), Tamper: s.opt.relayed,
		Client: func(string) *tls.Config {
			config := tlsOf(s.stolen())
			config.ServerName = "127.0.0.1"
			return config
		},
	}
}

// tlsOf is the configuration of a client with this identity.
func tlsOf(id identity.Identity) *tls.Config {
	return pki.ClientTLS(pki.Pool(id.Authorities...), func() (*tls.Certificate, error) { return id.Key.TLS(id.Certificate), nil }, time.Now)
}

// stolen is the identity of the controller at the doors.
func (s *System) stolen() identity.Identity {
	s.t.Helper()
	c := s.controllerConfig()
	sealer, err := pki.OpenSealer(c.SealingKeyFile, false)
	if err != nil {
		s.t.Fatal(err)
	}
	id, err := identity.Load(c.IdentityDir(), sealer)
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

// authority is the site's own, from the centre's folder.
func (s *System) authority() *pki.CA {
	s.t.Helper()
	dir := filepath.Dir(s.Database())
	sealer, err := pki.OpenSealer(filepath.Join(dir, "sealing-key"), false)
	if err != nil {
		s.t.Fatal(err)
	}
	vault, err := pki.NewVault(filepath.Join(dir, "keys"), sealer)
	if err != nil {
		s.t.Fatal(err)
	}
	b, err := vault.Load("device-ca")
	if err != nil {
		s.t.Fatal(err)
	}
	ca, err := pki.ParseCA(b)
	if err != nil {
		s.t.Fatal(err)
	}
	return ca
}

// startMosquitto starts the external broker, once the centre has written its files.
func (s *System) startMosquitto() {
	s.t.Helper()
	dir := s.City.Files.Mosquitto()
	var conf []byte
	s.await("mosquitto's files", func() (ok bool) {
		b, err := os.ReadFile(filepath.Join(dir, mosquitto.ConfFile))
		conf = b
		return err == nil
	})
	// As root mosquitto would become another user, who may not read a test's folder.
	own := filepath.Join(dir, "test.conf")
	if err := os.WriteFile(own, append([]byte("user "+whoami(s.t)+"\n"), conf...), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.Mosquitto = &Mosquitto{brokertest.Launch(s.t, own, s.City.Broker)}
}

// admit waits until the external broker's files name the controllers, and tells it to read them.
func (s *System) admit(names ...string) {
	s.t.Helper()
	if s.Mosquitto == nil {
		return
	}
	s.await("mosquitto's rules", func() bool {
		acl, err := os.ReadFile(filepath.Join(s.City.Files.Mosquitto(), mosquitto.ACLFile))
		if err != nil {
			return false
		}
		for _, name := range names {
			if !bytes.Contains(acl, []byte("user "+name+"\n")) {
				return false
			}
		}
		return true
	})
	s.Mosquitto.Reload()
}

func whoami(t testing.TB) string {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return u.Username
}
