package decide_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
)

// What the models of the rules share: a building, who works in it, and PINs hashed in a way of their own.

// typed is a PIN as the models type it: forms hashes, each older one hashed once less. It is an access.Code.
type typed struct {
	digits string
	forms  int
}

// Forms gives the hashes, newest first.
func (c typed) Forms(scope string) (forms []access.Key) {
	k := sha256.Sum256([]byte(scope + "|" + c.digits))
	for range c.forms {
		forms = append(forms, k)
		k = sha256.Sum256(k[:])
	}
	slices.Reverse(forms)
	return forms
}

// hashed is a PIN in a scope, in the form that was the newest after so many keys.
func hashed(scope, digits string, forms int) access.Key { return typed{digits, forms}.Forms(scope)[0] }

// people of the models' building: what the name says is the one thing special about them.
var (
	cast = []access.Person{
		{ID: "clerk", Number: "1"},
		{ID: "fitter", Number: "2", Class: access.Contractor},
		{ID: "guide", Number: "3"},
		{ID: "opener", Number: "4"},
		{ID: "warden", Number: "5", Class: access.Contractor},
		{ID: "guest", Number: "6", Class: access.Visitor},
		{ID: "medic", Number: "7", Class: access.Visitor}, // a visitor whose right has all that one of theirs may have
		{ID: "stranger", Number: "8"},                     // who has no right
		{ID: "sato", Number: "9"},                         // recovery holders of vaults that name them
		{ID: "suzuki", Number: "10"},
	}
	castRights = []access.Right{
		{Person: "clerk", Area: "vault"},
		{Person: "fitter", Area: "vault"},
		{Person: "guide", Area: "vault", Escort: true},
		{Person: "opener", Area: "vault", First: true},
		{Person: "warden", Area: "vault", Lockdown: true},
		{Person: "guest", Area: "vault"},
		{Person: "medic", Area: "vault", First: true, Lockdown: true},
		{Person: "sato", Area: "vault", First: true, Lockdown: true, Escort: true},
		{Person: "suzuki", Area: "vault"},
	}
)

// vault is one area with one entry and one exit reader, and a lobby before it whose door is interlocked with the vault's. Everybody of the
// cast has a card without limits.
func vault(rules access.Rules) access.Spec {
	s := access.Spec{
		Version: access.Version{Epoch: 1, N: 1},
		Areas:   []access.Area{{ID: "vault", Grade: 3, Record: access.Strict, Rules: rules}, {ID: "lobby", Grade: 1, Record: access.BestEffort}},
		Doors: []access.Door{
			{ID: "D-1", Area: "vault", EntryReads: []string{"IN"}, ExitReads: []string{"OUT"}, ReleaseMS: 3000, HeldMS: 20_000, Interlock: "lock"},
			{ID: "D-2", Area: "lobby", EntryReads: []string{"LOBBY"}, ReleaseMS: 3000, HeldMS: 20_000, Interlock: "lock"},
		},
		Readers: proven("IN", "OUT", "LOBBY"),
		People:  slices.Clone(cast),
		Rights:  slices.Clone(castRights),
	}
	for _, p := range cast {
		s.Credentials = append(s.Credentials, access.Credential{Key: cardOf(p.ID), Card: "card of " + p.ID, Person: p.ID, State: access.Active})
	}
	return s
}

// bits26 is a read of card bits in the commonest layout.
var bits26 = access.Shape{Format: access.FormatBits, Bits: 26, Parity: access.ParityRight}

// proven are profiles of readers that prove all that card bits can.
func proven(names ...string) (all []access.Reader) {
	for _, name := range names {
		all = append(all, access.Reader{Name: name, Trust: access.TrustMutual})
	}
	return all
}

// cardOf is the key of somebody's card.
func cardOf(person string) access.Key { return sha256.Sum256([]byte("card of " + person)) }

// answer is what a model says of a request.
type answer struct {
	reason access.Reason
	broken access.Reason
	guests bool
}

// waits are the reasons of an answer that is neither yes nor no: what is missing may follow.
var waits = []access.Reason{access.PINRequired, access.CardRequired, access.PersonRequired, access.EscortRequired}

// agree fails when an answer at an entry is another than the model's.
func agree(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, d decide.Decision, want answer,
) {
	t.Helper()
	allow, wait := want.reason == access.Granted, slices.Contains(waits, want.reason)
	if d.Reason != want.reason || d.Allow != allow || d.Wait != wait || d.Broken != want.broken {
		t.Fatalf("%+v, the model says %+v", d, want)
	}
	if d.Allow && d.Facts.Party.Guests > 0 && d.Guests != want.guests {
		t.Fatalf("visitors who wait pass along: %t, the model says %t: %+v", d.Guests, want.guests, d)
	}
}

func compiled(t *rapid.T, s access.Spec) *decide.Policy {
	p, err := decide.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// ask decides about somebody's card at a reader of the vault, with facts; the read is the best there is.
func ask(p *decide.Policy, reader, person string, f access.Facts, now time.Time) decide.Decision {
	id := decide.Identify(p, decide.Request{Reader: reader, Key: cardOf(person), Trust: access.TrustMutual, Shape: bits26})
	f.Trust, f.Shape = id.Facts().Trust, id.Facts().Shape
	return id.Decide(f, now)
}

func oneOf[T any](t *rapid.T, label string, all ...T) T { return rapid.SampledFrom(all).Draw(t, label) }

func few(t *rapid.T, label string, most int) int { return rapid.IntRange(0, most).Draw(t, label) }

func yes(t *rapid.T, label string) bool { return rapid.Bool().Draw(t, label) }

// rightsOf are the rights of a person to the vault, added up.
func rightsOf(s access.Spec, person string) (all access.Right, some bool) {
	for _, r := range s.Rights {
		if r.Person == person && r.Area == "vault" {
			all.Escort, all.First, all.Lockdown = all.Escort || r.Escort, all.First || r.First, all.Lockdown || r.Lockdown
			some = true
		}
	}
	return all, some
}

func TestEverybodyOfTheModelsBuildingIsTold(t *testing.T) {
	p := compile(t, vault(access.Rules{}))
	for _, who := range cast {
		want := access.Granted
		switch {
		case who.ID == "stranger":
			want = access.NoRight
		case who.Class == access.Visitor:
			want = access.EscortRequired
		}
		if d := ask(p, "IN", who.ID, access.Facts{}, noon); d.Reason != want || d.Person != who.ID || d.Card != fmt.Sprint("card of ", who.ID) {
			t.Errorf("%s: %+v", who.ID, d)
		}
	}
}

// anyRules draws an area with any of all rules.
func anyRules(t *rapid.T) access.Area {
	a := anyInside(t)
	if a.Passback == "" || a.Passback == access.PassbackTimed {
		a.InOut = yes(t, "in and out")
	}
	if !a.InOut {
		a.First, a.Most = false, 0
	}
	a.Factors = oneOf(t, "factors", "", access.FactorsCard, access.FactorsCardPIN, access.FactorsPIN, access.FactorsNumber, access.FactorsTwoCards)
	a.Trust = oneOf(t, "trust", "", access.TrustNumber, access.TrustMemory, access.TrustMutual)
	a.TwoPerson = a.InOut && a.Most != 1 && yes(t, "two people")
	a.Visitors = few(t, "limit of visitors", 3)
	if yes(t, "recovery") {
		a.Recovery = []string{"sato", "suzuki"}
	}
	return a
}
