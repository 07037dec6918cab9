package broker_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"kanmon/internal/broker"
	"kanmon/internal/fault"
	"kanmon/internal/wire"
)

const (
	events1 = "kanmon/v1/demo/ctl-1/events"
	status1 = "kanmon/v1/demo/ctl-1/status"
	policy1 = "kanmon/v1/demo/ctl-1/policy"
	ack1    = "kanmon/v1/demo/ctl-1/ack"
	cmd1    = "kanmon/v1/demo/ctl-1/cmd"
)

func TestAMessageReachesThoseItIsFor(t *testing.T) {
	b := start(t, nil)
	one, two, centre, screen := connect(t, b, "ctl-1"), connect(t, b, "ctl-2"), connect(t, b, "centre"), connect(t, b, "screen")
	one.subscribe(ack1)
	two.subscribe("kanmon/v1/demo/ctl-2/ack")
	centre.subscribe("kanmon/v1/demo/+/events")
	screen.subscribe("kanmon/v1/demo/+/events")
	if !one.publish(events1, "e", 0) {
		t.Fatal("not acknowledged")
	}
	for _, r := range []*raw{centre, screen} {
		if topic, payload, _ := r.receive(); topic != events1 || payload != "e" {
			t.Errorf("received %s %q", topic, payload)
		}
	}
	if !centre.publish(ack1, "a", 0) || !centre.publish("kanmon/v1/demo/ctl-2/ack", "b", 0) {
		t.Fatal("not acknowledged")
	}
	if _, payload, _ := one.receive(); payload != "a" {
		t.Errorf("ctl-1 received %q", payload)
	}
	if _, payload, _ := two.receive(); payload != "b" {
		t.Errorf("ctl-2 received %q", payload)
	}
}

// M-5: what a client subscribed to is checked again when something is delivered.
func TestAClientThrownOutReceivesNothingMore(t *testing.T) {
	var mu sync.Mutex
	banned := false
	b := start(t, func(c *broker.Config) {
		c.Authenticate = func(ctx context.Context, id, user, password string) (broker.Identity, error) {
			mu.Lock()
			defer mu.Unlock()
			if banned && id == "ctl-1" {
				return broker.Identity{}, fault.New(fault.Denied, "x", "revoked")
			}
			return who(ctx, id, user, password)
		}
	})
	centre := connect(t, b, "centre")
	centre.subscribe("kanmon/v1/demo/+/status")
	one := dial(t, b)
	h := as("ctl-1")
	h.will, h.willFlags = [2]string{status1, "will"}, 0x28
	if !one.connect(h) || !one.subscribe(policy1) {
		t.Fatal("ctl-1 was refused")
	}
	mu.Lock()
	banned = true
	mu.Unlock()
	if !b.Disconnect("ctl-1") {
		t.Error("ctl-1 was not there")
	}
	if !one.ended() {
		t.Error("still connected")
	}
	if _, payload, _ := centre.receive(); payload != "will" {
		t.Errorf("the centre hears %q, want the will", payload)
	}
	if dial(t, b).connect(as("ctl-1")) {
		t.Error("admitted again")
	}
	until(t, "it is forgotten", func() bool { return !b.Disconnect("ctl-1") })
	if b.Disconnect("nobody") {
		t.Error("threw out nobody")
	}
}

// The library's own take-over can delete the new connection with the old one; the last of many must work.
func TestTheLastOfManyConnectionsOfOneClientWorks(t *testing.T) {
	b := start(t, nil)
	centre := connect(t, b, "centre")
	for round := range 30 {
		var wg sync.WaitGroup
		for range 4 {
			r := dial(t, b)
			wg.Go(func() { r.connect(as("ctl-1")) })
		}
		wg.Wait()
		last := connect(t, b, "ctl-1")
		if !last.subscribe(ack1) {
			t.Fatal("cannot subscribe")
		}
		want := strconv.Itoa(round)
		if !centre.publish(ack1, want, 0) {
			t.Fatal("not acknowledged")
		}
		if _, got, _ := last.receive(); got != want {
			t.Fatalf("round %d: received %q", round, got)
		}
	}
}

func TestTheWillOfAReplacedConnectionComesBeforeTheNewOneIsAnswered(t *testing.T) {
	b := start(t, nil)
	centre := connect(t, b, "centre")
	centre.subscribe("kanmon/v1/demo/+/status")
	h := as("ctl-1")
	h.will, h.willFlags = [2]string{status1, "offline 0"}, 0x28
	dial(t, b).connect(h)
	for i := range 20 {
		h.will[1] = fmt.Sprint("offline ", i+1)
		r := dial(t, b)
		if !r.connect(h) || !r.publish(status1, "online", 1) {
			t.Fatal("refused")
		}
		first, second := centre.live(), centre.live()
		if want := fmt.Sprint("offline ", i); first != want || second != "online" {
			t.Fatalf("after connection %d the centre heard %q, then %q", i, first, second)
		}
	}
}

// M-9.
func TestASlowReaderHoldsUpNobodyAndIsThrownOut(t *testing.T) {
	b := start(t, nil)
	centre := connect(t, b, "centre")
	slow, quick := connect(t, b, "ctl-1"), connect(t, b, "ctl-2")
	_ = slow.conn.(*net.TCPConn).SetReadBuffer(4096)
	slow.subscribe(policy1)
	quick.subscribe("kanmon/v1/demo/ctl-2/ack")
	big := strings.Repeat("x", wire.MaxPayload)
	longest := time.Duration(0)
	for i := range 40 { // more than the sockets' buffers take
		began := time.Now()
		if !centre.publish(policy1, big, 0) || !centre.publish("kanmon/v1/demo/ctl-2/ack", strconv.Itoa(i), 0) {
			t.Fatal("the centre was not acknowledged")
		}
		if _, payload, _ := quick.receive(); payload != strconv.Itoa(i) {
			t.Fatalf("ctl-2 received %q", payload)
		}
		longest = max(longest, time.Since(began))
	}
	if longest > 5*time.Second {
		t.Errorf("one round took %v beside a client that does not read", longest)
	}
	until(t, "it is thrown out", func() bool { return b.Stats().Slow == 1 })
}

func TestTooLargeOrMalformedEndsTheConnectionAndIsCounted(t *testing.T) {
	b := start(t, nil)
	largest := connect(t, b, "ctl-1")
	if !largest.publish(events1, strings.Repeat("x", wire.MaxPayload), 0) {
		t.Error("the largest payload was refused")
	}
	for name, bytes := range map[string][]byte{
		"10 MB":               frame(0x32, append(append(text(events1), 0, 7), make([]byte, 10<<20)...)),
		"a second CONNECT":    as("ctl-1").bytes(),
		"a wrong flag":        {0x83, 0},
		"a type of 15":        {0xF5, 0},
		"a length of 5 bytes": {0x30, 0xFF, 0xFF, 0xFF, 0xFF, 1},
		"QoS 3":               {0x36, 0},
		"a topic cut short":   {0x30, 3, 0, 9, 'k'},
	} {
		before := b.Stats()
		r := connect(t, b, "ctl-1")
		r.send(bytes)
		if !r.ended() {
			t.Errorf("%s: still connected", name)
		}
		until(t, name+" is counted", func() bool { return b.Stats().Malformed > before.Malformed })
	}
	r := connect(t, b, "ctl-1")
	r.publish(events1, strings.Repeat("x", wire.MaxPayload+1), 0)
	if !r.ended() {
		t.Error("a byte too many was accepted")
	}
	stranger := dial(t, b)
	stranger.send([]byte("GET / HTTP/1.1\r\n\r\n"))
	if !stranger.ended() {
		t.Error("a web browser is still connected")
	}
	if !connect(t, b, "ctl-1").publish(events1, "{}", 0) {
		t.Error("the broker is not well")
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	b := start(t, func(c *broker.Config) { c.MaxClients = 2 })
	connect(t, b, "ctl-1")
	connect(t, b, "ctl-2")
	if dial(t, b).connect(as("ctl-3")) {
		t.Error("a third client was admitted")
	}
	for range 200 { // silent ones
		dial(t, b)
	}
	until(t, "some were refused", func() bool { return b.Stats().Refused > 0 })
	if n := b.Stats().Clients; n > 2+64 {
		t.Errorf("%d connections", n)
	}
}

func TestWithoutTLSOnlyThisMachineIsServed(t *testing.T) {
	for _, listen := range []string{"0.0.0.0:0", "[::]:0", ":0"} {
		if _, err := broker.New(t.Context(), broker.Config{Listen: listen, Site: "demo", Authenticate: who, Log: quiet}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v, want invalid", listen, err)
		}
	}
	for name, c := range map[string]broker.Config{
		"no check":     {Listen: "127.0.0.1:0", Site: "demo", Log: quiet},
		"no site":      {Listen: "127.0.0.1:0", Authenticate: who, Log: quiet},
		"no log":       {Listen: "127.0.0.1:0", Site: "demo", Authenticate: who},
		"a wrong port": {Listen: "127.0.0.1:99999", Site: "demo", Authenticate: who, Log: quiet},
	} {
		if _, err := broker.New(t.Context(), c); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestTLSIsSpokenWhenConfigured(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	b := start(t, func(c *broker.Config) {
		c.TLS = &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	})
	r := dial(t, b)
	roots := x509.NewCertPool()
	certificate, _ := x509.ParseCertificate(der)
	roots.AddCert(certificate)
	secure := tls.Client(r.conn, &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"})
	r.conn = secure
	r.in.Reset(secure)
	if !r.connect(as("ctl-1")) || !r.publish(events1, "{}", 0) {
		t.Error("refused over TLS")
	}
	clear := dial(t, b)
	clear.send(as("ctl-1").bytes())
	if first, _ := clear.read(); first == 0x20 {
		t.Error("answered without TLS")
	}
}

func TestTheLogHoldsNoPasswordAndIsThrottled(t *testing.T) {
	var mu sync.Mutex
	var out bytes.Buffer
	b := start(t, func(c *broker.Config) { c.Log = slog.New(slog.NewTextHandler(writer{&mu, &out}, nil)) })
	for range 100 {
		h := as("ctl-1")
		h.password = "hunter2"
		dial(t, b).connect(h)
	}
	r := connect(t, b, "ctl-1")
	h := as("ctl-1")
	h.password = "hunter2"
	r.send(h.bytes()) // a second CONNECT: the library logs the packet
	r.ended()
	mu.Lock()
	defer mu.Unlock()
	for _, form := range []string{"hunter2", "104 117 110 116 101 114 50", "aHVudGVyMg"} { // as text, as bytes, in base64
		if strings.Contains(out.String(), form) {
			t.Error("the log holds a password")
		}
	}
	if n := strings.Count(out.String(), "refuses a client"); n == 0 || n > 40 {
		t.Errorf("%d lines for 100 refusals", n)
	}
}

type writer struct {
	mu  *sync.Mutex
	out *bytes.Buffer
}

func (w writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.Write(p)
}

// For the race detector: the library's shared tables under everything at once.
func TestManyClientsComeAndGo(t *testing.T) {
	b := start(t, nil)
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			id := fmt.Sprintf("ctl-%d", i%8) // some take each other's place
			topic := "kanmon/v1/demo/" + id + "/status"
			for round := range 15 {
				h := as(id)
				h.will, h.willFlags = [2]string{topic, "offline"}, 0x28
				r := dial(t, b)
				if !r.connect(h) {
					continue
				}
				r.subscribe("kanmon/v1/demo/" + id + "/ack")
				r.publish(topic, strconv.Itoa(round), 1)
				_ = r.conn.Close()
			}
		})
	}
	for _, id := range []string{"centre", "screen"} {
		wg.Go(func() {
			for range 15 {
				r := dial(t, b)
				if !r.connect(as(id)) {
					t.Errorf("%s was refused", id)
				}
				r.subscribe("kanmon/v1/demo/+/status")
				r.receive()
				_ = r.conn.Close()
			}
		})
	}
	wg.Wait()
	if s := b.Stats(); s.Panics > 0 || s.Malformed > 0 {
		t.Errorf("%+v", s)
	}
}
