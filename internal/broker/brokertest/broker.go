// Package brokertest runs the brokers of the product for tests: the embedded one inside the test, and Debian's mosquitto as a process
// of its own with the files that package mosquitto writes. It has the certificates they need, a raw client that can
// misbehave (Raw), a way to them that can be cut and held (Proxy), and a broker in between that lies (Relay).
package brokertest

import (
	"crypto/tls"
	"errors"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kanmon/internal/wire"
)

// Kind of a broker.
type Kind string

// Kinds of brokers.
const (
	Embedded  Kind = "embedded"
	Mosquitto Kind = "mosquitto"
)

// Each runs a test on both kinds.
func Each(t *testing.T, test func(t *testing.T, kind Kind)) {
	t.Helper()
	for _, kind := range []Kind{Embedded, Mosquitto} {
		t.Run(string(kind), func(t *testing.T) { test(t, kind) })
	}
}

// Site is the site of the broker's topics.
const Site = "demo"

// Names that are registered from the start, besides wire.Centre: controllers and one listener.
var (
	Controllers = []string{"ctl-1", "ctl-2", "ctl-3", "ctl-4"}
	Screen      = "screen"
)

// Broker is a running broker and the authority that its clients' certificates come from.
type Broker struct {
	tb        testing.TB
	Kind      Kind
	Authority *Authority
	running   running

	mu    sync.Mutex
	names map[string]bool // registered controllers; false: revoked

	change func(dir string) // nil: the files are the documented ones
}

// running is what differs between the kinds.
type running interface {
	address() string
	log() string
	// apply makes the present names known, gone being one that was revoked or empty.
	apply(gone string)
	stop()
	kill()
	start()
}

// Start runs a broker until the test ends.
func Start(tb testing.TB, kind Kind) *Broker {
	tb.Helper()
	b := prepare(tb, kind)
	switch kind {
	case Embedded:
		b.running = newEmbedded(tb, b)
	case Mosquitto:
		b.running = newExternal(tb, b)
	default:
		tb.Fatalf("brokertest: kind %q", kind)
	}
	return b.run()
}

// StartChanged runs a mosquitto. change may write into its files, each time after they were written and before it reads them.
func StartChanged(tb testing.TB, change func(dir string)) *Broker {
	tb.Helper()
	b := prepare(tb, Mosquitto)
	b.change = change
	b.running = newExternal(tb, b)
	return b.run()
}

func prepare(tb testing.TB, kind Kind) *Broker {
	tb.Helper()
	b := &Broker{tb: tb, Kind: kind, Authority: NewAuthority(tb), names: map[string]bool{}}
	for _, name := range Controllers {
		b.names[name] = true
	}
	return b
}

func (b *Broker) run() *Broker {
	b.tb.Helper()
	b.running.start()
	b.tb.Cleanup(b.running.stop)
	return b
}

// Address is host:port.
func (b *Broker) Address() string { return b.running.address() }

// URL is the broker as mqtt.Config has it.
func (b *Broker) URL() string { return "tls://" + b.Address() }

// Log is what the broker has said so far.
func (b *Broker) Log() string { return b.running.log() }

// Register makes more controllers known.
func (b *Broker) Register(names ...string) {
	b.mu.Lock()
	for _, name := range names {
		b.names[name] = true
	}
	b.mu.Unlock()
	b.running.apply("")
}

// Revoke takes all rights and the certificates from a client, in the way documented for this kind.
func (b *Broker) Revoke(name string) {
	b.mu.Lock()
	b.names[name] = false
	b.mu.Unlock()
	b.Authority.Revoke(name)
	b.running.apply(name)
}

// RevokeByReload is Revoke with a mosquitto that is told to read its files anew and not started again. It returns when the new
// rules are in force.
func (b *Broker) RevokeByReload(name string) {
	b.tb.Helper()
	e, ok := b.running.(*external)
	if !ok {
		b.tb.Fatal("brokertest: only mosquitto reloads")
	}
	witness := b.TLS("witness") // of another name, which takes nobody's place
	b.mu.Lock()
	b.names[name] = false
	b.mu.Unlock()
	b.Authority.Revoke(name)
	b.Authority.Revoke("witness")
	e.write()
	e.Reload()
	Until(b.tb, "the new list is in force", func() bool { return !b.Admits(witness, As("witness")) })
}

func (b *Broker) registered() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	names := slices.Sorted(maps.Keys(b.names))
	return slices.DeleteFunc(names, func(n string) bool { return !b.names[n] })
}

func (b *Broker) known(name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.names[name]
}

func (b *Broker) revoked(name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	known, was := b.names[name]
	return was && !known
}

// Stop ends the broker in good order; Kill ends mosquitto with SIGKILL, and the embedded broker, which has no process of its own,
// like Stop.
func (b *Broker) Stop() { b.running.stop() }

// Kill is described at Stop.
func (b *Broker) Kill() { b.running.kill() }

// Restart starts a broker that was stopped or killed, on the same address and with nothing of its memory.
func (b *Broker) Restart() { b.running.start() }

// TLS is the configuration of a client with a fresh certificate of this name.
func (b *Broker) TLS(name string) *tls.Config { return b.With(b.Authority.Device(name)) }

// With is the configuration of a client with this certificate.
func (b *Broker) With(certificates ...tls.Certificate) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: b.Authority.Pool(), Certificates: certificates, ServerName: "127.0.0.1"}
}

// Dial opens a connection with a fresh certificate of this name. In TLS 1.3 a refusal shows only at the first Read.
func (b *Broker) Dial(name string) *Raw { return b.DialTLS(b.TLS(name)) }

// DialTLS opens a connection.
func (b *Broker) DialTLS(config *tls.Config) *Raw {
	b.tb.Helper()
	return b.DialAt(b.Address(), config)
}

// DialAt opens a connection by way of another address: a Proxy's or a Relay's.
func (b *Broker) DialAt(address string, config *tls.Config) *Raw {
	b.tb.Helper()
	conn, err := dial(address)
	if err != nil {
		b.tb.Fatal(err)
	}
	return Over(b.tb, tls.Client(conn, config))
}

// Connect is a proper client of this name, admitted.
func (b *Broker) Connect(name string) *Raw { return b.ConnectAs(As(name)) }

// ConnectAs is a client that says this, admitted.
func (b *Broker) ConnectAs(h Hello) *Raw {
	b.tb.Helper()
	r := b.Dial(h.ID)
	if !r.Connect(h) {
		b.tb.Fatalf("%s was refused", h.ID)
	}
	return r
}

// Admits reports whether the broker admits a client that says h with this configuration.
func (b *Broker) Admits(config *tls.Config, h Hello) bool {
	b.tb.Helper()
	r := b.DialTLS(config)
	defer r.Close()
	return r.Connect(h)
}

// Topic is a topic of the site.
func Topic(controller string, kind wire.Kind) string { return wire.Topic(Site, controller, kind) }

// Until polls what has no event to wait for.
func Until(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(Patience)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			tb.Fatalf("waited in vain until %s", what)
		}
	}
}

func asTimeout(err error, into *net.Error) bool { return errors.As(err, into) && (*into).Timeout() }

// lines is a log that can be read while it is written.
type lines struct {
	mu  sync.Mutex
	out strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.String()
}
