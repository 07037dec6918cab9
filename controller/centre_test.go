package controller

import (
	"context"
	"crypto/tls"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kanmon/controller/controllertest"
	"kanmon/controller/core"
	"kanmon/controller/identity"
	"kanmon/controller/policystore"
	"kanmon/internal/access"
	"kanmon/internal/broker"
	"kanmon/internal/event"
	"kanmon/internal/mqtt"
	"kanmon/internal/pki"
	"kanmon/internal/wire"
)

// desk is the centre's end of a broker: it checks what the controller signs, and keeps it.
type desk struct {
	t      testing.TB
	centre *controllertest.Centre
	client *mqtt.Client
	device wire.Keys

	mu       sync.Mutex
	statuses []wire.ControllerStatus
	receipts []wire.RevokedReceipt
	answers  []wire.CommandAnswer
	events   []event.Event
}

// keepRunning runs something until the test ends.
func keepRunning(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// startDesk runs a broker that admits the site's certificates, and the centre's client on it.
func startDesk(t *testing.T, cfg Config, centre *controllertest.Centre) (d *desk, url string) {
	t.Helper()
	pair, err := centre.CA.IssueServer([]string{"127.0.0.1"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	b, err := broker.New(t.Context(), broker.Config{
		Listen: "127.0.0.1:0", Site: cfg.Site, Log: quietLog, TLS: pki.BrokerTLS(func() *tls.Certificate { return pair }, centre.CA.Pool(), time.Now),
		Authenticate: func(_ context.Context, p broker.Peer) (broker.Identity, error) {
			role := broker.Controller
			if p.ClientID == wire.Centre {
				role = broker.Centre
			}
			return broker.Identity{Name: p.ClientID, Role: role}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	keepRunning(t, b.Run)
	url = "tls://" + b.Addr().String()
	sealer, err := pki.OpenSealer(cfg.SealingKeyFile, false)
	if err != nil {
		t.Fatal(err)
	}
	id, err := identity.Load(cfg.IdentityDir(), sealer)
	if err != nil {
		t.Fatal(err)
	}
	d = &desk{t: t, centre: centre, device: wire.OneKey(id.Key.Public()), client: centreClient(t, centre, url)}
	for _, kind := range wire.Ups() {
		at := wire.Address{Site: cfg.Site, Controller: cfg.Controller, Kind: kind}
		d.client.Handle(at.Topic(), func(_ context.Context, m mqtt.Message) { d.hear(at, m.Payload) })
	}
	keepRunning(t, d.client.Run)
	return d, url
}

func centreClient(t *testing.T, centre *controllertest.Centre, url string) *mqtt.Client {
	t.Helper()
	key := pki.NewSigningKey()
	cert, err := centre.CA.IssueDevice(wire.Centre, key.Public(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	client, err := mqtt.New(mqtt.Config{URL: url, ClientID: wire.Centre, Log: quietLog, TLS: pki.ClientTLS(centre.CA.Pool(), func() (*tls.Certificate, error) {
		return &tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key.Private()}, nil
	}, time.Now)})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func (d *desk) hear(at wire.Address, b []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var err error
	switch at.Kind {
	case wire.Status:
		var s wire.ControllerStatus
		if s, err = wire.OpenStatus(at, b, d.device); err == nil && s.Online {
			d.statuses = append(d.statuses, s)
		}
	case wire.Receipt:
		var r wire.RevokedReceipt
		r, err = wire.OpenReceipt(at, b, d.device)
		d.receipts = append(d.receipts, r)
	case wire.Answer:
		var a wire.CommandAnswer
		a, err = wire.OpenAnswer(at, b, d.device)
		d.answers = append(d.answers, a)
	case wire.Events:
		var batch wire.EventBatch
		var events []event.Event
		if batch, events, err = wire.DecodeEventBatch(b); err == nil {
			err = wire.VerifyBatch(at, batch, d.device)
		}
		d.events = append(d.events, events...)
	default: // nothing is live here
	}
	if err != nil {
		d.t.Errorf("%s: %v", at.Kind, err)
	}
}

func (d *desk) say(at wire.Address, body any) {
	d.t.Helper()
	b, err := wire.Seal(at, body, d.centre.Key)
	if err != nil {
		d.t.Fatal(err)
	}
	d.publish(at, b)
}

func (d *desk) publish(at wire.Address, b []byte) {
	d.t.Helper()
	if err := d.client.Publish(d.t.Context(), mqtt.Message{Topic: at.Topic(), Payload: b}); err != nil {
		d.t.Fatal(err)
	}
}

// until waits for what the controller says.
func (d *desk) until(what string, holds func() bool) {
	d.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		d.mu.Lock()
		good := holds()
		d.mu.Unlock()
		if good {
			return
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("never came: %s; %d statuses, the last %+v", what, len(d.statuses), d.last())
		}
		<-time.After(time.Millisecond)
	}
}

func (d *desk) last() wire.ControllerStatus {
	if len(d.statuses) == 0 {
		return wire.ControllerStatus{}
	}
	return d.statuses[len(d.statuses)-1]
}

// R47-1, R75-3, R103-1: the whole way over TLS and a broker: a policy comes into force and is confirmed, a revocation is applied and
// acknowledged, a door is released by command; everything signed both ways.
func TestTheCentreReachesTheDoorsOverABroker(t *testing.T) {
	cfg, centre := siteConfig(t)
	d, url := startDesk(t, cfg, centre)
	cfg.Broker.URL = url
	keepPolicy(t, cfg, centre, siteSpec(2), time.Now().Add(-13*time.Hour))
	e, err := NewEdge(cfg, quietLog)
	if err != nil {
		t.Fatal(err)
	}
	keepRunning(t, e.Run)
	to := func(k wire.Kind) wire.Address {
		return wire.Address{Site: cfg.Site, Controller: cfg.Controller, Kind: k}
	}
	d.until("a status, the lease of visitors over", func() bool { return d.last().Nonce != "" && slices.Equal(d.last().Trouble, []string{"lease"}) })

	spec := siteSpec(3)
	manifest, err := wire.SignPolicy(to(wire.Policy), spec, time.Now(), centre.Key)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := wire.SplitPolicy(spec, manifest)
	if err != nil {
		t.Fatal(err)
	}
	b, err := wire.Encode(parts[0])
	if err != nil {
		t.Fatal(err)
	}
	d.publish(to(wire.Policy), b)
	d.until("the policy", func() bool {
		return d.last().Policy != nil && *d.last().Policy == spec.Version
	})

	upto := access.Version{Epoch: 1, N: 1}
	revocation := access.Revocation{Version: upto, Key: keyAlways, Card: "C-1", State: access.Revoked}
	d.say(wire.Address{Site: cfg.Site, Controller: wire.All, Kind: wire.Revoked}, wire.NewRevokedSet(0, upto, []access.Revocation{revocation}))
	hash := access.Revocations{keyAlways: revocation}.Hash()
	d.until("the receipt", func() bool { return len(d.receipts) > 0 && d.receipts[0].Upto == upto && d.receipts[0].Hash == hash })
	d.until("a status with it", func() bool {
		return d.last().Revoked != nil && *d.last().Revoked == upto && d.last().RevokedSum == hash
	})

	command := wire.DoCommand{V: wire.V, Type: wire.Command, ID: "c-1", Op: wire.Challenge}
	d.say(to(wire.Command), command)
	d.until("the nonce", func() bool { return len(d.answers) == 1 && d.answers[0].Nonce != "" })
	command.Op, command.Nonce, command.Door, command.By, command.Reason = wire.Release, d.answers[0].Nonce, "D-1", "U-1", "delivery"
	d.say(to(wire.Command), command)
	d.until("the release", func() bool { return len(d.answers) == 2 && d.answers[1].Done })
	d.until("its event", func() bool {
		return slices.ContainsFunc(d.events, func(e event.Event) bool { return e.Kind == event.RemoteRelease && strings.Contains(e.Detail, "c-1") })
	})

	d.mu.Lock()
	grant := wire.LeaseGrant{
		V: wire.V, Type: wire.Lease, Nonce: d.last().Nonce, Centre: 1, Policy: spec.Version, Revoked: upto, At: time.Now().UTC().Truncate(time.Microsecond),
	}
	d.mu.Unlock()
	d.say(to(wire.Lease), grant)
	d.until("the lease", func() bool {
		return len(d.last().Trouble) == 0 && d.last().LeaseAge < 60 && d.last().CertUntil != nil && d.last().Start > 0
	})
}

// keepPolicy puts a policy on the controller's disk as if it had been stored at a moment.
func keepPolicy(t *testing.T, cfg Config, centre *controllertest.Centre, spec access.Spec, when time.Time) {
	t.Helper()
	manifest, err := wire.SignPolicy(wire.Address{Site: cfg.Site, Controller: cfg.Controller, Kind: wire.Policy}, spec, when, centre.Key)
	if err != nil {
		t.Fatal(err)
	}
	store := policystore.New(policystore.Config{
		Dir: cfg.DataDir, Site: cfg.Site, Controller: cfg.Controller, Keys: wire.OneKey(centre.Key.Public()), Now: func() time.Time { return when },
	})
	if _, err := store.Save(spec, manifest); err != nil {
		t.Fatal(err)
	}
}

// What the core decides goes out by the parts it was given.
func TestReceiptsAndAnswersLeaveByTheirParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		receipts, answers := make(chan wire.RevokedReceipt, 1), make(chan wire.CommandAnswer, 1)
		r := newRigWith(t, time.Millisecond, func(p *Parts) {
			p.Receipt = func(v wire.RevokedReceipt) { receipts <- v }
			p.Answer = func(v wire.CommandAnswer) { answers <- v }
		})
		upto := access.Version{Epoch: 1, N: 1}
		r.journal.set(true, false)
		r.Revoke(wire.NewRevokedSet(0, upto, []access.Revocation{{Version: upto, Key: keyAlways, Card: "C-1", State: access.Revoked}}))
		r.Post(core.Presented{Reader: "IN-1", Key: keyAlways})
		r.wait(100 * time.Millisecond)
		if len(receipts) != 0 || len(r.strike1.released()) != 0 {
			t.Fatal("confirmed, or released, with nothing on disk")
		}
		r.journal.set(false, false)
		r.wait(2 * core.RetryRecord)
		if got := <-receipts; got.Upto != upto {
			t.Fatalf("receipt %+v", got)
		}
		r.Command(wire.DoCommand{V: wire.V, Type: wire.Command, ID: "c-1", Op: wire.Challenge}, "n1")
		r.wait(time.Millisecond)
		if got := <-answers; got.Nonce != "n1" {
			t.Fatalf("answer %+v", got)
		}
		r.stop()
	})
}

// A device gone mad fills the inbox; a revocation finds room all the same.
func TestARevocationFindsRoomInAFullInbox(t *testing.T) {
	b := newInbox()
	for range inboxSize + 1 {
		b.put(core.Tick{})
	}
	if !b.put(core.RevocationsCame{}) || b.put(core.Leased{}) {
		t.Fatal("the revocation was dropped, or more than it found room")
	}
}
