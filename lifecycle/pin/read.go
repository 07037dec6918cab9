package pin

import (
	"context"
	"fmt"
	"strings"

	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/field"
	"kanmon/lifecycle/period"
	"kanmon/lifecycle/staff"
)

const columns = `id, n, person, person_name, area, area_name, state, digits, codes, set_at, expires`

// row is a row of v_pin_pin.
type row struct {
	ID         string
	N          int64
	Person     string
	PersonName string `db:"person_name"`
	Area       string
	AreaName   string `db:"area_name"`
	State      State
	Digits     int
	Codes      int
	SetAt      string `db:"set_at"`
	Expires    string
}

func (r row) pin() (p PIN, err error) {
	p = PIN{
		ID: r.ID, Person: r.Person, PersonName: r.PersonName, Area: r.Area, AreaName: r.AreaName, State: r.State, Digits: r.Digits,
		Duress: r.Codes == 2, Version: r.N,
	}
	if p.SetAt, err = period.Time(r.SetAt); err == nil {
		p.Expires, err = period.Time(r.Expires)
	}
	return p, err
}

func (r *Register) read(ctx context.Context, actor store.Actor, fn func(store.Queryer) error) error {
	return r.store.Read(ctx, func(q store.Queryer) error {
		if err := actor.May(authz.PINRead); err != nil {
			return err
		}
		if err := fn(q); err != nil {
			return fmt.Errorf("read PINs: %w", err)
		}
		return nil
	})
}

// Of lists the PINs of a person, those in force and those withdrawn: their own first, then by area.
func (r *Register) Of(ctx context.Context, actor store.Actor, person string) ([]PIN, error) {
	var pins []PIN
	err := r.read(ctx, actor, func(q store.Queryer) error {
		if err := staff.Known(ctx, q, person); err != nil {
			return err
		}
		var err error
		pins, err = list(ctx, q, `person = ? ORDER BY area`, person)
		return err
	})
	return pins, err
}

// Attention lists the PINs in force that are to be renewed, in the order of their ids: within the first warning before their age limit, past it, or too
// short by now. after is the last id of the page before; limit is at most 500, 0: 100.
func (r *Register) Attention(ctx context.Context, actor store.Actor, after string, limit int) ([]PIN, error) {
	var pins []PIN
	err := r.read(ctx, actor, func(q store.Queryer) error {
		needed, err := lengths(ctx, q)
		if err != nil {
			return err
		}
		or, args := []string{`expires <= ?`}, []any{after, warnedFrom(r.store.Now())}
		for area, digits := range needed {
			if digits > LeastDigits {
				or, args = append(or, `(area = ? AND digits < ?)`), append(args, area, digits)
			}
		}
		pins, err = list(ctx, q, `id > ? AND state = 'set' AND (`+strings.Join(or, ` OR `)+`) ORDER BY id LIMIT ?`, append(args, field.Limit(limit))...)
		return err
	})
	return pins, err
}

func get(ctx context.Context, q store.Queryer, id string) (PIN, error) {
	pins, err := list(ctx, q, `id = ?`, id)
	if err == nil && len(pins) == 0 {
		err = fault.New(fault.NotFound, "pin.unknown", fmt.Sprintf("no PIN of %.80q", id))
	}
	if err != nil {
		return PIN{}, err
	}
	return pins[0], nil
}

// list reads PINs, and says which are short.
func list(ctx context.Context, q store.Queryer, where string, args ...any) ([]PIN, error) {
	var rows []row
	if err := q.Select(ctx, &rows, `SELECT `+columns+` FROM v_pin_pin WHERE `+where, args...); err != nil {
		return nil, err
	}
	needed, err := lengths(ctx, q)
	if err != nil {
		return nil, err
	}
	pins := make([]PIN, len(rows))
	for i, found := range rows {
		if pins[i], err = found.pin(); err != nil {
			return nil, err
		}
		p := &pins[i]
		p.Short = p.Area != "" && p.State == Set && p.Digits < needed[p.Area]
	}
	return pins, nil
}

// lengths is how many digits PINs need in each area that has some that are taken alone.
func lengths(ctx context.Context, q store.Queryer) (map[string]int, error) {
	var rows []struct {
		Area  string
		Codes int
	}
	err := q.Select(ctx, &rows, `SELECT area, SUM(codes) AS codes FROM v_pin_pin WHERE area <> '' AND state = 'set' GROUP BY area`)
	needed := make(map[string]int, len(rows))
	for _, r := range rows {
		needed[r.Area] = Digits(r.Codes)
	}
	return needed, err
}

// Log is the rotation log of a person: every version of all their PINs, newest first, without what was typed.
func (r *Register) Log(ctx context.Context, actor store.Actor, person string) ([]Entry, error) {
	var rows []struct {
		At, Actor, Reason, Area string
		AreaName                string `db:"area_name"`
		State                   State
		Duress                  bool
		SetAt                   string `db:"set_at"`
		Expires                 string
		N                       int64
	}
	err := r.read(ctx, actor, func(q store.Queryer) error {
		if err := staff.Known(ctx, q, person); err != nil {
			return err
		}
		return q.Select(ctx, &rows, `SELECT n, at, actor, reason, area, area_name, state, duress, set_at, expires FROM v_pin_log WHERE person = ? ORDER BY leaf DESC`, person)
	})
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, len(rows))
	for i, row := range rows {
		e := Entry{Actor: row.Actor, Reason: row.Reason, Area: row.Area, AreaName: row.AreaName, State: row.State, Duress: row.Duress, Version: row.N}
		if e.At, err = period.Time(row.At); err != nil {
			return nil, err
		}
		if e.SetAt, err = period.Time(row.SetAt); err != nil {
			return nil, err
		}
		if e.Expires, err = period.Time(row.Expires); err != nil {
			return nil, err
		}
		entries[i] = e
	}
	return entries, nil
}
