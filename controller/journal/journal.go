// Package journal keeps a controller's events on disk, numbered and chained, until the centre has them, and with
// them the little state that must survive a restart.
//
// An event has the number (epoch, seq): seq counts from 1 without gaps, epoch is larger for every new journal of
// a controller. The bytes of event.Encode are stored as they are sent, each with its chain hash (event.Next).
// What Append returned nil for is on disk (SQLite, WAL, synchronous=FULL), and its state change with it: both
// are one commit. Requests that arrive while a commit runs share the next one.
//
// The file is journal-<epoch>.db in the data folder. At opening the head row and the newest part of the chain are
// checked. A journal that does not hold is renamed to journal-<epoch>.db.broken and kept for a technician; a new
// epoch begins, with the event journal_trouble as its first. A journal that merely cannot be opened (disk full,
// no rights) is left alone and tried again.
//
// Beside the events stand what must survive with them: the entries of the revocation set, how far the set goes, the age of the policy's
// lease, the centre's epoch, the number of the program's start. A broken journal hands on what of it can be read.
//
// Trust: who can write the file can lose events; the gap and the chain show it at the centre.
package journal

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"kanmon/controller/site"
	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/event"
	"kanmon/internal/fault"
)

// KeepAcked is how many days an acknowledged event stays, so that a centre restored from a backup can have it
// again.
const KeepAcked = 14

// Config of a journal. Dir, Controller and Log are required.
type Config struct {
	Dir        string // data folder; it must exist
	Controller string // name, part of the chain's start
	// Floor is a moment that is certainly past: no new epoch is numbered below it, whatever the clock says.
	Floor time.Time
	Now   func() time.Time // wall clock for new epochs and for keeping times; nil: time.Now
	Log   *slog.Logger

	ackDelay time.Duration // 0: ackDelay
}

// Change is derived state that is committed together with events.
type Change struct {
	Policy  *access.Version // newly applied; nil for no change
	Centre  uint64          // newest epoch of the centre heard of; a lower one changes nothing
	Floor   time.Time       // newest moment that is certainly past; zero for no change
	Revoked *Revoked        // nil for no change
	Lease   *Lease          // nil for no change
	Site    *site.Kept      // nil for no change
	Clock   *Clock          // nil for no change
}

// Position is the number of an event.
type Position struct{ Epoch, Seq uint64 }

// State is where a journal stands.
type State struct {
	Open      bool      // false: it could not be opened yet; Trouble says why
	Epoch     uint64    //
	Seq       uint64    // the newest event
	Acked     uint64    // the centre has everything up to here
	Base      uint64    // the newest event no longer kept
	Floor     time.Time // newest moment that is certainly past
	Policy    access.Version
	Start     uint64         // number of this start of the program, above those of all earlier ones
	Centre    uint64         // newest epoch of the centre heard of; 0 for none
	Revoked   access.Version // every entry of the revocation set up to here is kept
	RevokedAt time.Time      // when the last entry came into force; zero for none
	Lease     *Lease         // as last kept; nil for none
	Clock     Clock          // as last kept
	SetAside  string         // name of the broken journal that this one replaces
	Trouble   string         // why the last commit or opening failed; "" when it did not
}

// Kept is how many events are in the journal.
func (s State) Kept() uint64 { return s.Seq - s.Base }

// Room is how many events a journal is meant to hold, some 500 MB. Nothing is refused above it; the centre warns before.
const Room = 1_000_000

// FillPerMil is how much of the room is taken, 0–1000.
func (s State) FillPerMil() int { return int(min(s.Kept(), Room) * 1000 / Room) }

// Batch is a run of consecutive events, oldest first.
type Batch struct {
	Epoch, First uint64
	Prev         event.Hash // chain hash before First
	Events       [][]byte
}

// Last is the number of the newest event in the batch.
func (b Batch) Last() uint64 { return b.First + uint64(len(b.Events)) - 1 }

// Journal of one controller. Its methods may be called from any goroutine.
type Journal struct {
	cfg    Config
	state  atomic.Pointer[State]
	db     atomic.Pointer[db.DB]
	opened chan struct{} // closed after the first try to open
	wake   chan struct{}
	news   chan struct{}

	mu     sync.Mutex
	queue  []request
	closed bool
}

type request struct {
	events []event.Event
	change Change
	ack    *Position
	prune  *prune
	done   func(Position, error)
}

// New checks the configuration; the journal is opened by Run.
func New(cfg Config) (*Journal, error) {
	if cfg.Dir == "" || cfg.Log == nil || cfg.Controller == "" {
		return nil, fault.New(fault.Invalid, "journal.config", "journal without a folder, a controller's name or a logger")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.ackDelay == 0 {
		cfg.ackDelay = ackDelay
	}
	j := &Journal{cfg: cfg, opened: make(chan struct{}), wake: make(chan struct{}, 1), news: make(chan struct{}, 1)}
	j.state.Store(&State{Start: cfg.startNumber(), Trouble: "not opened yet"})
	return j, nil
}

// State returns where the journal stands now.
func (j *Journal) State() State { return *j.state.Load() }

// Opened waits until Run has tried to open the journal for the first time, and returns its state.
func (j *Journal) Opened(ctx context.Context) (State, error) {
	select {
	case <-j.opened:
		return j.State(), nil
	case <-ctx.Done():
		return State{}, fault.Wrap(fault.Unavailable, ctx.Err(), "wait for the journal")
	}
}

// News receives a value when events were committed or the cursor went back: there is something to send. It is
// for one receiver.
func (j *Journal) News() <-chan struct{} { return j.news }

// Submit queues events and a change for one commit and returns at once. done is called, exactly once and from
// another goroutine, with the number of the last event or with the reason why nothing may be taken as
// recorded; it must not block. Commits keep the order of the submissions. Epoch and Seq of the events are
// filled in here.
//
// After an error the outcome is almost certainly "not written": the journal reads its head again to be sure. Only
// when the disk does not even answer that, it may later turn out to have been written.
func (j *Journal) Submit(events []event.Event, change Change, done func(Position, error)) {
	j.submit(request{events: events, change: change, done: done})
}

// Append is Submit that waits. When ctx ends first, the outcome is unknown.
func (j *Journal) Append(ctx context.Context, events []event.Event, change Change) (Position, error) {
	return j.wait(ctx, request{events: events, change: change}, "append to the journal")
}

// Ack takes the centre's word that it has everything of an epoch up to upTo, and moves the cursor there, also
// back. Ahead, the cursor may reach the disk with a later commit: a program that dies before sends some events once more. It refuses another epoch and a number that was never given out with fault.Conflict.
func (j *Journal) Ack(ctx context.Context, epoch, upTo uint64) error {
	_, err := j.wait(ctx, request{ack: &Position{epoch, upTo}}, "acknowledge events")
	return err
}

func (j *Journal) wait(ctx context.Context, r request, doing string) (Position, error) {
	type outcome struct {
		at  Position
		err error
	}
	answer := make(chan outcome, 1)
	r.done = func(at Position, err error) { answer <- outcome{at, err} }
	j.submit(r)
	select {
	case o := <-answer:
		return o.at, o.err
	case <-ctx.Done():
		return Position{}, fault.Wrap(fault.Unavailable, ctx.Err(), doing)
	}
}

func (j *Journal) submit(r request) {
	j.mu.Lock()
	closed := j.closed
	if !closed {
		j.queue = append(j.queue, r)
	}
	j.mu.Unlock()
	if closed {
		r.done(Position{}, fault.New(fault.Unavailable, "journal.closed", "the journal is closed"))
		return
	}
	poke(j.wake)
}

// poke leaves a note in a channel of capacity one.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
