// Package centre is the centre as controllers see it: it takes in what they say, acknowledges, sends policies, leases, revocations and
// commands, and notices who has gone silent. Each of these is a package of its own; here they share one connection to the broker.
package centre

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"kanmon/api/command"
	"kanmon/api/epoch"
	"kanmon/api/ingest"
	"kanmon/api/policy"
	"kanmon/api/revoke"
	"kanmon/api/watch"
	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/mqtt"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/alarm"
	"kanmon/lifecycle/card"
	orders "kanmon/lifecycle/command"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/revocation"
)

// Bounds of the centre's side of MQTT.
const (
	silentFor  = 45 * time.Second // a controller not heard for so long is offline; it speaks every 10 s
	sweepEvery = 5 * time.Second
	sendWithin = 10 * time.Second // for the broker to take one message
)

// Link is the centre's connection to the broker; *mqtt.Client is one.
type Link interface {
	Handle(filter string, fn func(ctx context.Context, m mqtt.Message))
	Publish(ctx context.Context, m mqtt.Message) error
	Run(ctx context.Context) error
}

// Config of a Centre; all fields are required but Lease.
type Config struct {
	Site        string // wire.ValidName
	Store       *store.Store
	Alarms      *alarm.Register
	Devices     *device.Register
	Cards       *card.Register
	Revocations *revocation.Register
	Epochs      *epoch.Keeper // started
	Signer      wire.Signer   // of everything that is sent
	Known       wire.Keys     // the command keys whose seals on revocations count
	Lease       access.Lease
	Forms       access.Forms // in which cards go out
	Link        Link
	Log         *slog.Logger
}

// Centre is one centre's side of its site's controllers.
type Centre struct {
	cfg      Config
	ingest   *ingest.Ingest
	policies *policy.Publisher
	revoke   *revoke.Publisher
	commands *command.Releaser
	entries  *entrylog.Register
	lanes    *lanes
	dropped  atomic.Uint64
	acks     *outbox[wire.AckUpTo]
	leases   *outbox[wire.LeaseGrant]
}

// New prepares a centre and registers its handlers with the link; Run starts it, link included.
func New(cfg Config) (*Centre, error) {
	if !wire.ValidName(cfg.Site) {
		return nil, fault.New(fault.Invalid, "centre.site", "the site's name is not 1 to 32 lower case letters, digits, hyphens")
	}
	c := &Centre{cfg: cfg, lanes: newLanes(), acks: newOutbox[wire.AckUpTo](), leases: newOutbox[wire.LeaseGrant]()}
	c.entries = entrylog.New(cfg.Store)
	seals := wire.NewSealer(cfg.Site, cfg.Signer)
	c.revoke = revoke.New(revoke.Config{
		Site: cfg.Site, Store: cfg.Store, Revocations: cfg.Revocations, Signer: cfg.Signer, Seals: seals, Publish: c.publish, Log: cfg.Log,
	})
	c.ingest = ingest.New(ingest.Config{
		Site: cfg.Site, Store: cfg.Store, Entries: c.entries, Alarms: cfg.Alarms, Devices: cfg.Devices, Cards: cfg.Cards,
		Revocations: cfg.Revocations, Epochs: cfg.Epochs, Known: cfg.Known, PublishedAt: c.revoke.PublishedAt, Confirmed: c.revoke.Confirmed, Log: cfg.Log,
	})
	c.policies = policy.NewPublisher(policy.PublisherConfig{
		Store: cfg.Store, Site: cfg.Site, Signer: cfg.Signer, Seals: seals, Lease: cfg.Lease, Forms: cfg.Forms, Publish: c.publish,
		Hold: c.revoke.Hold, Log: cfg.Log,
	})
	c.commands = command.New(command.Config{
		Site: cfg.Site, Commands: orders.New(cfg.Store), Signer: cfg.Signer, Publish: c.publish, Log: cfg.Log,
	})
	for _, kind := range wire.Ups() {
		cfg.Link.Handle(wire.Filter(cfg.Site, kind), c.arrived)
	}
	return c, nil
}

// Entries tells when the entry log has grown.
func (c *Centre) Entries() *ingest.Broadcaster { return c.ingest.Entries() }

// Statuses tells when the state of a controller has changed.
func (c *Centre) Statuses() *ingest.Broadcaster { return c.ingest.Statuses() }

// Receipts tells when controllers have confirmed revocations.
func (c *Centre) Receipts() *ingest.Broadcaster { return c.ingest.Receipts() }

// Commands gives orders to doors.
func (c *Centre) Commands() *command.Releaser { return c.commands }

// Stats counts since the start.
type Stats struct {
	Policies            policy.Stats
	Dropped             uint64 // messages for which there was no room
	RevocationsRepaired uint64 // whole revocation sets sent because a controller had another
}

// Stats returns the counters.
func (c *Centre) Stats() Stats {
	return Stats{Policies: c.policies.Stats(), Dropped: c.dropped.Load(), RevocationsRepaired: c.revoke.Repaired()}
}

// Forget takes a controller for gone, as when it was revoked: nothing is sent to it any more until it is heard again.
func (c *Centre) Forget(controller string) { c.revoke.Heard(controller, false, access.Version{}, "") }

// Run works until ctx ends or the link fails. What has arrived by then and is not committed is not
// acknowledged either: its controller sends it again.
func (c *Centre) Run(ctx context.Context) error {
	if err := c.recall(ctx); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, part := range []func(context.Context) error{
		c.cfg.Link.Run, c.ingest.RunReceipts, c.revoke.Run, c.policies.Run, c.sendAcks, c.sendLeases, c.sweep, c.settle, c.watch,
	} {
		g.Go(func() error { return part(ctx) })
	}
	c.lanes.run(ctx, g, c.handle)
	return g.Wait()
}

// recall takes over from the register who was connected when the centre stopped: the broker will not say again what it said then.
func (c *Centre) recall(ctx context.Context) error {
	list, err := c.cfg.Devices.Controllers(ctx, store.System("start"))
	if err != nil && ctx.Err() == nil {
		return err
	}
	for _, one := range list {
		if one.Online {
			c.revoke.Heard(one.Name, true, one.Revoked, one.RevokedHash)
		}
	}
	return nil
}

// arrived is called by the link and never waits.
func (c *Centre) arrived(ctx context.Context, m mqtt.Message) {
	at, err := wire.ParseTopic(m.Topic)
	if err != nil || at.Site != c.cfg.Site {
		c.cfg.Log.WarnContext(ctx, "message on an impossible topic", slog.String("topic", m.Topic))
		return
	}
	if m.Retained && at.Kind != wire.Status { // a broker that keeps what it must not
		c.cfg.Log.WarnContext(ctx, "kept message dropped", slog.String("topic", m.Topic))
		return
	}
	if c.lanes.put(message{at, m.Payload, m.Retained, time.Now()}) {
		return
	}
	if n := c.dropped.Add(1); n&(n-1) == 0 { // at 1, 2, 4, 8 …: seen early, never a flood
		c.cfg.Log.WarnContext(ctx, "message dropped, too many wait",
			slog.String("controller", at.Controller), slog.String("kind", string(at.Kind)), slog.Uint64("dropped", n))
	}
}

// handle takes one message.
func (c *Centre) handle(ctx context.Context, m message) {
	if err := guarded(ctx, c.cfg.Log, m, c.take); err != nil && ctx.Err() == nil {
		c.cfg.Log.WarnContext(ctx, "message not taken", slog.String("controller", m.Controller),
			slog.String("kind", string(m.Kind)), slog.Any("error", err))
	}
}

func (c *Centre) take(ctx context.Context, m message) error {
	switch m.Kind {
	case wire.Status:
		return c.takeStatus(ctx, m)
	case wire.Events:
		ack, err := c.ingest.HandleEvents(ctx, m.Controller, m.payload)
		if err == nil {
			c.acks.put(m.Controller, ack)
		}
		return err
	case wire.Live:
		return c.ingest.HandleLive(ctx, m.Controller, m.payload)
	case wire.Receipt:
		return c.ingest.HandleReceipt(ctx, m.Controller, m.payload, m.arrived)
	case wire.Answer:
		answer, err := c.ingest.HandleAnswer(ctx, m.Controller, m.payload)
		if err == nil {
			c.commands.Answer(m.Controller, answer)
		}
		return err
	default:
		return fault.New(fault.Internal, "", "no handler for a message of this kind")
	}
}

func (c *Centre) takeStatus(ctx context.Context, m message) error {
	heard, news, err := c.ingest.HandleStatus(ctx, m.Controller, m.payload, m.retained, m.arrived)
	if err != nil || !news {
		return err
	}
	if heard.Lease != nil {
		c.leases.put(m.Controller, *heard.Lease)
	}
	c.revoke.Heard(m.Controller, heard.Online, heard.Revoked, heard.Hash)
	return nil
}

// sweep marks controllers offline that have gone silent.
func (c *Centre) sweep(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			silent, err := c.ingest.MarkSilent(ctx, now.Add(-silentFor))
			if err != nil && ctx.Err() == nil {
				c.cfg.Log.ErrorContext(ctx, "cannot look for silent controllers", slog.Any("error", err))
			}
			for _, name := range silent {
				c.Forget(name)
			}
		}
	}
}

// watch looks after alarms.
func (c *Centre) watch(ctx context.Context) error { return watch.Run(ctx, c.cfg.Alarms, c.cfg.Log) }

// lastSettle bounds what is written when the program ends.
const lastSettle = 5 * time.Second

// settle writes down now and then, and at the end, how many messages were refused and only counted.
func (c *Centre) settle(ctx context.Context) error {
	tick := time.NewTicker(entrylog.SettleEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSettle)
			defer cancel()
			c.settleNow(last)
			return nil
		case <-tick.C:
			c.settleNow(ctx)
		}
	}
}

func (c *Centre) settleNow(ctx context.Context) {
	if err := c.entries.Settle(ctx); err != nil && ctx.Err() == nil {
		c.cfg.Log.ErrorContext(ctx, "refused messages not counted yet", slog.Any("error", err))
	}
}
