// Package uplink carries a controller's journal to the centre and the centre's word to the controller, over a
// broker that is trusted with nothing: everything it sends is signed by the controller, and everything it takes is signed by
// the centre for this very topic (package wire). What does not hold is counted and dropped.
//
// Events go in order, in batches (wire.EventBatch), from the journal's cursor on. Up to Window batches may be on
// their way. Only the centre's acknowledgement counts, which says how far it has committed: it moves the cursor
// in the journal. A broker's acknowledgement means nothing, its error means "unknown"; when the centre says nothing for
// AckTimeout, and at every new connection, sending starts again from the cursor. An acknowledgement lower than
// the cursor means that the centre has gone back to an older copy of itself: what it lost is sent again, as far
// as it is kept. In a new epoch of the centre that is believed at once, else only when no better one follows. An acknowledgement by an
// older epoch than the newest one heard of proves nothing and is refused.
//
// While much waits to be sent, the newest events also go ahead on a lane of their own (live.go), provisionally.
//
// The status (wire.ControllerStatus, retained) goes out at every connection, at every change and every
// StatusEvery, each with a new nonce that the centre's lease answers; the broker is given the offline status as this client's
// last will. Nothing else is published retained, and of what the broker had retained only revocations are taken: they are
// state, and old ones change nothing.
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
	Window       = 8                      // batches on their way without the centre's word: 2,048 events, so 2,000/s up to a second of delay
	MaxBatchSize = 256 << 10              // bytes of events in one batch
	AckTimeout   = 5 * time.Second        // without the centre's word, send again
	StatusEvery  = 10 * time.Second       //
	LiveBehind   = 2 * wire.MaxBatch      // events not sent yet, from which on new ones also go ahead
	statusPause  = 200 * time.Millisecond // between two statuses, however much changes
	sendTimeout  = 5 * time.Second        // for the broker to take a message
	retryPause   = time.Second            // after a failure
	policyQueue  = 128                    // parts waiting to be read
	answerQueue  = 32                     // answers waiting to be sent
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

// Policies takes policies that the centre has signed for this controller. All methods are called from one goroutine.
type Policies interface {
	InForce() string            // hash of the policy in force; "" for none
	Spec() (access.Spec, error) // the policy in force, to which deltas apply
	// Offer takes a policy which is the one that its manifest names. It may wait for the disk.
	Offer(ctx context.Context, spec access.Spec, manifest wire.Signed)
	// Refuse hears of a policy that does not hold.
	Refuse(detail string)
}

// Doors takes what the centre says to the doors, all of it verified. Methods must not wait.
type Doors interface {
	Revoke(set wire.RevokedSet)
	// Lease is an answer to a nonce that was made at a moment of Config.Mono.
	Lease(grant wire.LeaseGrant, made time.Duration)
	// Command comes with a fresh nonce to answer it with.
	Command(c wire.DoCommand, fresh string)
	// CommandRefused hears of a command that does not hold.
	CommandRefused(detail string)
	// CentreEpoch hears of an epoch of the centre above all before.
	CentreEpoch(epoch uint64)
}

// Config of an uplink. All fields but CentreEpoch are required.
type Config struct {
	Site, Controller string
	Journal          Journal
	Client           Client
	Signer           wire.Signer                  // the controller's key
	Centre           wire.Keys                    // the centre's
	CentreEpoch      uint64                       // newest one heard of; 0 for none
	Status           func() wire.ControllerStatus // as it is now; n, nonce and time are filled in here
	Changed          <-chan struct{}              // Status changed
	Mono             func() time.Duration         // the clock of Doors.Lease
	Policies         Policies
	Doors            Doors
	Log              *slog.Logger
}

// Counts are kept for diagnosis.
type Counts struct {
	Batches   uint64 // sent, repetitions included
	Resends   uint64 // times sending started again from the cursor for want of an answer
	Live      uint64 // messages sent ahead
	Refused   uint64 // messages whose signature or form does not hold
	Retained  uint64 // messages dropped for having been kept by the broker
	BadAcks   uint64 // acknowledgements of an older centre, or refused by the journal
	BadParts  uint64 // policy parts and deltas that do not make the policy they name
	LateParts uint64 // policy parts dropped because too many waited
	NoNonce   uint64 // leases for a nonce that is not remembered
}

type counters struct {
	batches, resends, live, refused, retained, badAcks, badParts, lateParts, noNonce atomic.Uint64
}

// Uplink of one controller.
type Uplink struct {
	cfg       Config
	acks      mailbox[wire.AckUpTo]
	receipts  mailbox[wire.RevokedReceipt]
	answers   chan wire.CommandAnswer
	parts     chan []byte
	reconnect chan struct{} // for the events
	greet     chan struct{} // for the status
	ahead     chan struct{} // for the live lane: much waits, and there is something new
	newest    atomic.Uint64 // newest epoch of the centre heard of
	nonces    nonces
	count     counters
}

// New registers the uplink's handlers with the client, so it comes before the client's Run.
func New(cfg Config) *Uplink {
	u := &Uplink{
		cfg: cfg, acks: newMailbox[wire.AckUpTo](), receipts: newMailbox[wire.RevokedReceipt](),
		answers: make(chan wire.CommandAnswer, answerQueue), parts: make(chan []byte, policyQueue),
		reconnect: make(chan struct{}, 1), greet: make(chan struct{}, 1), ahead: make(chan struct{}, 1),
	}
	u.newest.Store(cfg.CentreEpoch)
	u.listen()
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
	c := &u.count
	return Counts{
		Batches: c.batches.Load(), Resends: c.resends.Load(), Live: c.live.Load(), Refused: c.refused.Load(), Retained: c.retained.Load(),
		BadAcks: c.badAcks.Load(), BadParts: c.badParts.Load(), LateParts: c.lateParts.Load(), NoNonce: c.noNonce.Load(),
	}
}

// Run works until ctx ends, and returns nil then.
func (u *Uplink) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for _, work := range []func(context.Context){
		newSender(u).run, u.sendStatus, u.readPolicy, u.sendReceipts, u.sendAnswers, (&liveLane{Uplink: u}).run,
	} {
		all.Go(func() { work(ctx) })
	}
	all.Wait()
	return nil
}

// at is the address of this controller's messages of a kind.
func (u *Uplink) at(k wire.Kind) wire.Address {
	return wire.Address{Site: u.cfg.Site, Controller: u.cfg.Controller, Kind: k}
}

// tell signs and publishes a payload.
func (u *Uplink) tell(ctx context.Context, k wire.Kind, body any) error {
	payload, err := wire.Seal(u.at(k), body, u.cfg.Signer)
	if err != nil {
		return err
	}
	return u.publish(ctx, k, payload)
}

func (u *Uplink) publish(ctx context.Context, k wire.Kind, payload []byte) error {
	within, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	return u.cfg.Client.Publish(within, mqtt.Message{Topic: u.at(k).Topic(), Payload: payload, Retained: k == wire.Status})
}
