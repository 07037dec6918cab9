package api

import (
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"

	"kanmon/api/ingest"
	"kanmon/api/policy"
	"kanmon/internal/fault"
	"kanmon/internal/mqtt"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/entrylog"
)

// Bounds of the centre's side of MQTT.
const (
	laneCount  = 4                // messages of one controller stay in one lane, in order
	laneDepth  = 32               // messages that may wait in a lane; more are dropped and come again
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

// CentreConfig of a Centre; all fields are required.
type CentreConfig struct {
	Site  string // wire.ValidName
	Store *store.Store
	Link  Link
	Log   *slog.Logger
}

// Centre is the centre as controllers see it: it takes in their events and statuses, acknowledges, sends
// policies, and notices who has gone silent.
type Centre struct {
	cfg    CentreConfig
	ingest *ingest.Ingest
	lanes  [laneCount]chan message
	acks   *acks
}

// message is one payload on its way into the registers.
type message struct {
	wire.Address
	payload  []byte
	retained bool
	arrived  time.Time
}

// NewCentre prepares a centre and registers its handlers with the link; Run starts it, link included.
func NewCentre(cfg CentreConfig) (*Centre, error) {
	if !wire.ValidName(cfg.Site) {
		return nil, fault.New(fault.Invalid, "centre.site", "the site's name is not 1 to 32 lower case letters, digits, hyphens")
	}
	c := &Centre{
		cfg:    cfg,
		ingest: ingest.New(cfg.Store, entrylog.New(cfg.Store), device.New(cfg.Store), cfg.Log),
		acks:   newAcks(),
	}
	for i := range c.lanes {
		c.lanes[i] = make(chan message, laneDepth)
	}
	for _, kind := range []wire.Kind{wire.Events, wire.Status} {
		cfg.Link.Handle(wire.Filter(cfg.Site, kind), c.arrived)
	}
	return c, nil
}

// Entries tells when the entry log has grown.
func (c *Centre) Entries() *ingest.Broadcaster { return c.ingest.Entries() }

// Statuses tells when the state of a controller has changed.
func (c *Centre) Statuses() *ingest.Broadcaster { return c.ingest.Statuses() }

// Run works until ctx ends or the link fails. What has arrived by then and is not committed is not
// acknowledged either: its controller sends it again.
func (c *Centre) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return c.cfg.Link.Run(ctx) })
	for _, lane := range c.lanes {
		g.Go(func() error { return c.work(ctx, lane) })
	}
	g.Go(func() error { return c.sendAcks(ctx) })
	g.Go(func() error { return c.sweep(ctx) })
	g.Go(func() error {
		return policy.NewPublisher(policy.PublisherConfig{
			Store: c.cfg.Store, Site: c.cfg.Site, Publish: c.publish, Log: c.cfg.Log,
		}).Run(ctx)
	})
	return g.Wait()
}

// arrived is called by the link and never waits.
func (c *Centre) arrived(ctx context.Context, m mqtt.Message) {
	at, err := wire.ParseTopic(m.Topic)
	if err != nil || at.Site != c.cfg.Site {
		c.cfg.Log.WarnContext(ctx, "message on an impossible topic", slog.String("topic", m.Topic))
		return
	}
	select {
	case c.lanes[laneOf(at.Controller)] <- message{at, m.Payload, m.Retained, time.Now()}:
	default:
		c.cfg.Log.WarnContext(ctx, "message dropped, too many wait", slog.String("controller", at.Controller))
	}
}

func laneOf(controller string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(controller)) // it never fails
	return h.Sum32() % laneCount
}

func (c *Centre) work(ctx context.Context, lane <-chan message) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case m := <-lane:
			if err := c.handle(ctx, m); err != nil && ctx.Err() == nil {
				c.cfg.Log.WarnContext(ctx, "message not taken", slog.String("controller", m.Controller),
					slog.String("kind", string(m.Kind)), slog.Any("error", err))
			}
		}
	}
}

// handle takes one message. One that makes a handler panic would come again after every restart, so the panic is an
// error of that message and not the end of the centre; its transaction is rolled back.
func (c *Centre) handle(ctx context.Context, m message) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.cfg.Log.ErrorContext(ctx, "message handler panicked", slog.String("controller", m.Controller),
				slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))
			err = fault.New(fault.Internal, "", "message handler panicked")
		}
	}()
	if m.Kind == wire.Status {
		return c.ingest.HandleStatus(ctx, m.Controller, m.payload, m.retained, m.arrived)
	}
	ack, err := c.ingest.HandleEvents(ctx, m.Controller, m.payload)
	if err == nil {
		c.acks.put(m.Controller, ack)
	}
	return err
}

// sendAcks publishes acknowledgements as they come. One that fails is not kept: the controller sends its batch
// again and is acknowledged then.
func (c *Centre) sendAcks(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.acks.wake:
		}
		for controller, ack := range c.acks.take() {
			payload, err := wire.Encode(ack)
			if err == nil {
				err = c.publish(ctx, wire.Topic(c.cfg.Site, controller, wire.Ack), payload)
			}
			if err != nil && ctx.Err() == nil {
				c.cfg.Log.WarnContext(ctx, "acknowledgement not sent", slog.String("controller", controller), slog.Any("error", err))
			}
		}
	}
}

func (c *Centre) publish(ctx context.Context, topic string, payload []byte) error {
	ctx, cancel := context.WithTimeout(ctx, sendWithin)
	defer cancel()
	return c.cfg.Link.Publish(ctx, mqtt.Message{Topic: topic, Payload: payload})
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
			if err := c.ingest.MarkSilent(ctx, now.Add(-silentFor)); err != nil && ctx.Err() == nil {
				c.cfg.Log.ErrorContext(ctx, "cannot look for silent controllers", slog.Any("error", err))
			}
		}
	}
}
