// Package revocation is the register of revocations: the numbered set of cards that are dead or suspended, and which controller has
// confirmed which entry (Art. 75, 76). Who writes a card's new state writes the entry in the same transaction (Add); a publisher is
// woken after the commit and sends what Since and Set give; controllers answer, and Confirm keeps their signed word.
//
// Versions are (epoch of the centre, n). n is dense from 1 in each epoch: who has everything up to n lacks nothing below it. Entries and
// confirmations are bound to the ledger and never change.
package revocation

import (
	"sync"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/store"
	"kanmon/lifecycle/entrylog"
)

// Entry is one entry to be made.
type Entry struct {
	Card   string
	Key    access.Key
	State  access.CredentialState // Active lifts a suspension
	LostAt time.Time              // when the card was lost, as far as somebody said; zero: not said
}

// Confirmation is a controller's word that it refuses every credential of the set up to a version, now and after a restart. The caller
// has checked its signature.
type Confirmation struct {
	Controller  string
	Key         string // id of the key that signed it
	Upto        access.Version
	Hash        string    // access.Revocations.Hash of what is in force there
	PublishedAt time.Time // when the centre last sent the set up to there; zero: not known
	AppliedAt   time.Time // by the controller's clock
	ReceivedAt  time.Time
	Payload     []byte // the message as it came
}

// Progress is how far a controller has confirmed. Epoch 0: nothing yet.
type Progress struct {
	Controller string
	Epoch, N   uint64
}

// Item is one entry as the register shows it, with the names of today.
type Item struct {
	Version    access.Version
	Card       string
	Label      string
	Person     string
	PersonName string
	State      access.CredentialState
	At         time.Time
	Actor      string // kind and id, such as "account:yamada"
	Reason     string
	LostAt     time.Time // zero: no loss was reported
	Confirmed  int       // of Targets
	Targets    int       // controllers that could know the card then
}

// Filter narrows a list. Zero fields do not narrow.
type Filter struct {
	Card   string
	Before access.Version // only older ones
	Limit  int            // at most 500; 0: 100
}

// Receipt is one entry with what became of it at every controller, and where the card was used since it was lost.
type Receipt struct {
	Item
	Doors []ControllerLine // by name of the controller
	Uses  []entrylog.Entry // since LostAt, or since At when no loss was reported; newest first, at most 200
}

// ControllerLine is one controller of a receipt. What Confirmed is false for is zero, but for LeaseEnds.
type ControllerLine struct {
	Controller  string
	Place       string
	Online      bool
	Doors       []string // names, in order
	Confirmed   bool
	PublishedAt time.Time
	AppliedAt   time.Time // by the controller's clock
	ReceivedAt  time.Time
	Signature   string    // id of the key that signed
	Payload     []byte    // the signed message
	LeaseEnds   time.Time // until then it may let the holder in unless it learns of the entry; zero: it never had a policy
	Differs     bool      // by its newest status it has every entry, and yet another set: what it confirmed is not what is in force there
}

// Sure reports whether the controller refuses the card for all that is known.
func (l ControllerLine) Sure() bool { return l.Confirmed && !l.Differs }

// Config sets up a Register.
type Config struct {
	Lease access.Lease // how long doors decide without the centre's word; zero: the defaults
}

// Register is the register of revocations. A program has one for each store: who subscribed hangs on it. It is safe for use by many
// goroutines.
type Register struct {
	store *store.Store
	lease access.Lease

	mu   sync.Mutex
	wake map[chan struct{}]struct{}
}

// New opens the register.
func New(s *store.Store, cfg Config) *Register {
	return &Register{store: s, lease: cfg.Lease, wake: map[chan struct{}]struct{}{}}
}

// Subscribe returns a channel that gets a token after every commit that made an entry; tokens do not pile up. cancel ends it.
func (r *Register) Subscribe() (wake <-chan struct{}, cancel func()) {
	c := make(chan struct{}, 1)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wake[c] = struct{}{}
	return c, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.wake, c)
	}
}

func (r *Register) wakeAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.wake {
		select {
		case c <- struct{}{}:
		default: // a token waits already
		}
	}
}
