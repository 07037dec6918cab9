package readers

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"slices"
	"time"

	"kanmon/controller/config"
	"kanmon/controller/core"
	"kanmon/internal/fault"
	"kanmon/internal/mqtt"
	"kanmon/internal/pki"
	"kanmon/reader/terminal"
)

// AddTerminals takes the biometric terminals of a configuration. clock is the one that certificates are judged by.
func (s *Set) AddTerminals(all []config.Terminal, clock func() time.Time) error {
	given := taken{clients: map[string]bool{}}
	for _, t := range all {
		d, err := s.terminal(t, clock, &given)
		if err != nil {
			return fault.Wrap(fault.Invalid, err, "terminal "+t.Name)
		}
		s.Add(t.Name, d)
	}
	return nil
}

// taken is what no two terminals share: a message says for whom it is by its secret alone, and a broker ends the connection of a client whose name comes
// again, so that two of one name would put each other out for ever.
type taken struct {
	secrets []terminal.Secret
	clients map[string]bool // by broker and name
}

func (g *taken) take(secret terminal.Secret, road terminal.Road) error {
	if slices.ContainsFunc(g.secrets, secret.Equal) {
		return fault.BadField("secret_file", "terminal.secret", "another terminal has the same secret")
	}
	g.secrets = append(g.secrets, secret)
	q, is := road.(terminal.MQTT)
	if !is {
		return nil
	}
	client := q.Client.URL + " " + q.Client.ClientID
	if g.clients[client] {
		return fault.BadField("cert_file", "terminal.client", "another terminal has a certificate of the same name at this broker")
	}
	g.clients[client] = true
	return nil
}

func (s *Set) terminal(t config.Terminal, clock func() time.Time, given *taken) (*terminal.Terminal, error) {
	text, err := pki.ReadPrivate(t.SecretFile)
	if err != nil {
		return nil, err
	}
	secret, err := terminal.ParseSecret(string(text))
	if err != nil {
		return nil, err
	}
	road, err := s.road(t, clock)
	if err != nil {
		return nil, err
	}
	if err := given.take(secret, road); err != nil {
		return nil, err
	}
	return terminal.New(terminal.Config{
		Name: t.Name, Secret: secret, Road: road, Sink: s, Heartbeat: time.Duration(t.HeartbeatS) * time.Second, Now: time.Now, Log: s.cfg.Log,
		Attacked: func(detail string) { s.cfg.Post(core.DeviceAttacked{Device: t.Name, Detail: detail}) },
	}), nil
}

func (s *Set) road(t config.Terminal, clock func() time.Time) (terminal.Road, error) {
	pair, err := pair(t)
	if err != nil {
		return nil, err
	}
	if t.Listen != "" {
		last := pair
		return terminal.HTTPS{Listen: t.Listen, Clock: clock, Log: s.cfg.Log, Certificate: func() *tls.Certificate { return freshest(t, last) }}, nil
	}
	text, err := os.ReadFile(t.CAFile)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "read the authority")
	}
	authorities, err := pki.ParseCertificates(text)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "read the certificate")
	}
	show := func() (*tls.Certificate, error) { return pair, nil }
	return terminal.MQTT{Topic: t.Topic, Client: mqtt.Config{
		URL: t.Broker, ClientID: leaf.Subject.CommonName, TLS: pki.ClientTLS(pki.Pool(authorities...), show, clock), Log: s.cfg.Log,
	}}, nil
}

func pair(t config.Terminal) (*tls.Certificate, error) {
	chain, err := os.ReadFile(t.CertFile)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "read the certificate")
	}
	key, err := pki.ReadPrivate(t.KeyFile)
	if err != nil {
		return nil, err
	}
	return pki.ParsePair(chain, key)
}

// freshest is the pair as the files have it now, or the last good one while they are being replaced.
func freshest(t config.Terminal, last *tls.Certificate) *tls.Certificate {
	if p, err := pair(t); err == nil {
		return p
	}
	return last
}
