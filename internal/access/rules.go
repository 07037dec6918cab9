package access

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"kanmon/internal/access/timetable"
)

// Trust says how much a read of a card proves. An area demands at least one of them; a weaker read of a known card is refused as such.
type Trust string

// Trust classes, weakest first. The empty class is TrustNumber.
const (
	TrustNumber Trust = "number" // the number alone was read, which anybody can copy
	TrustMemory Trust = "memory" // read from the card's memory
	TrustMutual Trust = "mutual" // the card proved a secret
)

// Factors say what a person shows to enter an area (Art. 44(1)(1)).
type Factors string

// Factors. The empty value is FactorsCard. With FactorsPIN the PIN alone says who it is, so it is unique in the area; with FactorsNumber the
// person's number is typed before it.
const (
	FactorsCard     Factors = "card"
	FactorsCardPIN  Factors = "card_pin"
	FactorsPIN      Factors = "pin"
	FactorsNumber   Factors = "number_pin"
	FactorsTwoCards Factors = "two_cards" // two cards of the same person
)

// Passback says what a door does with somebody who, as far as is known, is inside already.
type Passback string

// Kinds of anti-passback. The empty value is none.
const (
	PassbackSoft  Passback = "soft"  // lets in, and raises an alarm
	PassbackHard  Passback = "hard"  // refuses
	PassbackTimed Passback = "timed" // refuses for a time after the last entry
)

// Rules are what an area asks beyond a right. The zero Rules ask for a card and nothing else. On the way out none of them ever refuses.
type Rules struct {
	Factors   Factors  `json:"factors,omitempty"`
	Trust     Trust    `json:"trust,omitempty"`      // at least
	InOut     bool     `json:"in_out,omitempty"`     // readers on both sides of every door; else the way out is not measured
	Passback  Passback `json:"passback,omitempty"`   // needs InOut, but for PassbackTimed
	PassbackS int      `json:"passback_s,omitempty"` // of PassbackTimed, 1–86,400 s
	ResetAt   int      `json:"reset_at,omitempty"`   // minute of the day (JST, 1–1440) at which everybody counts as outside again; 0: never. Needs InOut
	TwoPerson bool     `json:"two_person,omitempty"` // never fewer than two people inside; needs InOut
	WindowS   int      `json:"window_s,omitempty"`   // within how many seconds the second person, card, PIN or escort has to follow, 1–60; 0: 5
	Visitors  int      `json:"visitors,omitempty"`   // above so many visitors one escort is not enough; 0: no such limit
	Most      int      `json:"most,omitempty"`       // people inside at once; 0: no limit. Needs InOut
	First     bool     `json:"first,omitempty"`      // into an empty area only with a right to be the first; needs InOut
	Unlock    string   `json:"unlock,omitempty"`     // schedule during which the doors stand unlocked; grade 1 only
	UnlockBy  bool     `json:"unlock_by,omitempty"`  // of Unlock: only once somebody with a right to be the first has come in
	Recovery  []string `json:"recovery,omitempty"`   // people who get in to repair the centre (two people, or a card and a PIN), whatever the time and for 30 days without it
}

// PIN is what a person types. Key is the keyed hash over (area, PIN) or (person, PIN), in the newest form.
type PIN struct {
	Person string `json:"person"`
	Area   string `json:"area,omitempty"` // of FactorsPIN; empty: the person's own, for FactorsCardPIN and FactorsNumber
	Key    Key    `json:"key"`
	Duress Key    `json:"duress,omitzero"` // typed in its place under threat; zero: none
	Until  int64  `json:"until,omitempty"` // Unix seconds, exclusive: older than the age limit then (R44-3)
}

// Code is a PIN as it was typed. It gives keyed hashes only: all forms that the door's keys can make of it in a scope, newest first.
type Code interface {
	Forms(scope string) []Key
}

// PersonScope is the scope of the hash of a person's own PIN.
func PersonScope(person string) string { return "person/" + person }

// AreaScope is the scope of a PIN that alone opens an area.
func AreaScope(area string) string { return "area/" + area }

// DefaultWindow is how soon the second person, card, PIN or escort has to follow when the rules do not say.
const DefaultWindow = 5 * time.Second

// MostVisitors and others bound the numbers in Rules.
const (
	mostPeople   = 10_000
	mostWindow   = 60
	mostPassback = 86_400
	mostRecovery = 50
)

// Window is how soon the second person, card, PIN or escort has to follow.
func (r Rules) Window() time.Duration {
	if r.WindowS == 0 {
		return DefaultWindow
	}
	return time.Duration(r.WindowS) * time.Second
}

// NeedExit names the first rule that counts who is inside, for which every door must have readers on both sides; empty when there is none.
func (r Rules) NeedExit() string {
	for _, need := range []struct {
		name  string
		there bool
	}{
		{"passback", r.Passback == PassbackHard || r.Passback == PassbackSoft},
		{"two_person", r.TwoPerson},
		{"most", r.Most > 0},
		{"first", r.First},
		{"reset_at", r.ResetAt > 0},
	} {
		if need.there {
			return need.name
		}
	}
	return ""
}

// Validate checks the values by themselves. What they refer to is checked with the whole policy.
func (r Rules) Validate() error {
	switch {
	case !slices.Contains([]Factors{"", FactorsCard, FactorsCardPIN, FactorsPIN, FactorsNumber, FactorsTwoCards}, r.Factors):
		return fmt.Errorf("factors %.20q", r.Factors)
	case !slices.Contains([]Trust{"", TrustNumber, TrustMemory, TrustMutual}, r.Trust):
		return fmt.Errorf("trust %.20q", r.Trust)
	case !slices.Contains([]Passback{"", PassbackSoft, PassbackHard, PassbackTimed}, r.Passback):
		return fmt.Errorf("anti-passback %.20q", r.Passback)
	case (r.Passback == PassbackTimed) != (r.PassbackS > 0) || r.PassbackS < 0 || r.PassbackS > mostPassback:
		return fmt.Errorf("anti-passback %q of %d s", r.Passback, r.PassbackS)
	case r.ResetAt < 0 || r.ResetAt > timetable.MinutesOfDay:
		return fmt.Errorf("reset at minute %d", r.ResetAt)
	case r.WindowS < 0 || r.WindowS > mostWindow:
		return fmt.Errorf("window of %d s", r.WindowS)
	case r.Visitors < 0 || r.Visitors > mostPeople || r.Most < 0 || r.Most > mostPeople:
		return fmt.Errorf("%d visitors, %d people at most", r.Visitors, r.Most)
	case r.TwoPerson && r.Most == 1:
		return errors.New("two people in an area for one")
	case r.NeedExit() != "" && !r.InOut:
		return fmt.Errorf("%s needs readers on both sides", r.NeedExit())
	case r.UnlockBy && r.Unlock == "":
		return errors.New("unlocking by the first person without a schedule")
	case r.Unlock != "" && (r.TwoPerson || r.Passback == PassbackHard || r.Most > 0):
		return errors.New("doors that stand unlocked in an area that counts who is inside")
	case len(r.Recovery) > mostRecovery || len(r.Recovery) == 1 || len(slices.Compact(slices.Sorted(slices.Values(r.Recovery)))) != len(r.Recovery):
		return fmt.Errorf("%d recovery holders, want none or 2–%d different ones", len(r.Recovery), mostRecovery)
	}
	return nil
}
