package staff

import (
	"context"
	"fmt"

	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/field"
	"kanmon/lifecycle/history"
	"kanmon/lifecycle/period"
)

const columns = `id, n, section, class, number, valid_from, valid_until, name, kana, cards`

// row is a row of v_staff_member.
type row struct {
	ID         string
	N          int64
	Section    string
	Class      access.Class
	Number     string
	ValidFrom  string `db:"valid_from"`
	ValidUntil string `db:"valid_until"`
	Name       string
	Kana       string
	Cards      int
}

func (r row) member() (Member, error) {
	p, err := period.Parse(r.ValidFrom, r.ValidUntil)
	return Member{
		ID: r.ID, Name: r.Name, Kana: r.Kana, Section: r.Section, Class: r.Class, Number: r.Number, Period: p, Cards: r.Cards, Version: r.N,
	}, err
}

// Get returns one member.
func (r *Register) Get(ctx context.Context, actor store.Actor, id string) (Member, error) {
	var m Member
	err := r.read(ctx, actor, func(q store.Queryer) error {
		var err error
		m, err = get(ctx, q, id)
		return err
	})
	return m, err
}

func (r *Register) read(ctx context.Context, actor store.Actor, fn func(store.Queryer) error) error {
	return r.store.Read(ctx, func(q store.Queryer) error {
		if err := actor.May(authz.StaffRead); err != nil {
			return err
		}
		if err := fn(q); err != nil {
			return fmt.Errorf("read staff: %w", err)
		}
		return nil
	})
}

// Find returns one member to another register, in its transaction.
func Find(ctx context.Context, q store.Queryer, id string) (Member, error) { return get(ctx, q, id) }

func get(ctx context.Context, q store.Queryer, id string) (Member, error) {
	var found row
	err := q.Get(ctx, &found, `SELECT `+columns+` FROM v_staff_member WHERE id = ?`, id)
	if fault.KindOf(err) == fault.NotFound {
		return Member{}, fault.New(fault.NotFound, "staff.unknown", fmt.Sprintf("no member of staff %.40q", id))
	}
	if err != nil {
		return Member{}, err
	}
	return found.member()
}

// List returns members in the order of their ids.
func (r *Register) List(ctx context.Context, actor store.Actor, f Filter) ([]Member, error) {
	query, args := `SELECT `+columns+` FROM v_staff_member WHERE id > ?`, []any{f.After}
	if f.Query != "" {
		like := field.Like(f.Query)
		query += ` AND (lower(id) LIKE ? ESCAPE '\' OR lower(name) LIKE ? ESCAPE '\' OR lower(kana) LIKE ? ESCAPE '\' OR lower(section) LIKE ? ESCAPE '\')`
		args = append(args, like, like, like, like)
	}
	args = append(args, field.Limit(f.Limit))
	var rows []row
	err := r.read(ctx, actor, func(q store.Queryer) error {
		return q.Select(ctx, &rows, query+` ORDER BY id LIMIT ?`, args...)
	})
	if err != nil {
		return nil, err
	}
	members := make([]Member, len(rows))
	for i, found := range rows {
		if members[i], err = found.member(); err != nil {
			return nil, err
		}
	}
	return members, nil
}

// History returns every change of a member, oldest first. Names that were erased read as empty.
func (r *Register) History(ctx context.Context, actor store.Actor, id string) ([]history.Change, error) {
	var changes []history.Change
	err := r.read(ctx, actor, func(q store.Queryer) error {
		if err := Known(ctx, q, id); err != nil {
			return err
		}
		var err error
		changes, err = history.Read(ctx, q, `SELECT v.n, v.at, v.actor, v.reason, p.name, p.kana, v.section,
			COALESCE(v.class, 'staff') AS class, COALESCE(v.number, '') AS number, v.valid_from, v.valid_until
			FROM staff_version v LEFT JOIN staff_personal p ON p.id = v.id AND p.n = v.n WHERE v.id = ? ORDER BY v.n`, id)
		return err
	})
	return changes, err
}
