package area

import (
	"context"
	"errors"
	"fmt"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/field"
	"kanmon/lifecycle/staff"
)

// fits checks an area against its doors, the other registers and what the city asks of its grade.
func (a Area) fits(ctx context.Context, tx *store.Tx) error {
	doors, err := selectDoors(ctx, tx, `WHERE area = ?`, a.ID)
	if err != nil {
		return err
	}
	least, err := leastOf(ctx, tx, a.Grade)
	if err != nil {
		return err
	}
	if err := checkRules(a.Grade, a.Rules, doors, least); err != nil {
		return err
	}
	if err := a.checkOwner(ctx, tx); err != nil {
		return err
	}
	for _, id := range a.Recovery {
		if err := inOffice(ctx, tx, id); err != nil {
			return err
		}
	}
	if a.Unlock == "" {
		return nil
	}
	return at("unlock", known(ctx, tx, scheduleCount, noSchedule, a.Unlock))
}

func (a Area) checkOwner(ctx context.Context, q store.Queryer) error {
	if a.Owner == "" {
		return nil
	}
	m, err := staff.Find(ctx, q, a.Owner)
	if err == nil && m.Class != access.Staff {
		err = fault.BadField("owner", "area.owner_staff", fmt.Sprintf("%q is %s", a.Owner, m.Class))
	}
	return at("owner", err)
}

// inOffice refuses somebody who could not come and repair: who is no member of staff, or not any more.
func inOffice(ctx context.Context, tx *store.Tx, id string) error {
	m, err := staff.Find(ctx, tx, id)
	if err == nil && (m.Class != access.Staff || !m.Until.IsZero() && !m.Until.After(tx.Now())) {
		err = fault.BadField("recovery", "area.recovery", fmt.Sprintf("%q is not in office", id))
	}
	return at("recovery", err)
}

// at names the input of an area at which something is named that is not there.
func at(name string, err error) error {
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Kind == fault.NotFound {
		return fault.BadField(name, e.Code, e.Error())
	}
	return err
}

// leastOf reads what the city asks of a grade.
func leastOf(ctx context.Context, q store.Queryer, grade int) (Least, error) {
	all, err := leasts(ctx, q)
	if err != nil {
		return Least{}, err
	}
	return all[grade-1], nil
}

// leasts reads the table of grades, from 1 to 3.
func leasts(ctx context.Context, q store.Queryer) ([]Least, error) {
	all := []Least{defaultLeast(1), defaultLeast(2), defaultLeast(3)}
	var rows []struct {
		ID             int
		Factors, Trust string
		N              int64
	}
	if err := q.Select(ctx, &rows, `SELECT g.id, v.factors, v.trust, g.n FROM area_grade g JOIN area_grade_version v ON v.id = g.id AND v.n = g.n`); err != nil {
		return nil, err
	}
	for _, r := range rows {
		all[r.ID-1] = Least{Grade: r.ID, Factors: access.Factors(r.Factors), Trust: access.Trust(r.Trust), Version: r.N}
	}
	return all, nil
}

// Leasts is what the city asks of the areas of each grade at least, from 1 to 3.
func (r *Register) Leasts(ctx context.Context, actor store.Actor) ([]Least, error) {
	var all []Least
	err := r.read(ctx, actor, func(q store.Queryer) (err error) {
		all, err = leasts(ctx, q)
		return err
	})
	return all, err
}

// SetLeast changes what the city asks of a grade; it always needs two people. Areas that ask less are a Conflict with code "area.grade_in_use".
func (r *Register) SetLeast(ctx context.Context, actor store.Actor, reason string, l Least) error {
	reason, err := field.Text("reason", reason, 200)
	if err == nil {
		err = l.check()
	}
	if err != nil {
		return fmt.Errorf("change grade: %w", err)
	}
	return r.submit(ctx, actor, "change grade", wish{
		kind: gradeChange, subject: l.id(), reason: reason, body: l,
		grade:  func(context.Context, store.Queryer) (int, error) { return secure, nil },
		before: func(ctx context.Context, q store.Queryer) (any, error) { return leastOf(ctx, q, l.Grade) },
	}, nil)
}

// secure is the highest grade.
const secure = 3

func (l Least) id() string { return fmt.Sprint(l.Grade) }

var changeGrade = maker[Least]{
	check: func(ctx context.Context, tx *store.Tx, l Least) error {
		areas, err := selectAreas(ctx, tx, `WHERE grade = ?`, l.Grade)
		if err != nil {
			return err
		}
		for _, a := range areas {
			if field, weaker := l.weaker(a.Rules); weaker {
				return fault.New(fault.Conflict, "area.grade_in_use", fmt.Sprintf("area %q asks less: %s", a.ID, field))
			}
		}
		return nil
	},
	apply: func(ctx context.Context, tx *store.Tx, l Least) error {
		_, err := tx.Version(ctx, "area_grade", l.id(), store.Row{{Name: "factors", Value: string(l.Factors)}, {Name: "trust", Value: string(l.Trust)}}, nil)
		return err
	},
	version: versionOf("area_grade"),
}

// wish is the change of a schedule: it needs two people where a graded area uses it.
func (s Schedule) wish(reason string) wish {
	return wish{
		kind: scheduleChange, subject: s.ID, reason: reason, body: s,
		grade: gradeOf(`SELECT v.area FROM access_right r JOIN access_right_version v ON v.id = r.id AND v.n = r.n WHERE v.schedule = ? AND v.state = 'granted'
			UNION SELECT a.id FROM area a JOIN area_version v ON v.id = a.id AND v.n = a.n WHERE v.unlock = ?`, s.ID, s.ID),
		before: func(ctx context.Context, q store.Queryer) (any, error) { return getSchedule(ctx, q, s.ID) },
	}
}
