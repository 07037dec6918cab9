package account

import (
	"context"

	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
)

// Bootstrap makes a bootstrap token if there is no account yet, and ends the one made before. The caller keeps
// it where only the person setting up can read it. With an account in the register ok is false.
func (r *Register) Bootstrap(ctx context.Context) (t Token, ok bool, err error) {
	fresh := NewToken()
	err = r.store.WriteDerived(ctx, "bootstrap token", func(tx *store.Tx) error {
		ok = false
		if any, err := anyAccount(ctx, tx); err != nil || any {
			return err
		}
		ok = true
		if err := exec(ctx, tx, `DELETE FROM account_bootstrap`); err != nil {
			return err
		}
		return exec(ctx, tx, `INSERT INTO account_bootstrap (hash, at) VALUES (?, ?)`, fresh.hash(), stamp(tx.Now()))
	})
	if err != nil || !ok {
		return Token{}, false, err
	}
	return fresh, true, nil
}

// NeedsSetup reports whether there is no account yet.
func (r *Register) NeedsSetup(ctx context.Context) (bool, error) {
	var any bool
	err := r.store.Read(ctx, func(q store.Queryer) error {
		var err error
		any, err = anyAccount(ctx, q)
		return err
	})
	return !any, err
}

// Setup presents the bootstrap token and creates the first account, which is a system manager. The token ends
// with it. A wrong token and a second use are the same fault.Unauthenticated.
func (r *Register) Setup(ctx context.Context, t Token, id string, p Password) (Account, error) {
	first := Details{ID: id, Password: p, Roles: []authz.Role{authz.SystemManager}}
	if err := r.holdsBootstrap(ctx, t); err != nil {
		return Account{}, err // before anything is hashed: only the holder may make the machine work
	}
	if err := first.check(); err != nil {
		return Account{}, err
	}
	phc, err := r.hasher.hash(ctx, p)
	if err != nil {
		return Account{}, err
	}
	var made Account
	err = r.store.Write(ctx, store.System("setup"), "first account by bootstrap token", func(tx *store.Tx) error {
		if err := useBootstrap(ctx, tx, t); err != nil {
			return err
		}
		made, err = save(ctx, tx, Account{ID: id, Roles: first.Roles, State: Active}, phc)
		tx.AfterCommit(r.bootstrapUsed)
		return err
	})
	return made, err
}

func (r *Register) holdsBootstrap(ctx context.Context, t Token) error {
	return r.store.Read(ctx, func(q store.Queryer) error { return checkBootstrap(ctx, q, t) })
}

func checkBootstrap(ctx context.Context, q store.Queryer, t Token) error {
	var n int64
	if err := q.Get(ctx, &n, `SELECT COUNT(*) FROM account_bootstrap WHERE hash = ?`, t.hash()); err != nil {
		return err
	}
	any, err := anyAccount(ctx, q)
	if err != nil {
		return err
	}
	if n != 1 || any {
		return fault.New(fault.Unauthenticated, "account.bootstrap", "bootstrap token wrong or used")
	}
	return nil
}

func useBootstrap(ctx context.Context, tx *store.Tx, t Token) error {
	if err := checkBootstrap(ctx, tx, t); err != nil {
		return err
	}
	return exec(ctx, tx, `DELETE FROM account_bootstrap`)
}

func anyAccount(ctx context.Context, q store.Queryer) (bool, error) {
	var n int64
	err := q.Get(ctx, &n, `SELECT COUNT(*) FROM account`)
	return n > 0, err
}
