// Package lockdown is the register of areas that are locked down (封鎖): nobody comes in but who has a right to pass then. It is one action of one person, and
// waits for nobody's approval. What holds now stands with the area (package area) and in the policy of its doors.
package lockdown

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

// States, as stored.
const (
	on  = "on"
	off = "off"
)

// Register is the register of lockdowns.
type Register struct{ store *store.Store }

// New opens the register.
func New(s *store.Store) *Register { return &Register{store: s} }

// Begin locks an area down. Needs authz.AreaLockdown and a reason of at most 200 characters. An area locked down already is a Conflict with code
// "area.locked".
func (r *Register) Begin(ctx context.Context, actor store.Actor, area, reason string) error {
	return r.set(ctx, actor, authz.AreaLockdown, area, reason, on, "area.locked")
}

// Lift ends a lockdown. Needs authz.AreaLift. An area that is not locked down is a Conflict with code "area.not_locked".
func (r *Register) Lift(ctx context.Context, actor store.Actor, area, reason string) error {
	return r.set(ctx, actor, authz.AreaLift, area, reason, off, "area.not_locked")
}

func (r *Register) set(ctx context.Context, actor store.Actor, needs authz.Action, area, reason, state, already string) error {
	reason, err := field.Text("reason", reason, 200)
	if err != nil {
		return fmt.Errorf("lock area down: %w", err)
	}
	err = r.store.Write(ctx, actor, reason, func(tx *store.Tx) error {
		if err := actor.May(needs); err != nil {
			return err
		}
		now, err := stateOf(ctx, tx, area)
		if err != nil {
			return err
		}
		if now == state {
			return fault.New(fault.Conflict, already, fmt.Sprintf("lockdown of area %q is %s already", area, state))
		}
		if _, err := tx.Version(ctx, "lockdown", area, store.Row{{Name: "state", Value: state}}, nil); err != nil {
			return err
		}
		return device.WantForArea(ctx, tx, area)
	})
	if err != nil {
		return fmt.Errorf("lock area down: %w", err)
	}
	return nil
}

func stateOf(ctx context.Context, q store.Queryer, area string) (string, error) {
	var state string
	err := q.Get(ctx, &state, `SELECT state FROM v_lockdown_area WHERE id = ?`, area)
	if fault.KindOf(err) == fault.NotFound {
		err = fault.New(fault.NotFound, "area.unknown_area", fmt.Sprintf("no area %.40q", area))
	}
	return state, err
}

// History returns every lockdown of an area and its end, oldest first. Needs authz.AreaRead.
func (r *Register) History(ctx context.Context, actor store.Actor, area string) ([]history.Change, error) {
	var changes []history.Change
	err := r.store.Read(ctx, func(q store.Queryer) error {
		if err := actor.May(authz.AreaRead); err != nil {
			return err
		}
		if _, err := stateOf(ctx, q, area); err != nil {
			return err
		}
		var err error
		changes, err = history.Read(ctx, q, `SELECT n, at, actor, reason, state FROM lockdown_version WHERE id = ? ORDER BY n`, area)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read lockdowns: %w", err)
	}
	return changes, nil
}
