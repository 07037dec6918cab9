package area

import (
	"context"
	"errors"
	"fmt"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/area/premises"
	"kanmon/lifecycle/grade"
	"kanmon/lifecycle/profile"
	"kanmon/lifecycle/staff"
)

// fits checks an area against its doors, the other registers and what the city asks of its grade.
func fits(ctx context.Context, tx *store.Tx, a Area) error {
	doors, err := selectDoors(ctx, tx, `WHERE area = ?`, a.ID)
	if err != nil {
		return err
	}
	least, err := grade.Of(ctx, tx, a.Grade)
	if err != nil {
		return err
	}
	if err := premises.CheckRules(a.Grade, a.Rules, doors, least); err != nil {
		return err
	}
	if err := checkRoutes(ctx, tx, least, doors...); err != nil {
		return err
	}
	if err := checkOwner(ctx, tx, a); err != nil {
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

// checkRoutes asks of every reader of some doors whether its wire may be as it is.
func checkRoutes(ctx context.Context, q store.Queryer, least premises.Least, doors ...Door) error {
	var plain, unrecorded []string
	for _, d := range doors {
		routes, err := profile.Plain(ctx, q, d.Controller, d.Readers())
		if err != nil {
			return err
		}
		for _, route := range routes {
			plain = append(plain, route.Reader)
			if !route.Recorded {
				unrecorded = append(unrecorded, route.Reader)
			}
		}
	}
	return least.CheckRoutes(plain, unrecorded)
}

func checkOwner(ctx context.Context, q store.Queryer, a Area) error {
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

// wish is the change of a schedule: it needs two people where a graded area uses it.
func (s Schedule) wish(reason string) approval.Wish {
	return approval.Wish{
		Kind: scheduleChange, Subject: s.ID, Reason: reason, Body: s,
		Two: graded(`SELECT v.area FROM access_right r JOIN access_right_version v ON v.id = r.id AND v.n = r.n WHERE v.schedule = ? AND v.state = 'granted'
			UNION SELECT a.id FROM area a JOIN area_version v ON v.id = a.id AND v.n = a.n WHERE v.unlock = ?`, []any{s.ID, s.ID}),
		Before: func(ctx context.Context, q store.Queryer) (any, error) { return getSchedule(ctx, q, s.ID) },
	}
}
