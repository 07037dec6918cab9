// Package card is the register of cards (Art. 44, 76): which card, who holds it, since when, until when, in
// which state. It never sees a card number, only access.Key, the keyed hash of what a reader reads. A card is known by the first form of that hash
// for ever; when the site's key is replaced, doors are told of it in the newest form.
//
// States are closed: the database refuses any other. In this form a card is entered and issued in one step; a loss suspends it, and a
// manager revokes it or lifts the suspension. Each of these is also an entry in the revocation set that goes to every door.
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

// Personal is a card with one named holder (個人認証用).
const Personal Kind = "personal"

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
	Key    access.Key // in its first form
	period.Period
}

// Card is one card as it stands.
type Card struct {
	ID         string // made: "C-" and 10 characters
	Label      string
	Kind       Kind
	State      State
	Person     string
	PersonName string
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
