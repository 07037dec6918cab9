package account

import (
	"context"

	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
)

// ChangePassword changes the password of the session's own account, who must know the old one. Every session
// of the account ends, and a new one is opened.
func (r *Register) ChangePassword(ctx context.Context, s Session, old, fresh Password) (Session, error) {
	if old.text() == fresh.text() {
		return Session{}, fault.BadField("password", "account.password_same", "new password is the old one")
	}
	if err := fresh.check(s.Account.ID); err != nil {
		return Session{}, err
	}
	was, err := r.prove(ctx, r.again, s.Account.ID, old)
	if err != nil {
		return Session{}, err
	}
	was.MustChange = false
	var next Session
	err = r.replace(ctx, was.Actor(), "password changed by its holder", was, fresh, func(tx *store.Tx, a Account) error {
		next, err = r.openSession(ctx, tx, a)
		return err
	})
	return next, err
}

// ResetPassword gives an account a password that must be changed at the next log-in, and ends its sessions.
// Needs authz.AccountWrite.
func (r *Register) ResetPassword(ctx context.Context, actor store.Actor, id string, p Password) error {
	if err := p.check(id); err != nil {
		return err
	}
	if err := actor.May(authz.AccountWrite); err != nil {
		return err
	}
	was, err := r.Get(ctx, id)
	if err != nil {
		return err
	}
	was.MustChange = true
	return r.replace(ctx, actor, "password reset", was, p, func(*store.Tx, Account) error { return nil })
}

// replace puts another password in force, unless the account changed since it was read.
func (r *Register) replace(ctx context.Context, actor store.Actor, reason string, was Account, p Password,
	then func(*store.Tx, Account) error,
) error {
	phc, err := r.hasher.hash(ctx, p)
	if err != nil {
		return err
	}
	return r.store.Write(ctx, actor, reason, func(tx *store.Tx) error {
		now, _, err := load(ctx, tx, was.ID)
		if err != nil {
			return err
		}
		if now.N != was.N {
			return fault.New(fault.Conflict, "account.changed", "account changed meanwhile")
		}
		if err := endSessions(ctx, tx, was.ID); err != nil {
			return err
		}
		saved, err := save(ctx, tx, was, phc)
		if err != nil {
			return err
		}
		return then(tx, saved)
	})
}
