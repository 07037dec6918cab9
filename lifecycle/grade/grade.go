// Package grade is the register of what the city asks at least of areas of each grade (レベル): what a person shows, how much that proves, and whether a
// reader's wire may be unencrypted there. A row is
// changed by two people. A grade nobody has said anything about asks for a card.
package grade

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/area/premises"
	"kanmon/lifecycle/field"
	"kanmon/lifecycle/history"
	"kanmon/lifecycle/profile"
)

// change is the one kind of change, as it stands in requests.
const change = "grade.change"

// Register is the register of grades.
type Register struct {
	store     *store.Store
	approvals *approval.Register
}

// New opens the register, and tells the register of approvals how a grade is changed.
func New(s *store.Store, approvals *approval.Register) *Register {
	approvals.Handle(change, approval.Made(authz.AreaWrite, setLeast))
	return &Register{store: s, approvals: approvals}
}

// Of reads what is asked of a grade, 1 to 3. The register of areas asks it in its transactions.
func Of(ctx context.Context, q store.Queryer, grade int) (premises.Least, error) {
	all, err := list(ctx, q)
	if err != nil {
		return premises.Least{}, err
	}
	return all[grade-1], nil
}

func list(ctx context.Context, q store.Queryer) ([]premises.Least, error) {
	all := []premises.Least{premises.DefaultLeast(1), premises.DefaultLeast(2), premises.DefaultLeast(3)}
	var rows []struct {
		ID             int
		Factors, Trust string
		Plain          *bool `db:"plain_route"` // NULL in what is older than the question
		N              int64
	}
	err := q.Select(ctx, &rows, `SELECT g.id, g.n, v.factors, v.trust, v.plain_route FROM grade g JOIN grade_version v ON v.id = g.id AND v.n = g.n`)
	for _, r := range rows {
		l := &all[r.ID-1]
		l.Factors, l.Trust, l.Version = access.Factors(r.Factors), access.Trust(r.Trust), r.N
		if r.Plain != nil {
			l.PlainRoute = *r.Plain
		}
	}
	return all, err
}

// List returns what is asked of each grade, from 1 to 3. Needs authz.AreaRead.
func (r *Register) List(ctx context.Context, actor store.Actor) ([]premises.Least, error) {
	var all []premises.Least
	err := r.read(ctx, actor, func(q store.Queryer) (err error) {
		all, err = list(ctx, q)
		return err
	})
	return all, err
}

// History returns every change of a grade, oldest first. Needs authz.AreaRead.
func (r *Register) History(ctx context.Context, actor store.Actor, grade int) ([]history.Change, error) {
	var changes []history.Change
	err := r.read(ctx, actor, func(q store.Queryer) (err error) {
		changes, err = history.Read(ctx, q, `SELECT n, at, actor, reason, approved_by, factors, trust, plain_route FROM grade_version WHERE id = ? ORDER BY n`, strconv.Itoa(grade))
		return err
	})
	return changes, err
}

func (r *Register) read(ctx context.Context, actor store.Actor, fn func(store.Queryer) error) error {
	return r.store.Read(ctx, func(q store.Queryer) error {
		if err := actor.May(authz.AreaRead); err != nil {
			return err
		}
		if err := fn(q); err != nil {
			return fmt.Errorf("read grades: %w", err)
		}
		return nil
	})
}

// Set changes what is asked of a grade: it always needs two people, and the error is then an approval.WaitingError. An area of the grade that asks less is
// a Conflict with code "area.grade_in_use". Needs authz.AreaWrite.
func (r *Register) Set(ctx context.Context, actor store.Actor, reason string, l premises.Least) error {
	reason, err := field.Text("reason", reason, 200)
	if err == nil {
		err = l.Check()
	}
	if err != nil {
		return fmt.Errorf("change grade: %w", err)
	}
	err = r.approvals.Make(ctx, actor, approval.Wish{
		Register: "grade", Kind: change, Subject: strconv.Itoa(l.Grade), Reason: reason, Body: l,
		Two:    func(context.Context, store.Queryer) (bool, error) { return true, nil },
		Before: func(ctx context.Context, q store.Queryer) (any, error) { return Of(ctx, q, l.Grade) },
	}, nil)
	if err != nil {
		return fmt.Errorf("change grade: %w", err)
	}
	return nil
}

var setLeast = approval.Maker[premises.Least]{
	Check: func(ctx context.Context, tx *store.Tx, l premises.Least) error {
		var areas []struct{ ID, Rules string }
		if err := tx.Select(ctx, &areas, `SELECT id, rules FROM v_grade_area WHERE grade = ? ORDER BY id`, l.Grade); err != nil {
			return err
		}
		for _, a := range areas {
			var rules access.Rules
			if err := json.Unmarshal([]byte(a.Rules), &rules); err != nil {
				return fault.Wrap(fault.Internal, err, "read stored rules")
			}
			if at, weaker := l.Weaker(rules); weaker {
				return fault.New(fault.Conflict, "area.grade_in_use", fmt.Sprintf("area %q asks less: %s", a.ID, at))
			}
		}
		return checkRoutes(ctx, tx, l)
	},
	Apply: func(ctx context.Context, tx *store.Tx, l premises.Least) error {
		plain := int64(0)
		if l.PlainRoute {
			plain = 1
		}
		_, err := tx.Version(ctx, "grade", strconv.Itoa(l.Grade), store.Row{
			{Name: "factors", Value: string(l.Factors)}, {Name: "plain_route", Value: plain}, {Name: "trust", Value: string(l.Trust)},
		}, nil)
		return err
	},
	Version: approval.VersionOf("grade"),
}

// checkRoutes refuses to forbid unencrypted readers where one stands.
func checkRoutes(ctx context.Context, q store.Queryer, l premises.Least) error {
	if l.PlainRoute {
		return nil
	}
	area, err := profile.PlainArea(ctx, q, l.Grade)
	if err == nil && area != "" {
		err = fault.New(fault.Conflict, "area.grade_routes", fmt.Sprintf("area %q has a reader without encryption", area))
	}
	return err
}
