package broker_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"kanmon/internal/broker"
	"kanmon/internal/broker/brokertest"
	"kanmon/internal/fault"
)

// R47-1: there is no broker without TLS, nor one that does not ask for certificates.
func TestM1ABrokerWithoutClientCertificatesIsNotMade(t *testing.T) {
	a := brokertest.NewAuthority(t)
	good := broker.Config{
		Listen: "127.0.0.1:0", Site: "demo", Log: slog.New(slog.DiscardHandler),
		Authenticate: func(context.Context, broker.Peer) (broker.Identity, error) { return broker.Identity{}, nil },
		TLS:          &tls.Config{Certificates: []tls.Certificate{a.Server()}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.Pool()},
	}
	for name, change := range map[string]func(*broker.Config){
		"no check": func(c *broker.Config) { c.Authenticate = nil },
		"no site":  func(c *broker.Config) { c.Site = "" },
		"no log":   func(c *broker.Config) { c.Log = nil },
		"no TLS":   func(c *broker.Config) { c.TLS = nil },
		"any certificate": func(c *broker.Config) {
			c.TLS = changed(c.TLS, func(t *tls.Config) { t.ClientAuth = tls.RequireAnyClientCert })
		},
		"if one is given": func(c *broker.Config) {
			c.TLS = changed(c.TLS, func(t *tls.Config) { t.ClientAuth = tls.VerifyClientCertIfGiven })
		},
		"no own authority": func(c *broker.Config) { c.TLS = changed(c.TLS, func(t *tls.Config) { t.ClientCAs = nil }) },
	} {
		c := good
		change(&c)
		if _, err := broker.New(t.Context(), c); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
	good.Listen = "127.0.0.1:99999"
	if _, err := broker.New(t.Context(), good); err == nil {
		t.Error("a wrong port was accepted")
	}
}

func changed(c *tls.Config, change func(*tls.Config)) *tls.Config {
	c = c.Clone()
	change(c)
	return c
}

// M-1: a configuration that changes itself at the handshake does not get around the rule, and no session is resumed: it would not
// show its certificate again.
func TestM1EachConnectionShowsItsCertificateInTLS13(t *testing.T) {
	b, inner := brokertest.Configure(t, func(c *broker.Config) {
		weak := &tls.Config{Certificates: c.TLS.Certificates, MinVersion: tls.VersionTLS12}
		c.TLS.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return weak, nil }
	})
	if b.Admits(b.With(), brokertest.As("ctl-1")) || b.Admits(b.TLS("ctl-1"), brokertest.As("ctl-1")) || inner.Stats().Refused < 2 {
		t.Error("admitted without a verified certificate")
	}
	b = brokertest.Start(t, brokertest.Embedded)
	config := b.TLS("ctl-1")
	config.ClientSessionCache = tls.NewLRUClientSessionCache(8)
	for range 3 {
		r := b.DialTLS(config)
		if !r.Connect(brokertest.As("ctl-1")) || !r.Ping() || r.Conn.(*tls.Conn).ConnectionState().DidResume {
			t.Error("refused, or a session was resumed")
		}
		r.Close()
	}
}

// M-1: a client has ten seconds for its handshake and its CONNECT together; one that is silent is cut off.
func TestM1ASilentClientIsCutOff(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, brokertest.Embedded)
	conn, err := net.Dial("tcp", b.Address())
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	mute, half := brokertest.Over(t, conn), b.Dial("ctl-1")
	if !half.Ended() || !mute.Ended() {
		t.Error("still connected")
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("after %v", took)
	}
}

func TestThePeerIsShownAsItIs(t *testing.T) {
	seen := make(chan broker.Peer, 1)
	b, _ := brokertest.Configure(t, func(c *broker.Config) {
		ask := c.Authenticate
		c.Authenticate = func(ctx context.Context, p broker.Peer) (broker.Identity, error) {
			seen <- p
			return ask(ctx, p)
		}
	})
	own := b.Authority.Device("ctl-1")
	h := brokertest.As("ctl-1")
	h.User, h.Password = "ctl-1", "not looked at"
	if !b.Admits(b.With(own), h) {
		t.Fatal("refused")
	}
	want, err := x509.ParseCertificate(own.Certificate[0])
	if p := <-seen; err != nil || p.ClientID != "ctl-1" || p.Username != "ctl-1" || !p.Certificate.Equal(want) {
		t.Errorf("%+v", p)
	}
}

func TestAnIdentityOfAnotherNameOrAPanicAdmitsNobody(t *testing.T) {
	b, inner := brokertest.Configure(t, func(c *broker.Config) {
		c.Authenticate = func(_ context.Context, p broker.Peer) (broker.Identity, error) {
			switch p.ClientID {
			case "ctl-1":
				return broker.Identity{Name: "ctl-2", Role: broker.Controller}, nil
			case "all":
				return broker.Identity{Name: "all", Role: broker.Controller}, nil
			default:
				panic("a defect")
			}
		}
	})
	for _, id := range []string{"ctl-1", "all", "ctl-3"} {
		if b.Admits(b.TLS(id), brokertest.As(id)) {
			t.Errorf("%s was admitted", id)
		}
	}
	if s := inner.Stats(); s.Panics != 1 || s.Refused != 2 {
		t.Errorf("%+v, want one panic and two refusals", s)
	}
}

func TestTheLogIsThrottled(t *testing.T) {
	b := brokertest.Start(t, brokertest.Embedded)
	stranger := b.TLS("ctl-99")
	for range 100 {
		b.Admits(stranger, brokertest.As("ctl-99"))
	}
	if n := strings.Count(b.Log(), "refuses a client"); n == 0 || n > 40 {
		t.Errorf("%d lines for 100 refusals", n)
	}
}
