// Package entrylog is the entry and exit log (入退室管理簿): the events of every controller, exactly the bytes
// the controller chained, each bound to the ledger, with the controller's signatures; who is where, as far as doors can tell; and what came
// that could not be believed (quarantine). Rows are only ever added.
//
// A row's id is the number of its ledger leaf: it only rises, so "everything after id" is a complete answer
// for a page that lost its connection.
package entrylog

import (
	"cmp"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/store"
)

// Quarantined is the kind of an entry that stands for a message the centre could not believe; its Reason is
// one of the Bad constants. It is an alarm.
const Quarantined event.Kind = "quarantined"

// Why something was quarantined.
const (
	BadPayload    access.Reason = "bad_payload"        // cannot be read
	BadController access.Reason = "unknown_controller" // from a controller nobody registered
	BadSignature  access.Reason = "bad_signature"      // not signed by the controller whose name it bears
	BadRepeat     access.Reason = "other_bytes"        // a number already taken, with other bytes
	BadChain      access.Reason = "broken_chain"       // does not follow what the controller sent before
	BadGap        access.Reason = "gap"                // numbers missing, and still missing when asked again
	BadSeal       access.Reason = "bad_seal"           // claims a revocation that the centre has never sealed
)

// Entry is one row of the log with the names of today.
type Entry struct {
	ID         int64
	At         time.Time // by the controller's clock
	Received   time.Time // by the centre's
	Kind       event.Kind
	Alarm      bool
	Controller string
	Epoch, Seq uint64 // the controller's number; zero for quarantined
	Door       string
	DoorName   string
	Area       string
	AreaName   string
	Person     string
	PersonName string
	Card       string
	CardLabel  string
	Credential string // fingerprint of an unknown card
	Direction  access.Direction
	Reason     access.Reason
	Reader     string
	Device     string
	Unsure     bool // the controller did not trust its clock
	Detail     string
	// Provisional: shown before its turn, while the controller's backlog drains; it has no ID and is no record yet.
	Provisional bool
}

// Filter narrows a list. Zero fields do not narrow.
type Filter struct {
	AfterID  int64 // only newer ones; with it the answer is oldest first, ready to be shown one after the other
	BeforeID int64 // only older ones
	Door     string
	Area     string
	Person   string
	Card     string
	Kind     event.Kind
	Limit    int // at most 500; 0: 100
}

// Register is the log.
type Register struct {
	store *store.Store
	tally *tally
	lasts time.Duration
}

// New opens the log.
func New(s *store.Store) *Register { return &Register{store: s, tally: newTally(), lasts: EntryLasts} }

// Lasting sets how long an entry to an area whose exits are not measured means inside, before anything else is done; zero: EntryLasts.
func (r *Register) Lasting(d time.Duration) *Register {
	r.lasts = cmp.Or(d, EntryLasts)
	return r
}
