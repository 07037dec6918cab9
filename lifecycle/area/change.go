package area

import (
	"context"
	"encoding/json"

	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/approval"
)

// Kinds of change, as they stand in requests.
const (
	areaAdd         = "area.add"
	areaChange      = "area.change"
	doorAdd         = "door.add"
	doorChange      = "door.change"
	interlockChange = "interlock.change"
	scheduleChange  = "schedule.change"
	rightGrant      = "right.grant"
	gradeChange     = "grade.change"
)

// maker carries out one kind of change, whose body is a B.
type maker[B any] struct {
	check   func(ctx context.Context, tx *store.Tx, b B) error
	apply   func(ctx context.Context, tx *store.Tx, b B) error
	version func(ctx context.Context, q store.Queryer, id string) (int64, error) // nil: made from no version
}

// kind is a maker for the register of approvals.
func kind[B any](m maker[B]) approval.Kind {
	k := approval.Kind{
		Needs: authz.AreaWrite,
		Check: func(ctx context.Context, tx *store.Tx, c approval.Change) error {
			b, err := body[B](c)
			if err != nil {
				return err
			}
			return m.check(ctx, tx, b)
		},
		Apply: func(ctx context.Context, tx *store.Tx, c approval.Change) error {
			b, err := body[B](c)
			if err != nil {
				return err
			}
			return m.apply(ctx, tx, b)
		},
	}
	if m.version != nil {
		k.Version = func(ctx context.Context, q store.Queryer, c approval.Change) (int64, error) {
			return m.version(ctx, q, c.Subject)
		}
	}
	return k
}

func body[B any](c approval.Change) (B, error) {
	var b B
	err := json.Unmarshal([]byte(c.Body), &b)
	return b, fault.Wrap(fault.Internal, err, "read a requested change")
}

// wish is a change on its way to the register of approvals.
type wish struct {
	kind, subject, about, reason string
	body                         any
	grade                        func(context.Context, store.Queryer) (int, error) // the highest that it touches, before and after
	before                       func(context.Context, store.Queryer) (any, error) // the subject as it is; nil: something new
}

// submit has a change made: at once, followed by then, or by a request where a graded area needs a second person.
func (r *Register) submit(ctx context.Context, actor store.Actor, doing string, w wish, then func(*store.Tx) error) error {
	var waits *approval.Request
	err := r.write(ctx, actor, w.reason, doing, func(tx *store.Tx) error {
		grade, err := w.grade(ctx, tx)
		if err != nil {
			return err
		}
		c := approval.Change{Register: "area", Kind: w.kind, Subject: w.subject, About: w.about, Reason: w.reason, Body: text(w.body)}
		if w.before != nil {
			was, err := w.before(ctx, tx)
			if err != nil {
				return err
			}
			c.Before = text(was)
		}
		if waits, err = r.approvals.Submit(ctx, tx, c, grade > 1); err != nil || waits != nil || then == nil {
			return err
		}
		return then(tx)
	})
	return approval.Wait(waits, err)
}

// text writes a change as JSON, the one form in which it is kept.
func text(v any) string {
	b, _ := json.Marshal(v) //nolint:errchkjson // strings, numbers and lists of them
	return string(b)
}

// gradeOf is the highest grade among the areas that a query names by id, and of those given; 0 for none.
func gradeOf(areas string, args ...any) func(context.Context, store.Queryer) (int, error) {
	return func(ctx context.Context, q store.Queryer) (int, error) {
		var grade int
		err := q.Get(ctx, &grade, `SELECT COALESCE(MAX(v.grade), 0) FROM area a JOIN area_version v ON v.id = a.id AND v.n = a.n WHERE a.id IN (`+areas+`)`, args...)
		return grade, err
	}
}

// versionOf reads the newest version of an entry of a register's table; 0 for none.
func versionOf(table string) func(context.Context, store.Queryer, string) (int64, error) {
	return func(ctx context.Context, q store.Queryer, id string) (n int64, err error) {
		err = q.Get(ctx, &n, `SELECT COALESCE(MAX(n), 0) FROM `+table+` WHERE id = ?`, id)
		return n, err
	}
}
