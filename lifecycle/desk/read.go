package desk

import (
	"context"
	"fmt"
	"strings"
	"time"

	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/history"
	"kanmon/lifecycle/period"
)

// row is a row of v_desk_desk.
type row struct {
	kept
	ID            string
	N             int64
	RevokedAt     string `db:"revoked_at"`
	RevokedReason string `db:"revoked_reason"`
	TokenUntil    string `db:"token_until"`
}

const columns = `SELECT id, n, place, accepts, watch_s, state, public_key, key_id, fingerprint, serial, issued_at, not_after,
	revoked_at, revoked_reason, token_until FROM v_desk_desk`

func (r row) desk() (Desk, error) {
	d := Desk{
		Name: r.ID, Details: Details{Place: r.Place, Accepts: strings.Fields(r.Accepts), Watch: time.Duration(r.WatchS) * time.Second},
		State: r.State, KeyID: r.KeyID, Fingerprint: r.Fingerprint, Serial: r.Serial, RevokedReason: r.RevokedReason, Version: r.N,
	}
	for _, t := range []struct {
		text string
		into *time.Time
	}{{r.IssuedAt, &d.Issued}, {r.NotAfter, &d.Until}, {r.RevokedAt, &d.RevokedAt}, {r.TokenUntil, &d.TokenUntil}} {
		var err error
		if *t.into, err = period.Time(t.text); err != nil {
			return Desk{}, err
		}
	}
	return d, nil
}

func get(ctx context.Context, q store.Queryer, name string) (Desk, error) {
	var found row
	err := q.Get(ctx, &found, columns+` WHERE id = ?`, name)
	if fault.KindOf(err) == fault.NotFound {
		err = unknown(name)
	}
	if err != nil {
		return Desk{}, err
	}
	return found.desk()
}

func (r *Register) read(ctx context.Context, actor store.Actor, fn func(store.Queryer) error) error {
	return r.store.Read(ctx, func(q store.Queryer) error {
		if err := actor.May(authz.DeviceRead); err != nil {
			return err
		}
		if err := fn(q); err != nil {
			return fmt.Errorf("read desks: %w", err)
		}
		return nil
	})
}

// Get returns one desk. Needs authz.DeviceRead.
func (r *Register) Get(ctx context.Context, actor store.Actor, name string) (Desk, error) {
	var d Desk
	err := r.read(ctx, actor, func(q store.Queryer) error {
		var err error
		d, err = get(ctx, q, name)
		return err
	})
	return d, err
}

// List returns all desks by name. Needs authz.DeviceRead.
func (r *Register) List(ctx context.Context, actor store.Actor) ([]Desk, error) {
	var rows []row
	err := r.read(ctx, actor, func(q store.Queryer) error { return q.Select(ctx, &rows, columns+` ORDER BY id`) })
	if err != nil {
		return nil, err
	}
	list := make([]Desk, len(rows))
	for i, found := range rows {
		if list[i], err = found.desk(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Lying returns the cards that lie in readers for too long, by desk and since when. Needs authz.DeviceRead.
func (r *Register) Lying(ctx context.Context, actor store.Actor) ([]Lying, error) {
	var rows []struct{ Desk, Stay, Card, Since, Label string }
	err := r.read(ctx, actor, func(q store.Queryer) error {
		return q.Select(ctx, &rows, `SELECT desk, stay, card, since, label FROM v_desk_stay ORDER BY desk, since, stay`)
	})
	if err != nil {
		return nil, err
	}
	list := make([]Lying, len(rows))
	for i, s := range rows {
		list[i] = Lying{Desk: s.Desk, Stay: s.Stay, Card: s.Card, Label: s.Label}
		if list[i].Since, err = period.Time(s.Since); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// History returns every change of a desk, oldest first. Needs authz.DeviceRead.
func (r *Register) History(ctx context.Context, actor store.Actor, name string) ([]history.Change, error) {
	var changes []history.Change
	err := r.read(ctx, actor, func(q store.Queryer) error {
		if _, err := get(ctx, q, name); err != nil {
			return err
		}
		var err error
		changes, err = history.Read(ctx, q, `SELECT n, at, actor, reason, step, place, accepts, watch_s, state, key_id, serial, not_after, token_until
			FROM desk_version WHERE id = ? ORDER BY n`, name)
		return err
	})
	return changes, err
}
