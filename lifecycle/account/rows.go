package account

import (
	"context"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/store"
)

const timeForm = "2006-01-02T15:04:05.000000Z"

func stamp(t time.Time) string { return t.UTC().Format(timeForm) }

// version is a row of account_version.
type version struct {
	ID         string `db:"id"`
	N          int64  `db:"n"`
	At         string `db:"at"`
	Staff      string `db:"staff"`
	Roles      string `db:"roles"`
	State      string `db:"state"`
	MustChange int64  `db:"must_change"`
	Digest     string `db:"password_digest"`
	PHC        string `db:"phc"`
}

// secret is the password hash in force; it is empty when the stored hash is not the one the version row binds.
type secret struct{ phc string }

const newest = `
SELECT v.id, v.n, v.at, v.staff, v.roles, v.state, v.must_change, v.password_digest, p.phc
FROM account a
JOIN account_version v ON v.id = a.id AND v.n = a.n
JOIN account_password p ON p.id = a.id`

func (v version) account() (Account, secret, error) {
	at, err := time.Parse(timeForm, v.At)
	if err != nil {
		return Account{}, secret{}, fault.Wrap(fault.Internal, err, "read account version")
	}
	a := Account{
		ID: v.ID, Staff: v.Staff, Roles: splitRoles(v.Roles), State: State(v.State),
		MustChange: v.MustChange != 0, N: v.N, At: at,
	}
	s := secret{phc: v.PHC}
	if digest(s.phc) != v.Digest {
		s.phc = ""
	}
	return a, s, nil
}

func load(ctx context.Context, q store.Queryer, id string) (Account, secret, error) {
	var v version
	if err := q.Get(ctx, &v, newest+` WHERE a.id = ?`, id); err != nil {
		return Account{}, secret{}, fault.Wrap(fault.KindOf(err), err, "read account")
	}
	return v.account()
}

func list(ctx context.Context, q store.Queryer) ([]Account, error) {
	var rows []version
	if err := q.Select(ctx, &rows, newest+` ORDER BY a.id`); err != nil {
		return nil, err
	}
	all := make([]Account, 0, len(rows))
	for _, v := range rows {
		a, _, err := v.account()
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

// exec runs a statement of which only success matters.
func exec(ctx context.Context, tx *store.Tx, query string, args ...any) error {
	_, err := tx.Exec(ctx, query, args...)
	return err
}

func exists(ctx context.Context, q store.Queryer, id string) (bool, error) {
	var n int64
	err := q.Get(ctx, &n, `SELECT COUNT(*) FROM account WHERE id = ?`, id)
	return n > 0, err
}

// save appends the next version of an account and puts its password hash in force.
func save(ctx context.Context, tx *store.Tx, a Account, phc string) (Account, error) {
	mustChange := int64(0)
	if a.MustChange {
		mustChange = 1
	}
	n, err := tx.Version(ctx, "account", a.ID, store.Row{
		{Name: "staff", Value: a.Staff},
		{Name: "roles", Value: joinRoles(a.Roles)},
		{Name: "state", Value: string(a.State)},
		{Name: "must_change", Value: mustChange},
		{Name: "password_digest", Value: digest(phc)},
	}, nil)
	if err != nil {
		return Account{}, err
	}
	err = exec(ctx, tx, `INSERT INTO account_password (id, phc, at) VALUES (?, ?, ?)
ON CONFLICT (id) DO UPDATE SET phc = excluded.phc, at = excluded.at`, a.ID, phc, stamp(tx.Now()))
	if err != nil {
		return Account{}, err
	}
	a.N, a.At, a.Roles = n, tx.Now(), splitRoles(joinRoles(a.Roles))
	return a, nil
}
