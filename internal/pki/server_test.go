package pki_test

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"strings"
	"testing"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/pki"
)

const day = 24 * time.Hour

func TestAServerKeyComesBackFromItsPEMAndFitsItsHosts(t *testing.T) {
	ca := authority(t)
	made, err := ca.IssueServer([]string{"Kanmon.example.jp", "::1", "*.example.jp"}, now)
	if err != nil {
		t.Fatal(err)
	}
	chain, key, err := pki.EncodePair(made)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := pki.ParsePair(chain, key)
	if err != nil || !pair.Leaf.Equal(made.Leaf) || len(pair.Certificate) != 2 {
		t.Fatalf("%v", err)
	}
	if again, _, err := pki.EncodePair(pair); err != nil || string(again) != string(chain) {
		t.Errorf("%v", err)
	}
	for _, c := range []struct {
		hosts []string
		until time.Time
		want  bool
	}{
		{[]string{"kanmon.example.jp", "::1"}, now.Add(396 * day), true},
		{[]string{"kanmon.example.jp"}, now.Add(398 * day), false},
		{[]string{"kanmon.example.jp", "192.0.2.1"}, now, false},
		{[]string{"example.com"}, now, false},
	} {
		if pki.Serves(pair, c.hosts, c.until) != c.want {
			t.Errorf("%v until %v: want %v", c.hosts, c.until, c.want)
		}
	}
	if pki.Serves(nil, nil, now) {
		t.Error("nothing serves")
	}
	other, err := ca.IssueServer([]string{"::1"}, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pki.ParsePair(chain, second(pki.EncodePair(other))); fault.KindOf(err) != fault.Invalid {
		t.Errorf("another's key: %v", err)
	}
}

func TestAServerWithoutProperHostsGetsNoCertificate(t *testing.T) {
	for _, hosts := range [][]string{nil, {""}, {"a b"}, {"https://a"}, {"a:443"}, {"-a"}, {"ok.example", "*"}, {"日本"}, {strings.Repeat("a.", 150) + "jp"}} {
		if _, err := authority(t).IssueServer(hosts, now); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", hosts, err)
		}
	}
}

func TestNamesThatAreNoneGetNoCertificate(t *testing.T) {
	ca := authority(t)
	for _, name := range []string{"", "CTL", "a/b", "+", "#", "a b", strings.Repeat("a", 33), "a\x00", "ctl-1\n"} {
		if _, err := ca.IssueDevice(name, pki.NewSigningKey().Public(), now); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", name, err)
		}
		if csr, err := pki.MakeCSR(pki.NewSigningKey(), name); err == nil {
			if _, _, err := pki.ParseCSR(csr); fault.KindOf(err) != fault.Invalid {
				t.Errorf("a request for %q: %v", name, err)
			}
		}
		if _, err := pki.NewCA(name, now); fault.KindOf(err) != fault.Invalid {
			t.Errorf("an authority for %q: %v", name, err)
		}
	}
	if _, err := ca.IssueDevice("ctl-1", ed25519.PublicKey{1}, now); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a short key: %v", err)
	}
}

func TestNoCertificateOutlivesItsAuthority(t *testing.T) {
	ca := authority(t)
	end := ca.Certificate().NotAfter
	if years := end.Sub(now) / day / 365; years < 19 || years > 20 {
		t.Errorf("the authority lasts %d years", years)
	}
	cert, err := ca.IssueDevice("ctl-1", pki.NewSigningKey().Public(), end.Add(-day))
	if err != nil || !cert.NotAfter.Equal(end) {
		t.Errorf("%v, %v", cert, err)
	}
	if _, err := ca.IssueDevice("ctl-1", pki.NewSigningKey().Public(), end); fault.KindOf(err) != fault.Conflict {
		t.Errorf("at its end: %v", err)
	}
	if _, err := ca.IssueServer([]string{"::1"}, end.Add(day)); fault.KindOf(err) != fault.Conflict {
		t.Errorf("after its end: %v", err)
	}
}

func TestARevocationListNeverLocksEverybodyOut(t *testing.T) {
	ca := authority(t)
	text, err := ca.CRL(nil, 3, now)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	list, err := x509.ParseRevocationList(block.Bytes)
	if err != nil || !list.NextUpdate.Equal(ca.Certificate().NotAfter) || list.Number.Int64() != 3 || list.CheckSignatureFrom(ca.Certificate()) != nil {
		t.Errorf("%+v, %v", list, err)
	}
	for _, serial := range []string{"", "xyz", "-1", "0"} {
		if _, err := ca.CRL([]pki.Revoked{{Serial: serial, At: now}}, 4, now); fault.KindOf(err) != fault.Invalid {
			t.Errorf("serial %q: %v", serial, err)
		}
	}
}

// connect makes one connection over loopback and returns what each side knows of the other.
func connect(t *testing.T, server, client *tls.Config) (atServer, atClient tls.ConnectionState, err error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	type seen struct {
		state tls.ConnectionState
		err   error
	}
	done := make(chan seen, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			done <- seen{err: err}
			return
		}
		defer conn.Close()
		s := tls.Server(conn, server)
		if _, err = s.Write([]byte{1}); err == nil { // tickets, if any, come before
			_, err = s.Read(make([]byte, 1))
		}
		done <- seen{s.ConnectionState(), err}
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := tls.Client(conn, client)
	if _, err = c.Read(make([]byte, 1)); err == nil {
		_, err = c.Write([]byte{1})
	}
	atClient = c.ConnectionState()
	_ = conn.Close()
	s := <-done
	if err == nil {
		err = s.err
	}
	return s.state, atClient, err
}

// R103-1
func TestEveryConnectionShowsItsCertificateAgainAlsoAClientThatWantsToResume(t *testing.T) {
	here := newSide(t, now)
	broker := pki.BrokerTLS(func() *tls.Certificate { return here.server }, here.ca.Pool(), time.Now)
	client := named(pki.ClientTLS(here.ca.Pool(), clientOf(t, here.ca, now), time.Now), "127.0.0.1")
	client.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	for range 3 {
		s, c, err := connect(t, broker, client)
		if err != nil {
			t.Fatal(err)
		}
		leaf, ok := pki.PeerLeaf(s)
		if s.DidResume || c.DidResume || !ok || leaf.Name != "ctl-1" || len(leaf.Fingerprint) != 79 || leaf.Serial == "" || !leaf.NotBefore.Before(leaf.NotAfter) {
			t.Errorf("resumed %v, %+v", s.DidResume, leaf)
		}
	}
	if _, ok := pki.PeerLeaf(tls.ConnectionState{PeerCertificates: []*x509.Certificate{here.ca.Certificate()}}); ok {
		t.Error("a certificate that nobody verified was taken")
	}
	resuming := broker.Clone()
	resuming.SessionTicketsDisabled = false
	_, _, _ = connect(t, resuming, client)
	if s, _, err := connect(t, resuming, client); err != nil || !s.DidResume {
		t.Errorf("without the rule nothing was resumed either (%v): this test proves nothing", err)
	}
}

func TestAControllerThatWasOffWhileTheServersCertificateWasReplacedComesBackByItsLastEntry(t *testing.T) {
	ca, err := pki.NewCA("demo", now.Add(-5*365*day))
	if err != nil {
		t.Fatal(err)
	}
	server, err := ca.IssueServer([]string{"127.0.0.1"}, now)
	if err != nil {
		t.Fatal(err)
	}
	if whole := server.Leaf.NotAfter.Sub(server.Leaf.NotBefore); whole > 825*day {
		t.Errorf("the certificate spans %v, more than some browsers take", whole)
	}
	broker := pki.BrokerTLS(func() *tls.Certificate { return server }, ca.Pool(), time.Now)
	boot := func() time.Time { return time.Unix(12, 0) }
	for ago, good := range map[time.Duration]bool{300 * day: true, 500 * day: false} {
		clock := pki.ClockFloor(now.Add(-ago), boot)
		serverErr, clientErr := shake(t, broker, named(pki.ClientTLS(ca.Pool(), clientOf(t, ca, now), clock), "127.0.0.1"))
		if (serverErr == nil && clientErr == nil) != good {
			t.Errorf("last entry %v ago: %v, %v", ago, serverErr, clientErr)
		}
	}
}

func TestADevicesCertificateDoesNotMakeAServer(t *testing.T) {
	here := newSide(t, now)
	device, err := clientOf(t, here.ca, now)()
	if err != nil {
		t.Fatal(err)
	}
	for name, client := range map[string]*tls.Config{
		"a broker":  named(pki.ClientTLS(here.ca.Pool(), clientOf(t, here.ca, now), time.Now), "ctl-1"),
		"a console": pki.PinnedTLS("ctl-1", []string{here.ca.Pin()}, x509.NewCertPool(), time.Now),
	} {
		if _, err := shake(t, pki.WebTLS(func() *tls.Certificate { return device }, time.Now), client); err == nil {
			t.Errorf("a device was taken for %s", name)
		}
	}
}
