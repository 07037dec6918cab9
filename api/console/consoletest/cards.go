package consoletest

import (
	"cmp"
	"context"
	"strings"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/period"
)

// Cards is a register of cards in memory.
type Cards struct {
	All  []card.Card
	Last card.Issue // what was issued last
	Fail error      // answered by what changes something, where set

	Read   card.Read // what was enrolled last
	Ended  string    // the credential that was ended last
	Reason string    // of what was done to a card last
	LostAt time.Time
}

// CityCards are the cards of City.
func CityCards() *Cards {
	c := &Cards{}
	for i, m := range City().Members[:4] {
		c.All = append(c.All, card.Card{
			ID: "C-" + strings.Repeat(string(rune('A'+i)), 10), Label: "T-00" + string(rune('1'+i)), Kind: card.Personal, State: card.Issued,
			Person: m.ID, PersonName: m.Name, IssuedAt: Day(2026, 4, 1).Add(9 * time.Hour), Version: 1,
			Period: period.Period{From: Day(2026, 4, 1), Until: Day(2029, 4, 1)},
		})
	}
	c.All[2].State = card.Suspended
	c.All[3].Until = Day(2026, 8, 1)
	return c
}

// Issue implements people.Cards.
func (c *Cards) Issue(_ context.Context, _ store.Actor, n card.Issue) (card.Card, error) {
	c.Last = n
	return card.Card{ID: "C-NEW0000000", Label: n.Label, Person: n.Person}, c.Fail
}

// Credentials implements people.Cards: the first card is read in three ways, of which one has ended.
func (c *Cards) Credentials(_ context.Context, _ store.Actor, id string) ([]card.Credential, error) {
	own := card.Credential{Format: "bits", Trust: access.TrustMutual, EnrolledAt: Day(2026, 4, 1).Add(9 * time.Hour)}
	if id != c.All[0].ID {
		return []card.Credential{own}, nil
	}
	return []card.Credential{
		own,
		{ID: "K-AAAAAAAAAA", Format: "idm", Trust: access.TrustNumber, EnrolledAt: Day(2026, 5, 1).Add(10 * time.Hour), EndedAt: Day(2026, 6, 1).Add(11 * time.Hour)},
		{ID: "K-BBBBBBBBBB", Format: "felica", Trust: access.TrustMemory, EnrolledAt: Day(2026, 6, 1).Add(11 * time.Hour)},
	}, nil
}

// Enrol implements people.Cards.
func (c *Cards) Enrol(_ context.Context, _ store.Actor, _, reason string, n card.Read) (card.Credential, error) {
	c.Read, c.Reason = n, reason
	return card.Credential{ID: "K-NEW0000000", Format: n.Format}, c.Fail
}

// End implements people.Cards.
func (c *Cards) End(_ context.Context, _ store.Actor, _, credential, reason string) (access.Version, error) {
	if c.Fail == nil && reason == "" {
		return access.Version{}, fault.BadField("reason", "field.required", "no reason")
	}
	c.Ended, c.Reason = credential, reason
	return access.Version{Epoch: 1, N: 4}, c.Fail
}

// Find implements taps.Cards: a card's key begins with its place in All, from 1, and goes on with 0, or it was taken from the card.
func (c *Cards) Find(_ context.Context, _ store.Actor, key access.Key) (card.Found, error) {
	if n := int(key[0]); n >= 1 && n <= len(c.All) {
		return card.Found{Card: c.All[n-1], Ended: key[1] != 0}, nil
	}
	return card.Found{}, fault.New(fault.NotFound, "card.stranger", "no card has it")
}

// Suspend implements people.Cards.
func (c *Cards) Suspend(_ context.Context, _ store.Actor, id, reason string, lostAt time.Time) (card.Card, access.Version, error) {
	return c.turn(id, reason, lostAt, card.Suspended)
}

// Revoke implements people.Cards.
func (c *Cards) Revoke(_ context.Context, _ store.Actor, id, reason string, lostAt time.Time) (card.Card, access.Version, error) {
	return c.turn(id, reason, lostAt, card.Revoked)
}

// Lift implements people.Cards.
func (c *Cards) Lift(_ context.Context, _ store.Actor, id, reason string) (card.Card, access.Version, error) {
	return c.turn(id, reason, time.Time{}, card.Issued)
}

func (c *Cards) turn(id, reason string, lostAt time.Time, to card.State) (card.Card, access.Version, error) {
	switch {
	case c.Fail != nil:
		return card.Card{}, access.Version{}, c.Fail
	case reason == "":
		return card.Card{}, access.Version{}, fault.BadField("reason", "field.required", "no reason")
	}
	for i := range c.All {
		if c.All[i].ID == id {
			c.All[i].State, c.Reason, c.LostAt = to, reason, lostAt
			return c.All[i], access.Version{Epoch: 1, N: 3}, nil
		}
	}
	return card.Card{}, access.Version{}, fault.New(fault.NotFound, "card.unknown", "no such card")
}

// Get implements people.Cards.
func (c *Cards) Get(_ context.Context, _ store.Actor, id string) (card.Card, error) {
	for _, x := range c.All {
		if x.ID == id {
			return x, nil
		}
	}
	return card.Card{}, fault.New(fault.NotFound, "", "no such card")
}

// List implements people.Cards.
func (c *Cards) List(_ context.Context, _ store.Actor, f card.Filter) ([]card.Card, error) {
	var out []card.Card
	for _, x := range c.All {
		if x.Label > f.After && (f.Person == "" || f.Person == x.Person) && strings.Contains(x.Label+x.PersonName, f.Query) {
			out = append(out, x)
		}
	}
	return out[:min(cmp.Or(f.Limit, 100), len(out))], nil
}
