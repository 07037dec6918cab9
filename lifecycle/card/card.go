// Package card is the register of cards (Art. 44, 76): which card, who holds it, since when, until when, in
// which state. It never sees a card number, only access.Key, the keyed hash of what a reader reads.
//
// States are closed: the database refuses any other. In this form a card is entered and issued in one step.
package card

import (
	"time"

	"kanmon/internal/access"
	"kanmon/internal/store"
	"kanmon/lifecycle/period"
)

// Kind of a card.
type Kind string

// Personal is a card with one named holder (個人認証用).
const Personal Kind = "personal"

// State of a card.
type State string

// States. Later states than Issued close the card or stop it for a time; nothing leads there yet.
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
	Person string // staff number of the holder
	Key    access.Key
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
type Register struct{ store *store.Store }

// New opens the register.
func New(s *store.Store) *Register { return &Register{store: s} }
