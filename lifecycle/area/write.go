package area

import (
	"context"
	"encoding/json"
	"fmt"

	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/field"
)

// AddArea enters an area. An id in use is a Conflict with code "area.id_taken".
func (r *Register) AddArea(ctx context.Context, actor store.Actor, a Area) (Area, error) {
	if err := a.Check(); err != nil {
		return Area{}, fmt.Errorf("add area: %w", err)
	}
	w := approval.Wish{
		Kind: areaAdd, Subject: a.ID, About: a.ID, Reason: a.Why, Body: a, Two: graded(`NULL`, nil, a.Grade),
	}
	err := r.submit(ctx, actor, "add area", w, func(tx *store.Tx) (err error) {
		a, err = getArea(ctx, tx, a.ID)
		return err
	})
	if err != nil {
		return Area{}, err
	}
	return a, nil
}

var addArea = approval.Maker[Area]{
	Check: func(ctx context.Context, tx *store.Tx, a Area) error {
		if err := free(ctx, tx, areaCount, a.ID); err != nil {
			return err
		}
		return fits(ctx, tx, a)
	},
	Apply: func(ctx context.Context, tx *store.Tx, a Area) error { return keepArea(ctx, tx, a) },
	Leans: unlockNow,
}

// unlockNow is the version of the schedule after which an area stands unlocked.
func unlockNow(ctx context.Context, q store.Queryer, a Area) (int64, error) {
	return schedulesNow(ctx, q, a.Unlock)
}

// ChangeArea gives an area another name, grade, record mode, owner and rules; every field is set.
func (r *Register) ChangeArea(ctx context.Context, actor store.Actor, reason string, a Area) error {
	reason, err := field.Text("reason", reason, 200)
	if err == nil {
		err = a.Check()
	}
	if err != nil {
		return fmt.Errorf("change area: %w", err)
	}
	return r.submit(ctx, actor, "change area", approval.Wish{
		Kind: areaChange, Subject: a.ID, About: a.ID, Reason: reason, Body: a,
		Two:    graded(`?`, []any{a.ID}, a.Grade),
		Before: func(ctx context.Context, q store.Queryer) (any, error) { return getArea(ctx, q, a.ID) },
	}, nil)
}

var changeArea = approval.Maker[Area]{
	Check: func(ctx context.Context, tx *store.Tx, a Area) error {
		if err := known(ctx, tx, areaCount, noArea, a.ID); err != nil {
			return err
		}
		return fits(ctx, tx, a)
	},
	Apply: func(ctx context.Context, tx *store.Tx, a Area) error {
		if err := keepArea(ctx, tx, a); err != nil {
			return err
		}
		return device.WantForArea(ctx, tx, a.ID)
	},
	Version: approval.VersionOf("area"),
	Leans:   unlockNow,
}

func keepArea(ctx context.Context, tx *store.Tx, a Area) error {
	rules := a.Rules
	rules.Unlock = "" // has a column of its own, by which the schedule is joined
	_, err := tx.Version(ctx, "area", a.ID, store.Row{
		{Name: "grade", Value: int64(a.Grade)},
		{Name: "name", Value: a.Name},
		{Name: "owner", Value: a.Owner},
		{Name: "record", Value: string(a.Record)},
		{Name: "rules", Value: text(rules)},
		{Name: "unlock", Value: a.Unlock},
	}, nil)
	return err
}

// list writes a list as JSON; none is [].
func list[T any](v []T) string {
	if len(v) == 0 {
		return "[]"
	}
	b, _ := json.Marshal(v) //nolint:errchkjson // strings and integers only
	return string(b)
}

// How many entries have an id.
const (
	areaCount     = `SELECT COUNT(*) FROM area WHERE id = ?`
	doorCount     = `SELECT COUNT(*) FROM door WHERE id = ?`
	scheduleCount = `SELECT COUNT(*) FROM schedule WHERE id = ?`
)

// Codes of what is not there.
const (
	noArea     = "area.unknown_area"
	noDoor     = "area.unknown_door"
	noSchedule = "area.unknown_schedule"
	noRight    = "area.unknown_right"
)

func free(ctx context.Context, q store.Queryer, count, id string) error {
	n, err := has(ctx, q, count, id)
	if err == nil && n {
		err = fault.New(fault.Conflict, "area.id_taken", fmt.Sprintf("id %q is in use", id))
	}
	return err
}

func known(ctx context.Context, q store.Queryer, count, code, id string) error {
	n, err := has(ctx, q, count, id)
	if err == nil && !n {
		err = fault.New(fault.NotFound, code, fmt.Sprintf("%s: %.40q", code, id))
	}
	return err
}

// Known returns a NotFound error with code "area.unknown_area" unless id is an area. Other registers ask it in their transactions.
func Known(ctx context.Context, q store.Queryer, id string) error {
	return known(ctx, q, areaCount, noArea, id)
}

func has(ctx context.Context, q store.Queryer, count, id string) (bool, error) {
	var n int64
	err := q.Get(ctx, &n, count, id)
	return n > 0, err
}
