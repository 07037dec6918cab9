package pki_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kanmon/internal/pki"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pipe is a connection over loopback: unlike net.Pipe it lets one side say why it goes while the other is still speaking.
func pipe(t *testing.T) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = net.Dial("tcp", l.Addr().String()); err == nil {
		b, err = l.Accept()
	}
	if err != nil {
		t.Fatal(err)
	}
	return a, b
}

// shake does one handshake, both ways: each side sends a byte the other reads. It returns both sides' errors.
func shake(t *testing.T, server, client *tls.Config) (serverErr, clientErr error) {
	t.Helper()
	a, b := pipe(t)
	deadline := time.Now().Add(10 * time.Second)
	_, _ = a.SetDeadline(deadline), b.SetDeadline(deadline)
	done := make(chan error, 1)
	go func() {
		s := tls.Server(a, server)
		_, err := io.ReadFull(s, make([]byte, 1))
		if err == nil {
			_, err = s.Write([]byte{1})
		}
		_ = a.Close()
		done <- err
	}()
	c := tls.Client(b, client)
	_, clientErr = c.Write([]byte{1})
	if clientErr == nil {
		_, clientErr = io.ReadFull(c, make([]byte, 1))
	}
	_ = b.Close()
	return <-done, clientErr
}

type side struct {
	ca     *pki.CA
	server *tls.Certificate
}

func newSide(t *testing.T, at time.Time) side {
	t.Helper()
	ca, err := pki.NewCA("demo", at)
	if err != nil {
		t.Fatal(err)
	}
	server, err := ca.IssueServer([]string{"127.0.0.1", "broker.example.jp"}, at)
	if err != nil {
		t.Fatal(err)
	}
	return side{ca, server}
}

func clientOf(t *testing.T, ca *pki.CA, at time.Time) func() (*tls.Certificate, error) {
	t.Helper()
	key := pki.NewSigningKey()
	cert, err := ca.IssueDevice("ctl-1", key.Public(), at)
	if err != nil {
		t.Fatal(err)
	}
	return func() (*tls.Certificate, error) {
		return &tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key.Private()}, nil
	}
}

func named(c *tls.Config, host string) *tls.Config { c.ServerName = host; return c }

// R47-1, R103-1
func TestOnlyAnEnrolledDeviceReachesTheBrokerAndOnlyTheRightBroker(t *testing.T) {
	here, elsewhere := newSide(t, now), newSide(t, now)
	broker := func() *tls.Config {
		return pki.BrokerTLS(func() *tls.Certificate { return here.server }, here.ca.Pool(), time.Now)
	}
	old := now.Add(-pki.DeviceLife - 2*time.Hour)
	for name, c := range map[string]struct {
		client *tls.Config
		good   bool
	}{
		"enrolled":              {pki.ClientTLS(here.ca.Pool(), clientOf(t, here.ca, now), time.Now), true},
		"of another authority":  {pki.ClientTLS(here.ca.Pool(), clientOf(t, elsewhere.ca, now), time.Now), false},
		"expired":               {pki.ClientTLS(here.ca.Pool(), clientOf(t, here.ca, old), time.Now), false},
		"without a certificate": {pki.TrustTLS(here.ca.Pool(), time.Now), false},
		"at another broker":     {pki.ClientTLS(elsewhere.ca.Pool(), clientOf(t, here.ca, now), time.Now), false},
	} {
		serverErr, clientErr := shake(t, broker(), named(c.client, "127.0.0.1"))
		if good := serverErr == nil && clientErr == nil; good != c.good {
			t.Errorf("%s: server %v, client %v", name, serverErr, clientErr)
		}
	}
	if _, err := shake(t, broker(), named(pki.ClientTLS(here.ca.Pool(), clientOf(t, here.ca, now), time.Now), "other.example.jp")); err == nil {
		t.Error("a broker of another name was believed")
	}
	tls12 := named(pki.ClientTLS(here.ca.Pool(), clientOf(t, here.ca, now), time.Now), "127.0.0.1")
	tls12.MinVersion, tls12.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	if _, err := shake(t, broker(), tls12); err == nil {
		t.Error("TLS 1.2 was spoken")
	}
}

func TestAMachineThatStartsIn1970ConnectsByItsClockFloor(t *testing.T) {
	here := newSide(t, now)
	broker := pki.BrokerTLS(func() *tls.Certificate { return here.server }, here.ca.Pool(), time.Now)
	boot := func() time.Time { return time.Unix(12, 0) }
	client := func(clock func() time.Time) *tls.Config {
		return named(pki.ClientTLS(here.ca.Pool(), clientOf(t, here.ca, now), clock), "127.0.0.1")
	}
	if _, err := shake(t, broker, client(boot)); err == nil {
		t.Error("in 1970 the broker's certificate was good: this test proves nothing")
	}
	if serverErr, clientErr := shake(t, broker, client(pki.ClockFloor(now, boot))); serverErr != nil || clientErr != nil {
		t.Errorf("with the floor: %v, %v", serverErr, clientErr)
	}
	late := now.Add(time.Hour)
	if got := pki.ClockFloor(now, func() time.Time { return late })(); !got.Equal(late) {
		t.Errorf("above the floor the clock says %v", got)
	}
}

func TestAFirstMeetingBelievesThePinOrAKnownAuthorityAndNothingElse(t *testing.T) {
	own, public, evil := newSide(t, now), newSide(t, now), newSide(t, now)
	web := func(s side) *tls.Config { return pki.WebTLS(func() *tls.Certificate { return s.server }, time.Now) }
	smuggled := *evil.server
	smuggled.Certificate = append([][]byte{evil.server.Certificate[0]}, own.ca.Certificate().Raw) // shows the pinned authority, is not of it
	none := x509.NewCertPool()
	for name, c := range map[string]struct {
		server *tls.Config
		host   string
		roots  *x509.CertPool
		good   bool
	}{
		"the pinned authority":            {web(own), "127.0.0.1", none, true},
		"an authority the machine trusts": {web(public), "broker.example.jp", public.ca.Pool(), true},
		"another authority":               {web(evil), "127.0.0.1", none, false},
		"the pin beside another chain":    {pki.WebTLS(func() *tls.Certificate { return &smuggled }, time.Now), "127.0.0.1", none, false},
		"another address":                 {web(own), "127.0.0.2", none, false},
		"another name":                    {web(own), "evil.example.jp", none, false},
	} {
		client := pki.PinnedTLS(c.host, []string{own.ca.Pin()}, c.roots, time.Now)
		_, err := shake(t, c.server, client)
		if (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && errors.Is(err, io.EOF) {
			t.Errorf("%s: the server ended it, not the client", name)
		}
	}
}
