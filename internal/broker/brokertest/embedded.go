package brokertest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"kanmon/internal/broker"
	"kanmon/internal/wire"
)

// inside is the embedded broker.
type inside struct {
	tb     testing.TB
	of     *Broker
	config broker.Config
	lines  lines

	broker *broker.Broker
	cancel context.CancelFunc
	ended  chan error
}

func newEmbedded(tb testing.TB, of *Broker) *inside {
	tb.Helper()
	e := &inside{tb: tb, of: of}
	e.config = broker.Config{
		Listen: "127.0.0.1:0", Site: Site, Authenticate: e.authenticate, Log: slog.New(slog.NewTextHandler(&e.lines, nil)),
		TLS: &tls.Config{
			MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{of.Authority.Server()},
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: of.Authority.Pool(),
		},
	}
	return e
}

// Configure changes the configuration of an embedded broker before it starts.
func Configure(tb testing.TB, change func(*broker.Config)) (*Broker, *broker.Broker) {
	tb.Helper()
	b := prepare(tb, Embedded)
	e := newEmbedded(tb, b)
	change(&e.config)
	b.running = e
	return b.run(), e.broker
}

// authenticate knows the centre, the screen and the registered controllers.
func (e *inside) authenticate(_ context.Context, p broker.Peer) (broker.Identity, error) {
	who := broker.Identity{Name: p.ClientID, Role: broker.Controller}
	switch {
	case e.of.revoked(p.ClientID):
		return broker.Identity{}, fmt.Errorf("%s was revoked", p.ClientID)
	case p.ClientID == wire.Centre:
		who.Role = broker.Centre
	case p.ClientID == Screen:
		who.Role = broker.Listener
	case !e.of.known(p.ClientID):
		return broker.Identity{}, errors.New("not registered")
	}
	return who, nil
}

func (e *inside) address() string { return e.config.Listen }
func (e *inside) log() string     { return e.lines.String() }
func (e *inside) kill()           { e.stop() }

func (e *inside) apply(gone string) {
	if gone != "" {
		e.broker.Disconnect(gone)
	}
}

func (e *inside) start() {
	e.tb.Helper()
	var err error
	if e.broker, err = broker.New(context.Background(), e.config); err != nil {
		e.tb.Fatal(err)
	}
	e.config.Listen = e.broker.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	e.cancel, e.ended = cancel, make(chan error, 1)
	go func() { e.ended <- e.broker.Run(ctx) }()
}

func (e *inside) stop() {
	e.tb.Helper()
	if e.cancel == nil {
		return
	}
	e.cancel()
	e.cancel = nil
	select {
	case err := <-e.ended:
		if err != nil {
			e.tb.Errorf("Run: %v", err)
		}
	case <-time.After(Patience):
		e.tb.Error("Run did not end")
	}
}
