// Package broker is the MQTT broker that a centre on one machine runs inside itself: mochi-mqtt behind a
// rule of our own that denies by default. Any other MQTT 3.1.1 broker does as well, by configuration; docs/wire.md
// lists the rules it has to enforce.
//
// What it enforces:
//
//   - TLS 1.3 with a client certificate, always and without resumed sessions. A client's id, the name in its certificate
//     and the name of the identity that Authenticate returns are the same string, so nobody can take over another's
//     session. MQTT 3.1.1 with a clean session and a keep-alive of 1–600 s only.
//   - Each role publishes and reads its own topics and no others (Role); a client that publishes elsewhere is
//     thrown out. Reading is checked at the subscription and again at each delivery. A last will is a publication and is
//     checked when the client connects.
//   - Only a status is retained, and a last will is one. QoS 2, packets above the largest payload and more clients than MaxClients are refused.
//   - A connection ends with the certificate it was made with. A client other than the centre that sends more than any has to is read more
//     slowly.
//   - A client that does not read, or does not acknowledge, what is sent to it holds up nobody, and is thrown out.
//   - Of a client that Disconnect throws out nothing is left: no session, nothing queued, no will, no retained status.
//
// It keeps nothing on disk and acknowledges before delivery: a PUBACK is no receipt. Controllers keep their
// events until the centre's own acknowledgement (docs/wire.md), so a crash of the broker loses nothing.
package broker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"

	mochi "github.com/mochi-mqtt/server/v2"

	"kanmon/internal/fault"
	"kanmon/internal/wire"
)

// Peer is what a client that wants to connect has shown.
type Peer struct {
	ClientID string
	Username string // empty: none was sent
	// Certificate is the client's own, verified against Config.TLS. Its common name is ClientID.
	Certificate *x509.Certificate
}

// Config of a broker. Listen, TLS, Site, Authenticate and Log are required.
type Config struct {
	// Listen is host:port; port 0 takes a free one.
	Listen string
	// TLS must require and verify client certificates, by an authority that it names. TLS 1.3 is spoken, and no session is
	// resumed, whatever it says of these.
	TLS *tls.Config
	// Site is the site whose topics may be used.
	Site string
	// Authenticate says who a client is, or returns an error: for one unknown, revoked, or with a certificate that is not
	// its present one. It runs on the client's own goroutine and has five seconds. It is asked again when Disconnect was
	// called meanwhile. The Name it returns must be the client id.
	Authenticate func(ctx context.Context, peer Peer) (Identity, error)
	// MaxClients bounds the connections; 0 means 2,000.
	MaxClients int
	Log        *slog.Logger
}

// Stats counts since New; Clients is the present number of connections.
type Stats struct {
	Clients   int
	Refused   uint64 // connections not admitted: TLS, identity, protocol, will, or too many
	Denied    uint64 // publications and subscriptions against the rule
	Malformed uint64 // connections ended by a packet too large or malformed
	Slow      uint64 // clients thrown out because they did not read or acknowledge
	Dropped   uint64 // deliveries given up because too many were pending or unacknowledged for one client
	Panics    uint64 // defects of the broker library that cost one client its connection
}

type counters struct{ refused, denied, malformed, slow, dropped, panics atomic.Uint64 }

// Limits of one client.
const (
	maxPacket     = wire.MaxPayload + 2048 // topic, packet id and payload
	maxWill       = 4096                   // bytes; a will is a short status
	maxPending    = 4096                   // messages queued; the centre hears hundreds of controllers in one moment
	maxInflight   = 16384                  // messages unacknowledged
	maxUnread     = 64 << 20               // bytes not yet taken, and bytes unacknowledged; a policy of 250,000 cards is some 50 MB
	maxKeepAlive  = 600                    // seconds
	maxConnecting = 64                     // connections above MaxClients that may be at their handshake
)

// Broker is made by New and lives while Run does.
type Broker struct {
	config Config
	server *mochi.Server
	listen *listener
	hook   *hook
	count  *counters
}

// New opens the listening socket, so that Addr is known and connections queue; Run serves and closes it.
func New(ctx context.Context, config Config) (*Broker, error) {
	if config.Authenticate == nil || config.Log == nil || !wire.ValidName(config.Site) {
		return nil, fault.New(fault.Invalid, "broker.config", "broker without a site name, a check of identities or a logger")
	}
	var err error
	if config.TLS, err = strict(config.TLS); err != nil {
		return nil, err
	}
	if config.MaxClients == 0 {
		config.MaxClients = 2000
	}
	var listening net.ListenConfig
	inner, err := listening.Listen(ctx, "tcp", config.Listen)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "open the broker's port")
	}
	b := &Broker{config: config, count: new(counters)}
	log := newThrottled(config.Log)
	b.listen = newListener(inner, config, b.count, log)
	b.hook = newHook(config, b.count, log)
	// The library's log is not kept: it prints whole packets.
	b.server = mochi.New(&mochi.Options{
		Logger: slog.New(slog.DiscardHandler), Capabilities: capabilities(config.MaxClients), SysTopicResendInterval: 3600,
	})
	if err := errors.Join(b.server.AddHook(b.hook, nil), b.server.AddListener(b.listen)); err != nil {
		_ = inner.Close()
		return nil, fmt.Errorf("set up broker: %w", err)
	}
	return b, nil
}

// strict is a copy of c that speaks TLS 1.3 and resumes nothing: a resumed session would not ask for the certificate again.
func strict(c *tls.Config) (*tls.Config, error) {
	if c == nil || c.ClientAuth != tls.RequireAndVerifyClientCert || c.ClientCAs == nil {
		return nil, fault.New(fault.Invalid, "broker.tls", "the broker needs TLS that requires client certificates of a named authority")
	}
	c = c.Clone()
	c.MinVersion = tls.VersionTLS13
	c.SessionTicketsDisabled = true
	return c, nil
}

func capabilities(maxClients int) *mochi.Capabilities {
	c := mochi.NewDefaultServerCapabilities()
	c.MaximumClients = int64(maxClients)
	c.MaximumClientWritesPending = maxPending
	c.MaximumSessionExpiryInterval = 0 // sessions end with their connection
	c.MaximumPacketSize = maxPacket
	c.ReceiveMaximum = 64
	c.MaximumInflight = maxInflight
	c.TopicAliasMaximum = 0
	c.RetainAvailable = 0 // see retained
	c.SharedSubAvailable = 0
	c.SubIDAvailable = 0
	c.MinimumProtocolVersion = 4
	c.MaximumQos = 1
	return c
}

// Addr is the address it listens on.
func (b *Broker) Addr() net.Addr { return b.listen.inner.Addr() }

// Run serves until ctx ends, then closes all connections and returns nil. It can be called once.
func (b *Broker) Run(ctx context.Context) error {
	b.hook.setContext(ctx)
	if err := b.server.Serve(); err != nil {
		return fmt.Errorf("start broker: %w", err)
	}
	b.config.Log.InfoContext(ctx, "broker listens", slog.String("address", b.Addr().String()))
	<-ctx.Done()
	if err := b.server.Close(); err != nil {
		return fmt.Errorf("stop broker: %w", err)
	}
	return nil
}

// Disconnect throws a client out: for a device that was revoked, called after Authenticate has begun to refuse it. When it
// returns, nothing more reaches the client, whatever was queued, nothing more of it is accepted, its last will will not be
// published and its retained status is forgotten. A client that is connecting meanwhile is authenticated again. It reports
// whether the client was there.
func (b *Broker) Disconnect(clientID string) bool { return b.hook.throwOut(clientID) }

// Stats returns the counters.
func (b *Broker) Stats() Stats {
	unacknowledged := uint64(max(0, atomic.LoadInt64(&b.server.Info.InflightDropped)))
	return Stats{
		Clients: b.listen.open(), Refused: b.count.refused.Load(), Denied: b.count.denied.Load(), Malformed: b.count.malformed.Load(),
		Slow: b.count.slow.Load(), Dropped: b.count.dropped.Load() + unacknowledged, Panics: b.count.panics.Load(),
	}
}
