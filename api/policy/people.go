package policy

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/period"
)

// people are everybody and all cards, which hundreds of policies share. They are never changed.
type people struct {
	state   peopleState
	staff   map[string]access.Person
	holders []access.Person // who holds a card, in access.Order
	holds   map[string]bool
	cards   []access.Credential     // an entry for each credential of a card, in access.Order
	pins    []access.PIN            // of holders their own, in access.Order
	more    map[string]access.PIN   // of everybody else their own
	alone   map[string][]access.PIN // those taken alone, by area
}

// peopleState says whether a register has changed.
type peopleState struct{ Staff, Card, Credential, PIN int64 }

// known returns the people as they stand in the snapshot, read anew only when a register has changed.
func (c *Compiler) known(ctx context.Context, q store.Queryer) (*people, error) {
	var now peopleState
	if err := q.Get(ctx, &now, `SELECT staff, card, credential, pin FROM v_policy_state`); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.people != nil && c.people.state == now {
		return c.people, nil
	}
	read, err := c.readPeople(ctx, q)
	if err != nil {
		return nil, err
	}
	read.state = now
	c.people = read
	return read, nil
}

func (c *Compiler) readPeople(ctx context.Context, q store.Queryer) (*people, error) {
	p := &people{staff: map[string]access.Person{}, holds: map[string]bool{}}
	if err := p.readStaff(ctx, q); err != nil {
		return nil, err
	}
	if err := p.readCards(ctx, q, c.forms); err != nil {
		return nil, err
	}
	for _, card := range p.cards {
		if person, there := p.staff[card.Person]; there && !p.holds[card.Person] {
			p.holds[card.Person] = true
			p.holders = append(p.holders, person)
		}
	}
	if err := p.readPINs(ctx, q, c.forms); err != nil {
		return nil, err
	}
	all := access.Spec{People: p.holders, Credentials: p.cards, PINs: p.pins}
	access.Order(&all) // in place
	return p, nil
}

func (p *people) readStaff(ctx context.Context, q store.Queryer) error {
	var rows []struct {
		ID     string
		Class  access.Class
		Number string
		period.Row
	}
	if err := q.Select(ctx, &rows, `SELECT id, valid_from, valid_until, class, number FROM v_policy_staff`); err != nil {
		return err
	}
	for _, r := range rows {
		from, until, err := r.Unix()
		if err != nil {
			return err
		}
		if r.Class == access.Staff {
			r.Class = "" // as a policy says it
		}
		p.staff[r.ID] = access.Person{ID: r.ID, Class: r.Class, Number: r.Number, From: from, Until: until}
	}
	return nil
}

// states maps the register's states of a card, and of a credential that ended before it, to what a door makes of them.
var states = map[string]access.CredentialState{
	"issued": access.Active, "suspended": access.Suspended, "revoked": access.Revoked, "ended": access.Revoked,
}

func (p *people) readCards(ctx context.Context, q store.Queryer, forms access.Forms) error {
	var rows []struct {
		ID, Person, State string
		Key               []byte `db:"credential_key"`
		period.Row
	}
	err := q.Select(ctx, &rows, `SELECT id, credential_key, person, state, valid_from, valid_until FROM v_policy_card`)
	if err != nil {
		return err
	}
	p.cards = make([]access.Credential, 0, len(rows))
	for _, r := range rows {
		from, until, err := r.Unix()
		if err != nil {
			return err
		}
		if len(r.Key) != len(access.Key{}) {
			return fault.New(fault.Internal, "", fmt.Sprintf("card %s: credential key of %d bytes", r.ID, len(r.Key)))
		}
		one := access.Credential{Card: r.ID, Person: r.Person, State: states[r.State], From: from, Until: until}
		for _, one.Key = range shown(r.State, forms(access.Key(r.Key))) {
			p.cards = append(p.cards, one)
		}
	}
	return nil
}

// shown are the forms in which a door knows a credential: the newest. One that ended, of a card that goes on, stands there in each: an entry of the revocation set
// keeps its form, and one that a door does not find counts for the whole card.
func shown(state string, forms []access.Key) []access.Key {
	if state == "ended" {
		return forms
	}
	return forms[:1]
}

// into gives a policy the holders of cards, and besides them who has a right or a PIN of one of its areas or may come to repair, and no card, all cards, and the PINs
// of all these people. What is the same for many policies they share.
func (p *people) into(s *access.Spec) {
	var alone []access.PIN
	for _, a := range s.Areas {
		alone = append(alone, p.alone[a.ID]...)
	}
	more := p.without(s, alone)
	s.People, s.Credentials, s.PINs = p.holders, p.cards, p.pins
	if len(more) > 0 {
		s.People = slices.Concat(p.holders, more)
		slices.SortFunc(s.People, func(a, b access.Person) int { return cmp.Compare(a.ID, b.ID) })
	}
	for _, person := range more {
		if own, there := p.more[person.ID]; there {
			alone = append(alone, own)
		}
	}
	if len(alone) > 0 {
		s.PINs = slices.Concat(p.pins, alone)
		slices.SortFunc(s.PINs, access.ComparePINs)
	}
}

// without lists who has a right, may come to repair or has one of the PINs, and no card.
func (p *people) without(s *access.Spec, pins []access.PIN) (more []access.Person) {
	seen := map[string]bool{}
	add := func(id string) {
		person, there := p.staff[id]
		if there && !p.holds[id] && !seen[id] {
			seen[id] = true
			more = append(more, person)
		}
	}
	for _, r := range s.Rights {
		add(r.Person)
	}
	for _, a := range s.Areas {
		for _, id := range a.Recovery {
			add(id)
		}
	}
	for _, i := range pins {
		add(i.Person)
	}
	return more
}
