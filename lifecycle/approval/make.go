package approval

import (
	"context"
	"encoding/json"

	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
)

// Maker carries out one kind of change, whose body is a B.
type Maker[B any] struct {
	Check   func(ctx context.Context, tx *store.Tx, b B) error
	Apply   func(ctx context.Context, tx *store.Tx, b B) error
	Version func(ctx context.Context, q store.Queryer, id string) (int64, error) // nil: made from no version
	// Leans adds the versions of what a body leans on without changing it, such as the schedules of rights: where one changes, the request is void
	// too. The versions of a fixed list only grow, so their sum stands for all of them. Nil: nothing.
	Leans func(ctx context.Context, q store.Queryer, b B) (int64, error)
}

// Made is a Maker as a Kind.
func Made[B any](needs authz.Action, m Maker[B]) Kind {
	k := Kind{
		Needs: needs,
		Check: func(ctx context.Context, tx *store.Tx, c Change) error {
			b, err := body[B](c)
			if err != nil {
				return err
			}
			return m.Check(ctx, tx, b)
		},
		Apply: func(ctx context.Context, tx *store.Tx, c Change) error {
			b, err := body[B](c)
			if err != nil {
				return err
			}
			return m.Apply(ctx, tx, b)
		},
	}
	if m.Version != nil || m.Leans != nil {
		k.Version = m.version
	}
	return k
}

// version is the sum of the subject's version and those of what the change leans on.
func (m Maker[B]) version(ctx context.Context, q store.Queryer, c Change) (n int64, err error) {
	if m.Version != nil {
		if n, err = m.Version(ctx, q, c.Subject); err != nil {
			return 0, err
		}
	}
	if m.Leans == nil {
		return n, nil
	}
	b, err := body[B](c)
	if err != nil {
		return 0, err
	}
	more, err := m.Leans(ctx, q, b)
	return n + more, err
}

func body[B any](c Change) (B, error) {
	var b B
	err := json.Unmarshal([]byte(c.Body), &b)
	return b, fault.Wrap(fault.Internal, err, "read a requested change")
}

// Wish is a change on its way to be made.
type Wish struct {
	Register, Kind, Subject, About, Reason string // as in Change

	Body any
	// Two says whether it needs two people; Before reads the subject as it is, nil for something new. Both are asked in the transaction.
	Two    func(context.Context, store.Queryer) (bool, error)
	Before func(context.Context, store.Queryer) (any, error)
}

// Make has a change made in a transaction of its own: at once, followed by then, which may be nil, or by a request. The error is then a WaitingError. The
// actor needs the right to the kind of change.
func (r *Register) Make(ctx context.Context, actor store.Actor, w Wish, then func(*store.Tx) error) error {
	k, err := r.kind(w.Kind)
	if err != nil {
		return err
	}
	var waits *Request
	err = r.store.Write(ctx, actor, w.Reason, func(tx *store.Tx) error {
		if err := actor.May(k.Needs); err != nil {
			return err
		}
		c, two, err := w.change(ctx, tx)
		if err != nil {
			return err
		}
		if waits, err = r.Submit(ctx, tx, c, two); err != nil || waits != nil || then == nil {
			return err
		}
		return then(tx)
	})
	return Wait(waits, err)
}

func (w Wish) change(ctx context.Context, tx *store.Tx) (c Change, two bool, err error) {
	if two, err = w.Two(ctx, tx); err != nil {
		return Change{}, false, err
	}
	c = Change{Register: w.Register, Kind: w.Kind, Subject: w.Subject, About: w.About, Reason: w.Reason, Body: text(w.Body)}
	if two && w.Before != nil {
		was, err := w.Before(ctx, tx)
		if err != nil {
			return Change{}, false, err
		}
		c.Before = text(was)
	}
	return c, two, nil
}

// text writes a change as JSON, the one form in which it is kept.
func text(v any) string {
	b, _ := json.Marshal(v) //nolint:errchkjson // strings, numbers and lists of them
	return string(b)
}

// VersionOf reads the newest version of an entry of a register's table; 0 for none.
func VersionOf(table string) func(context.Context, store.Queryer, string) (int64, error) {
	return func(ctx context.Context, q store.Queryer, id string) (n int64, err error) {
		err = q.Get(ctx, &n, `SELECT COALESCE(MAX(n), 0) FROM `+table+` WHERE id = ?`, id)
		return n, err
	}
}
