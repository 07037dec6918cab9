package revocation

import (
	"context"
	"fmt"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/field"
	"kanmon/lifecycle/period"
)

const entryColumns = `epoch, n, card, credential_key, state`

type entryRow struct {
	Epoch, N uint64
	Card     string
	Key      []byte `db:"credential_key"`
	State    access.CredentialState
}

func (r entryRow) entry() (access.Revocation, error) {
	e := access.Revocation{Version: access.Version{Epoch: r.Epoch, N: r.N}, Card: r.Card, State: r.State}
	if copy(e.Key[:], r.Key) != len(e.Key) {
		return e, fault.New(fault.Internal, "", "a stored credential key has another length")
	}
	return e, nil
}

func entries(ctx context.Context, q store.Queryer, where string, args ...any) ([]access.Revocation, error) {
	var rows []entryRow
	if err := q.Select(ctx, &rows, `SELECT `+entryColumns+` FROM revocation `+where, args...); err != nil {
		return nil, fmt.Errorf("read revocations: %w", err)
	}
	list := make([]access.Revocation, len(rows))
	for i, row := range rows {
		var err error
		if list[i], err = row.entry(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Latest returns the newest version of the present epoch; n is 0 while that has no entry.
func Latest(ctx context.Context, q store.Queryer) (access.Version, error) {
	var v access.Version
	err := q.Get(ctx, &v, `SELECT e.epoch, COALESCE((SELECT MAX(r.n) FROM revocation r WHERE r.epoch = e.epoch), 0) AS n
		FROM centre_epoch e WHERE e.id = 1`)
	if err != nil {
		return access.Version{}, fmt.Errorf("newest revocation: %w", err)
	}
	return v, nil
}

// Since returns the entries of the present epoch after n, in order, at most wire.MaxRevoked.
func Since(ctx context.Context, q store.Queryer, n uint64) ([]access.Revocation, error) {
	return entries(ctx, q, `WHERE epoch = (SELECT epoch FROM centre_epoch WHERE id = 1) AND n > ? ORDER BY n LIMIT ?`,
		int64(min(n, 1<<62)), wire.MaxRevoked) // bounded
}

// Set returns the entry in force of each credential, of all epochs, in the order of versions.
func Set(ctx context.Context, q store.Queryer) ([]access.Revocation, error) {
	all, err := entries(ctx, q, `ORDER BY epoch, n`)
	if err != nil {
		return nil, err
	}
	return access.NewRevocations(all...).List(), nil
}

// InForce returns the entry in force of one credential by all its forms, newest first; false when it has none.
func InForce(ctx context.Context, q store.Queryer, forms []access.Key) (access.Revocation, bool, error) {
	set := access.Revocations{}
	for _, key := range forms {
		all, err := entries(ctx, q, `WHERE credential_key = ? ORDER BY epoch, n`, key[:])
		if err != nil {
			return access.Revocation{}, false, err
		}
		set.Merge(all...)
	}
	entry, found := set.InForce(forms[0], forms[1:])
	return entry, found, nil
}

// formsOf are the keys under which a card has entries.
func formsOf(ctx context.Context, q store.Queryer, card string) ([]access.Key, error) {
	all, err := entries(ctx, q, `WHERE card = ?`, card)
	forms := make([]access.Key, len(all))
	for i, e := range all {
		forms[i] = e.Key
	}
	return forms, err
}

type itemRow struct {
	Epoch, N    uint64
	At          string
	Actor       string
	Reason      string
	Card        string
	State       access.CredentialState
	LostAt      string `db:"lost_at"`
	Targets     string
	TargetCount int `db:"target_count"`
	Label       string
	Person      string
	PersonName  string `db:"person_name"`
	Confirmed   int
}

const itemColumns = `epoch, n, at, actor, reason, card, state, lost_at, target_count, label, person, person_name, confirmed`

func (r itemRow) item() (Item, error) {
	i := Item{
		Version: access.Version{Epoch: r.Epoch, N: r.N}, Card: r.Card, Label: r.Label, Person: r.Person, PersonName: r.PersonName,
		State: r.State, Actor: r.Actor, Reason: r.Reason, Confirmed: r.Confirmed, Targets: r.TargetCount,
	}
	var err error
	if i.At, err = period.Time(r.At); err != nil {
		return i, err
	}
	i.LostAt, err = period.Time(r.LostAt)
	return i, err
}

func (r *Register) read(ctx context.Context, actor store.Actor, fn func(store.Queryer) error) error {
	return r.store.Read(ctx, func(q store.Queryer) error {
		if err := actor.May(authz.CardRead); err != nil {
			return err
		}
		if err := fn(q); err != nil {
			return fmt.Errorf("read revocations: %w", err)
		}
		return nil
	})
}

// List returns entries, newest first.
func (r *Register) List(ctx context.Context, actor store.Actor, f Filter) ([]Item, error) {
	where, args := `1 = 1`, []any{}
	if f.Card != "" {
		where, args = where+` AND card = ?`, append(args, f.Card)
	}
	if f.Before.Epoch > 0 {
		where = where + ` AND (epoch, n) < (?, ?)`
		args = append(args, int64(min(f.Before.Epoch, 1<<62)), int64(min(f.Before.N, 1<<62))) // bounded
	}
	var rows []itemRow
	err := r.read(ctx, actor, func(q store.Queryer) error {
		return q.Select(ctx, &rows, `SELECT `+itemColumns+` FROM v_revocation_item WHERE `+where+` ORDER BY epoch DESC, n DESC LIMIT ?`,
			append(args, field.Limit(f.Limit))...)
	})
	if err != nil {
		return nil, err
	}
	list := make([]Item, len(rows))
	for i, row := range rows {
		if list[i], err = row.item(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// LostAt returns when a card was lost by its newest entry, if that is a suspension; zero otherwise.
func LostAt(ctx context.Context, q store.Queryer, card string) (time.Time, error) {
	var text string
	err := q.Get(ctx, &text, `SELECT CASE WHEN state = 'suspended' THEN lost_at ELSE '' END FROM revocation WHERE card = ?
		ORDER BY epoch DESC, n DESC LIMIT 1`, card)
	if fault.KindOf(err) == fault.NotFound {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("read when a card was lost: %w", err)
	}
	return period.Time(text)
}
