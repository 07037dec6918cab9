// Package staff is the register of people (職員): who they are, which section, and from when until when.
//
// A member's id is the staff number. Names are personal: they stand in staff_personal, a row that can be
// erased later while the version that binds its hash stays. Nothing is overwritten; a change is a new version.
package staff

import (
	"kanmon/internal/access"
	"kanmon/internal/store"
	"kanmon/lifecycle/period"
)

// Details are what is entered about a member.
type Details struct {
	No      string       // staff number; empty: one is made ("S-" and 8 characters). It is the member's id for good
	Name    string       // 氏名, at most 64 characters
	Kana    string       // フリガナ, at most 64 characters, may be empty
	Section string       // 所属, at most 64 characters, may be empty
	Class   access.Class // empty: access.Staff
	Number  string       // typed at a keypad before the PIN: 4–8 digits, nobody else's; may be empty
	period.Period
}

// Member is one entry of the register as it stands.
type Member struct {
	ID      string // the staff number
	Name    string
	Kana    string
	Section string
	Class   access.Class
	Number  string // typed at a keypad before the PIN; may be empty
	period.Period
	Cards   int   // cards issued and not closed
	Version int64 // from 1
}

// Filter narrows a list. Zero fields do not narrow.
type Filter struct {
	Query string // part of the number, name, kana or section
	Limit int    // at most 500; 0: 100
	After string // the last ID of the page before
}

// Register is the register of people.
type Register struct{ store *store.Store }

// New opens the register.
func New(s *store.Store) *Register { return &Register{store: s} }
