package card

import (
	"context"
	"fmt"

	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/field"
	"kanmon/lifecycle/history"
	"kanmon/lifecycle/period"
)

const columns = `id, n, label, kind, state, person, person_name, issued_at, valid_from, valid_until, terminal`

// row is a row of v_card_version.
type row struct {
	ID         string
	N          int64
	Label      string
	Kind       Kind
	State      State
	Person     string
	PersonName string `db:"person_name"`
	IssuedAt   string `db:"issued_at"`
	From       string `db:"valid_from"`
	Until      string `db:"valid_until"`
	Terminal   string
}

func (r row) card() (Card, error) {
	c := Card{
		ID: r.ID, Label: r.Label, Kind: r.Kind, State: r.State, Person: r.Person, PersonName: r.PersonName, Terminal: r.Terminal, Version: r.N,
	}
	var err error
	if c.IssuedAt, err = period.Time(r.IssuedAt); err != nil {
		return Card{}, err
	}
	c.Period, err = period.Parse(r.From, r.Until)
	return c, err
}

func (r *Register) read(ctx context.Context, actor store.Actor, fn func(store.Queryer) error) error {
	return r.store.Read(ctx, func(q store.Queryer) error {
		if err := actor.May(authz.CardRead); err != nil {
			return err
		}
		if err := fn(q); err != nil {
			return fmt.Errorf("read cards: %w", err)
		}
		return nil
	})
}

// Get returns one card by id.
func (r *Register) Get(ctx context.Context, actor store.Actor, id string) (Card, error) {
	var c Card
	err := r.read(ctx, actor, func(q store.Queryer) error {
		var err error
		c, err = get(ctx, q, id)
		return err
	})
	return c, err
}

func get(ctx context.Context, q store.Queryer, id string) (Card, error) {
	var found row
	err := q.Get(ctx, &found, `SELECT `+columns+` FROM v_card_version WHERE id = ? AND n = newest`, id)
	if fault.KindOf(err) == fault.NotFound {
		return Card{}, fault.New(fault.NotFound, "card.unknown", fmt.Sprintf("no card %.40q", id))
	}
	if err != nil {
		return Card{}, err
	}
	return found.card()
}

// List returns cards in the order of their labels.
func (r *Register) List(ctx context.Context, actor store.Actor, f Filter) ([]Card, error) {
	where, args := f.where()
	var rows []row
	err := r.read(ctx, actor, func(q store.Queryer) error {
		return q.Select(ctx, &rows, `SELECT `+columns+` FROM v_card_version c WHERE `+where+` ORDER BY label LIMIT ?`,
			append(args, field.Limit(f.Limit))...)
	})
	if err != nil {
		return nil, err
	}
	cards := make([]Card, len(rows))
	for i, found := range rows {
		if cards[i], err = found.card(); err != nil {
			return nil, err
		}
	}
	return cards, nil
}

func (f Filter) where() (string, []any) {
	where, args := `label > ?`, []any{f.After}
	if f.AsOf.IsZero() {
		where += ` AND n = newest`
	} else {
		where += ` AND n = (SELECT MAX(o.n) FROM card_version o WHERE o.id = c.id AND o.at <= ?)`
		args = append(args, store.FormatTime(f.AsOf))
	}
	if f.Person != "" {
		where, args = where+` AND person = ?`, append(args, f.Person)
	}
	if f.State != "" {
		where, args = where+` AND state = ?`, append(args, string(f.State))
	}
	if f.Query != "" {
		like := field.Like(f.Query)
		where += ` AND (lower(label) LIKE ? ESCAPE '\' OR lower(person) LIKE ? ESCAPE '\' OR lower(person_name) LIKE ? ESCAPE '\')`
		args = append(args, like, like, like)
	}
	return where, args
}

// History returns every change of a card, oldest first. Its credential is not among the fields.
func (r *Register) History(ctx context.Context, actor store.Actor, id string) ([]history.Change, error) {
	var changes []history.Change
	err := r.read(ctx, actor, func(q store.Queryer) error {
		if _, err := get(ctx, q, id); err != nil {
			return err
		}
		var err error
		changes, err = history.Read(ctx, q, `SELECT n, at, actor, reason, label, kind, person, state, issued_at, valid_from, valid_until
			FROM card_version WHERE id = ? ORDER BY n`, id)
		return err
	})
	return changes, err
}
