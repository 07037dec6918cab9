package area

import (
	"context"
	"fmt"

	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/field"
	"kanmon/lifecycle/history"
)

// States of a lockdown, as stored.
const (
	lockdownOn  = "on"
	lockdownOff = "off"
)

// LockDown lets nobody into an area but who has a right to pass a lockdown. It needs authz.AreaLockdown and nobody's approval. An area locked down
// already is a Conflict with code "area.locked".
func (r *Register) LockDown(ctx context.Context, actor store.Actor, area, reason string) error {
	return r.setLockdown(ctx, actor, authz.AreaLockdown, area, reason, lockdownOn, "area.locked")
}

// LiftLockdown ends a lockdown. It needs authz.AreaLift. An area that is not locked down is a Conflict with code "area.not_locked".
func (r *Register) LiftLockdown(ctx context.Context, actor store.Actor, area, reason string) error {
	return r.setLockdown(ctx, actor, authz.AreaLift, area, reason, lockdownOff, "area.not_locked")
}

func (r *Register) setLockdown(ctx context.Context, actor store.Actor, needs authz.Action, area, reason, state, already string) error {
	reason, err := field.Text("reason", reason, 200)
	if err != nil {
		return fmt.Errorf("lock area down: %w", err)
	}
	err = r.store.Write(ctx, actor, reason, func(tx *store.Tx) error {
		if err := actor.May(needs); err != nil {
			return err
		}
		a, err := getArea(ctx, tx, area)
		if err != nil {
			return err
		}
		if a.Lockdown.On == (state == lockdownOn) {
			return fault.New(fault.Conflict, already, fmt.Sprintf("lockdown of area %q is %s already", area, state))
		}
		if _, err := tx.Version(ctx, "area_lockdown", area, store.Row{{Name: "state", Value: state}}, nil); err != nil {
			return err
		}
		return device.WantForArea(ctx, tx, area)
	})
	if err != nil {
		return fmt.Errorf("lock area down: %w", err)
	}
	return nil
}

// LockdownHistory returns every lockdown of an area and its end, oldest first.
func (r *Register) LockdownHistory(ctx context.Context, actor store.Actor, id string) ([]history.Change, error) {
	return r.history(ctx, actor, areaCount, noArea, id,
		`SELECT n, at, actor, reason, state FROM area_lockdown_version WHERE id = ? ORDER BY n`)
}
