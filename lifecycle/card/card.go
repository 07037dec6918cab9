// Package card is the register of cards (Art. 44, 76): which card, who holds it, since when, until when, in
// which state. It never sees a card number, only access.Key, the keyed hash of what a reader reads. A card is known by the first form of that hash
// for ever; when the site's key is replaced, doors are told of it in the newest form.
//
// A card has one or more credentials, all of one holder: what the readers of the house read from it. The first is the card's own and stands in its versions; more are
// added with Enrol. An enrolment at a biometric terminal is a card too, of kind Biometric, whose credentials are what the terminal calls the person by: so it is
// suspended, revoked, followed to every door and read as of any day like a card. What the terminal keeps of a face or a finger is not here and has no field.
//
// States are closed: the database refuses any other. In this form a card is entered and issued in one step; a loss suspends it, and a
// manager revokes it or lifts the suspension. Each of these is also an entry in the revocation set that goes to every door, one for each credential.
package card

import (
	"time"

	"kanmon/internal/access"
	"kanmon/internal/store"
	"kanmon/lifecycle/period"
	"kanmon/lifecycle/revocation"
)

// Kind of a card.
type Kind string

// Kinds.
const (
	Personal  Kind = "personal"  // with one named holder (個人認証用)
	Biometric Kind = "biometric" // no card: a person enrolled at a biometric terminal
)

// State of a card.
type State string

// States. Suspended stops a card for a time, the later ones close it; nothing leads to Returned and Destroyed yet.
const (
	InStock   State = "in_stock"
	Issued    State = "issued"
	Suspended State = "suspended"
	Revoked   State = "revoked"
	Returned  State = "returned"
	Destroyed State = "destroyed"
)

// Issue is what is entered when a card is handed out.
type Issue struct {
	Label  string // what is printed on it, at most 32 ASCII characters, unique
	Kind   Kind
	Person string     // staff number of the holder
	Key    access.Key // as in Read, and so the three below
	Format string

	Siblings []access.Key
	Apart    bool
	Terminal string // of a Biometric one: controller/name of the terminal that knows the person
	period.Period
}

// Read is a credential as it is entered, its hashes in their first form.
type Read struct {
	Key    access.Key
	Format string // one of reader/credential's; empty: "bits"
	// Siblings are the keys of what another reader might make of the same card: its number in another order of bytes or bits, or of another length.
	Siblings []access.Key
	// Apart says that who enters it has seen both cards: a sibling that is known is another card.
	Apart bool
}

// Credential is one that a card has, as the register shows it.
type Credential struct {
	ID         string // made: "K-" and 10 characters; empty for the card's own
	Format     string
	Trust      access.Trust // the most that a read of the format can prove
	EnrolledAt time.Time
	EndedAt    time.Time // zero: it counts as long as the card does
}

// Card is one card as it stands.
type Card struct {
	ID         string // made: "C-" and 10 characters
	Label      string
	Kind       Kind
	State      State
	Person     string
	PersonName string
	Terminal   string // of a Biometric one
	IssuedAt   time.Time
	period.Period
	Version int64
}

// Filter narrows a list. Zero fields do not narrow.
type Filter struct {
	Query  string // part of the label, holder's number or name
	Person string
	State  State
	AsOf   time.Time // the register as it stood at this moment; zero: now
	Limit  int       // at most 500; 0: 100
	After  string    // the last Label of the page before
}

// Register is the register of cards.
type Register struct {
	store       *store.Store
	revocations *revocation.Register
	forms       access.Forms
}

// New opens the register over the store of a register of revocations, in which it enters what happens to cards.
func New(s *store.Store, revocations *revocation.Register, forms access.Forms) *Register {
	return &Register{store: s, revocations: revocations, forms: forms}
}
