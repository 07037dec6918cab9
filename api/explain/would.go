package explain

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
)

// Question is who would come to which door, when and with what.
type Question struct {
	Card   string // its id or what is printed on it; empty: Person's
	Person string // used when Card is empty
	Door   string // its id
	Way    access.Direction
	At     time.Time
	Trust  access.Trust // of the read; empty: as much as the area demands
	Typed  access.Typed // what became of the PIN; empty: none typed
}

// Would is the answer that a door would give that has the registers as they are now.
type Would struct {
	Question Question // with what was left open filled in
	DoorName string
	AreaName string
	Name     string // of the person
	Label    string // of the card
	Made     decide.Decision
	Checks   []Check
}

// Would answers a question by the registers as they are now, for a quiet building: nobody inside or waiting, every door shut, no lease over. Needs
// authz.AreaRead. A door, card or person that is not there is fault.Invalid.
func (x *Explainer) Would(ctx context.Context, actor store.Actor, ask Question) (Would, error) {
	w := Would{Question: ask}
	err := x.store.Read(ctx, func(q store.Queryer) error {
		if err := actor.May(authz.AreaRead); err != nil {
			return err
		}
		return x.would(ctx, &reading{q: q, before: math.MaxInt64, forms: x.forms}, &w)
	})
	if err != nil {
		return Would{}, fmt.Errorf("what a door would do: %w", err)
	}
	return w, nil
}

func (x *Explainer) would(ctx context.Context, r *reading, w *Would) error {
	ask := &w.Question
	if err := ask.check(); err != nil {
		return err
	}
	a, err := r.reader(ctx, ask)
	if err != nil {
		return err
	}
	if err := r.who(ctx, ask, &a); err != nil {
		return err
	}
	s, err := r.scene(ctx, a)
	if err != nil {
		return err
	}
	if a.card == "" && a.person != "" && s.person == nil {
		return fault.BadField("who", "explain.nobody", fmt.Sprintf("no person %.40q", ask.Person))
	}
	if !alone(s.area.Factors) {
		if s, err = r.withCard(ctx, s, ask, &a); err != nil {
			return err
		}
	} else if ask.Card == "" {
		ask.Trust = ""
	}
	policy, err := decide.Compile(s.spec)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "what the registers say")
	}
	if ask.Trust == "" && a.card != "" {
		ask.Trust = s.area.Trust
	}
	w.DoorName, w.AreaName, w.Name, w.Label = s.door.Name, s.area.Name, s.name, s.label
	f := access.Facts{Trust: ask.Trust, Typed: ask.Typed}
	if a.card != "" {
		f.Shape = policy.Profile(a.reader).Usual()
	}
	w.Made = decide.Again(policy, decide.Shown{Reader: a.reader, Card: a.card, Person: a.person}, f, ask.At)
	w.Checks = s.checks(w.Made)
	return nil
}

func (q *Question) check() error {
	switch {
	case q.Card == "" && q.Person == "":
		return fault.BadField("who", "explain.who", "neither a card nor a person")
	case q.At.IsZero():
		return fault.BadField("at", "explain.at", "no time")
	case !slices.Contains([]access.Typed{"", access.TypedRight, access.TypedWrong}, q.Typed):
		return fault.BadField("pin", "explain.pin", fmt.Sprintf("PIN %.20q", q.Typed))
	case !slices.Contains([]access.Trust{"", access.TrustNumber, access.TrustMemory, access.TrustMutual}, q.Trust):
		return fault.BadField("trust", "explain.trust", fmt.Sprintf("trust %.20q", q.Trust))
	case q.Way == "":
		q.Way = access.In
	}
	return nil
}

// alone reports whether an area takes no card.
func alone(f access.Factors) bool { return f == access.FactorsPIN || f == access.FactorsNumber }

// reader finds the first reader of a door on one of its sides.
func (r *reading) reader(ctx context.Context, ask *Question) (a asked, err error) {
	var row struct {
		Controller string
		Entry      string `db:"entry_readers"`
		Exit       string `db:"exit_readers"`
	}
	found, err := there(r.q.Get(ctx, &row, `SELECT controller, entry_readers, exit_readers FROM v_explain_door WHERE id = ? ORDER BY n DESC LIMIT 1`, ask.Door))
	switch {
	case err != nil:
		return a, err
	case !found:
		return a, fault.BadField("door", "explain.door", fmt.Sprintf("no door %.40q", ask.Door))
	}
	side := row.Entry
	if ask.Way == access.Out {
		side = row.Exit
	}
	var readers []string
	if err := stored(side, &readers); err != nil {
		return a, err
	}
	if len(readers) == 0 {
		return a, fault.BadField("door", "explain.way", fmt.Sprintf("door %.40q has no reader on that side", ask.Door))
	}
	return asked{controller: row.Controller, reader: readers[0]}, nil
}

// who finds the card by its id or its label.
func (r *reading) who(ctx context.Context, ask *Question, a *asked) error {
	if ask.Card == "" {
		a.person = ask.Person
		return nil
	}
	found, err := there(r.q.Get(ctx, &a.card, `SELECT id FROM v_explain_card WHERE id = ? OR label = ? ORDER BY CASE WHEN id = ? THEN 0 ELSE 1 END, leaf DESC LIMIT 1`,
		ask.Card, ask.Card, ask.Card))
	if err == nil && !found {
		err = fault.BadField("who", "explain.card", fmt.Sprintf("no card %.40q", ask.Card))
	}
	ask.Card = a.card
	return err
}

// withCard takes the newest card of a person who was named without one, where the area asks for a card.
func (r *reading) withCard(ctx context.Context, s *scene, ask *Question, a *asked) (*scene, error) {
	if a.card != "" {
		return s, nil
	}
	found, err := there(r.q.Get(ctx, &a.card, `SELECT c.id FROM v_explain_card c WHERE c.person = ? AND c.state IN ('issued', 'suspended')
		AND c.n = (SELECT MAX(o.n) FROM v_explain_card o WHERE o.id = c.id) ORDER BY CASE WHEN c.state = 'issued' THEN 0 ELSE 1 END, c.leaf DESC LIMIT 1`, a.person))
	if err != nil || !found {
		return s, err
	}
	ask.Card, a.person = a.card, ""
	return r.scene(ctx, *a)
}
