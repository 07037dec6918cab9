package broker_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"kanmon/internal/broker/brokertest"
	"kanmon/internal/wire"
)

// R47-1, R103-1. M-1: nobody is admitted without a valid certificate of this site's authority, and each try is in the broker's log.
func TestM1WithoutAValidCertificateNobodyIsAdmitted(t *testing.T) {
	brokertest.Each(t, func(t *testing.T, kind brokertest.Kind) {
		b := brokertest.Start(t, kind)
		device := func(change func(*x509.Certificate)) *tls.Config { return b.With(b.Authority.Device("ctl-1", change)) }
		revoked := b.TLS("ctl-4")
		b.Revoke("ctl-4")
		for name, config := range map[string]*tls.Config{
			"no certificate":         b.With(),
			"of another authority":   b.With(brokertest.NewAuthority(t).Device("ctl-1")),
			"expired":                device(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }),
			"not valid yet":          device(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour / 2) }),
			"a server's certificate": device(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }),
			"the broker's own":       b.With(b.Authority.Server()),
			"TLS 1.2":                atMost12(b.TLS("ctl-1")),
			"revoked":                revoked,
		} {
			before := len(b.Log())
			id := "ctl-1"
			if name == "revoked" {
				id = "ctl-4"
			}
			if b.Admits(config, brokertest.As(id)) {
				t.Errorf("%s: was admitted", name)
			}
			brokertest.Until(t, name+" is in the log", func() bool { return refused(b.Log()[before:]) })
		}
		if !b.Admits(b.TLS("ctl-1"), brokertest.As("ctl-1")) {
			t.Error("a proper controller was refused")
		}
	})
}

// refused finds the line with which each broker says so.
func refused(log string) bool {
	return slices.ContainsFunc([]string{
		"broker refuses a client", "certificate verify failed", "did not return a certificate", "unsupported protocol",
	}, func(line string) bool { return strings.Contains(log, line) })
}

func atMost12(c *tls.Config) *tls.Config {
	c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	return c
}

// M-1: and nobody who does not speak TLS at all is answered.
func TestM1WithoutTLSNobodyIsAnswered(t *testing.T) {
	brokertest.Each(t, func(t *testing.T, kind brokertest.Kind) {
		b := brokertest.Start(t, kind)
		conn, err := net.Dial("tcp", b.Address())
		if err != nil {
			t.Fatal(err)
		}
		clear := brokertest.Over(t, conn)
		if clear.Connect(brokertest.As("ctl-1")) || clear.Subscribe(ack1) {
			t.Error("answered without TLS")
		}
	})
}

// R103-1. M-1: a certificate of a name that is not registered, or of another name than the client id, gives no right of another. The
// embedded broker refuses the connection; mosquitto knows the client by its certificate alone, and lets it do what that name may.
func TestM1AnotherClientsNameGivesNoRights(t *testing.T) {
	brokertest.Each(t, func(t *testing.T, kind brokertest.Kind) {
		b := brokertest.Start(t, kind)
		centre := b.Connect(wire.Centre)
		centre.Subscribe(filter(wire.Events))
		for _, test := range []struct{ certificate, id, user string }{
			{"ctl-99", "ctl-99", ""},
			{"ctl-99", "ctl-1", ""},
			{"ctl-99", "ctl-1", "ctl-1"},
			{"ctl-2", "ctl-1", ""},
			{"ctl-2", "ctl-2", "ctl-1"},
			{"ctl-2", "ctl-1", "ctl-1"},
			{wire.All, wire.All, ""},
			{"ctl-1/+", "ctl-1/+", ""},
			{"+", "+", ""},
			{"", "ctl-1", ""},
		} {
			h := brokertest.As(test.id)
			h.User = test.user
			r := b.Dial(test.certificate)
			if !r.Connect(h) {
				continue
			}
			if kind == brokertest.Embedded {
				t.Errorf("%+v was admitted", test)
			}
			r.Publish(events1, "forged", 0)
			r.Close()
		}
		if !b.Connect("ctl-1").Publish(events1, "true", 0) {
			t.Fatal("not acknowledged")
		}
		if m := centre.Receive(); m.Payload != "true" {
			t.Errorf("the centre heard %+v", m)
		}
	})
}

// M-1: what the embedded broker refuses besides.
func TestM1OnlyAProperHelloIsAdmitted(t *testing.T) {
	b := brokertest.Start(t, brokertest.Embedded)
	for name, change := range map[string]func(*brokertest.Hello){
		"an empty id":              func(h *brokertest.Hello) { h.ID = "" },
		"an id that is no name":    func(h *brokertest.Hello) { h.ID = "ctl-1/+" },
		"a session outliving it":   func(h *brokertest.Hello) { h.Unclean = true },
		"MQTT 5":                   func(h *brokertest.Hello) { h.Version = 5 },
		"MQTT 3.1":                 func(h *brokertest.Hello) { h.Version = 3 },
		"no keep-alive":            func(h *brokertest.Hello) { h.KeepAlive = 0 },
		"a keep-alive of a day":    func(h *brokertest.Hello) { h.KeepAlive = 65535 },
		"a will of QoS 2":          func(h *brokertest.Hello) { h.Will, h.WillFlags = [2]string{status1, "x"}, 0x10 },
		"a will of 5 KB":           func(h *brokertest.Hello) { h.Will = [2]string{status1, strings.Repeat("x", 5000)} },
		"a will that is no status": func(h *brokertest.Hello) { h.Will = [2]string{events1, "x"} },
	} {
		h := brokertest.As("ctl-1")
		change(&h)
		if b.Admits(b.TLS("ctl-1"), h) {
			t.Errorf("%s was admitted", name)
		}
	}
	if !b.Admits(b.TLS("ctl-1"), brokertest.As("ctl-1").WithWill(status1, "x")) {
		t.Error("a proper controller was refused")
	}
}
