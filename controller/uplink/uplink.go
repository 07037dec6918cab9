// Package uplink carries a controller's journal to the centre and the centre's policy to the controller, over a
// broker that is trusted with nothing.
//
// Events go in order, in batches (wire.EventBatch), from the journal's cursor on. Up to Window batches may be on
// their way. Only the centre's acknowledgement counts, which says how far it has committed: it moves the cursor
// in the journal. A broker's acknowledgement means nothing, its error means "unknown"; when the centre says nothing for
// AckTimeout, and at every new connection, sending starts again from the cursor. An acknowledgement lower than
// the cursor means that the centre has gone back to an older copy of itself: what it lost is sent again, as far
// as it is kept.
//
// The status (wire.ControllerStatus, retained) goes out at every connection, at every change and every
// StatusEvery; the broker is given the offline status as this client's last will.
package uplink

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"kanmon/controller/journal"
	"kanmon/internal/access"
	"kanmon/internal/mqtt"
	"kanmon/internal/wire"
)

// Times and bounds.
const (
	Window       = 4                      // batches on their way without the centre's word
	MaxBatchSize = 256 << 10              // bytes of events in one batch
	AckTimeout   = 5 * time.Second        // without the centre's word, send again
	StatusEvery  = 10 * time.Second       //
	statusPause  = 200 * time.Millisecond // between two statuses, however much changes
	sendTimeout  = 5 * time.Second        // for the broker to take a message
	retryPause   = time.Second            // after a failure
	policyQueue  = 128                    // parts waiting to be read
)

// Journal is what the uplink needs of a journal; *journal.Journal is one.
type Journal interface {
	State() journal.State
	Read(ctx context.Context, after uint64, maxEvents, maxBytes int) (journal.Batch, error)
	Ack(ctx context.Context, epoch, upTo uint64) error
	News() <-chan struct{}
}

// Client is what the uplink needs of the MQTT client; *mqtt.Client is one.
type Client interface {
	Handle(filter string, fn func(context.Context, mqtt.Message))
	OnConnect(fn func())
	Connected() bool
	Publish(ctx context.Context, m mqtt.Message) error
}

// Config of an uplink. All fields are required. The functions must not wait.
type Config struct {
	Site, Controller string
	Journal          Journal
	Client           Client
	Status           func() wire.ControllerStatus // as it is now, journal and clock included
	Changed          <-chan struct{}              // Status changed
	// Offer takes a policy whose parts have come together and have the hash given with them.
	Offer func(spec access.Spec, hash string)
	// Refuse hears of a policy whose parts do not.
	Refuse func(detail string)
	Log    *slog.Logger
}

// Counts are kept for diagnosis.
type Counts struct {
	Batches   uint64 // sent, repetitions included
	Resends   uint64 // times sending started again from the cursor for want of an answer
	BadAcks   uint64 // acknowledgements not understood or refused by the journal
	BadParts  uint64 // policy parts not understood
	LateParts uint64 // policy parts dropped because too many waited
}

// Uplink of one controller.
type Uplink struct {
	cfg       Config
	acks      mailbox
	parts     chan []byte
	reconnect chan struct{} // for the events
	greet     chan struct{} // for the status

	batches, resends, badAcks, badParts, lateParts atomic.Uint64
}

// New registers the uplink's handlers with the client, so it comes before the client's Run.
func New(cfg Config) *Uplink {
	u := &Uplink{
		cfg: cfg, acks: mailbox{wake: make(chan struct{}, 1)}, parts: make(chan []byte, policyQueue),
		reconnect: make(chan struct{}, 1), greet: make(chan struct{}, 1),
	}
	cfg.Client.Handle(u.topic(wire.Ack), u.hearAck)
	cfg.Client.Handle(u.topic(wire.Policy), u.hearPolicy)
	cfg.Client.OnConnect(func() {
		poke(u.reconnect)
		poke(u.greet)
	})
	return u
}

// Will is the last will to give the client: the offline status.
func Will(site, controller string) (mqtt.Message, error) {
	b, err := wire.Encode(wire.Offline())
	return mqtt.Message{Topic: wire.Topic(site, controller, wire.Status), Payload: b, Retained: true}, err
}

// Counts returns the counters.
func (u *Uplink) Counts() Counts {
	return Counts{
		Batches: u.batches.Load(), Resends: u.resends.Load(), BadAcks: u.badAcks.Load(),
		BadParts: u.badParts.Load(), LateParts: u.lateParts.Load(),
	}
}

// Run works until ctx ends, and returns nil then.
func (u *Uplink) Run(ctx context.Context) error {
	var all sync.WaitGroup
	all.Go(func() { newSender(u).run(ctx) })
	all.Go(func() { u.sendStatus(ctx) })
	all.Go(func() { u.readPolicy(ctx) })
	all.Wait()
	return nil
}

func (u *Uplink) topic(k wire.Kind) string { return wire.Topic(u.cfg.Site, u.cfg.Controller, k) }

func (u *Uplink) publish(ctx context.Context, k wire.Kind, payload []byte) error {
	within, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	return u.cfg.Client.Publish(within, mqtt.Message{Topic: u.topic(k), Payload: payload, Retained: k == wire.Status})
}

func (u *Uplink) hearAck(ctx context.Context, m mqtt.Message) {
	ack, err := wire.DecodeAck(m.Payload)
	if err != nil {
		u.badAcks.Add(1)
		u.cfg.Log.WarnContext(ctx, "acknowledgement not understood", slog.Any("error", err))
		return
	}
	u.acks.put(ack)
}

// mailbox holds the newest acknowledgement.
type mailbox struct {
	wake chan struct{}
	mu   sync.Mutex
	ack  *wire.AckUpTo
}

func (b *mailbox) put(a wire.AckUpTo) {
	b.mu.Lock()
	b.ack = &a
	b.mu.Unlock()
	poke(b.wake)
}

func (b *mailbox) take() *wire.AckUpTo {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.ack
	b.ack = nil
	return a
}

// poke leaves a note in a channel of capacity one.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
