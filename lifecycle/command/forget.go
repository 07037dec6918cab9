package command

import (
	"context"
	"crypto/rand"
	"fmt"

	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/field"
)

// Forget records the order to forget where a person is in an area, or everybody when person is empty, so that no rule that counts on it holds them
// back: one command for each enrolled controller with doors into the area, by name. It needs authz.PresenceForget and a reason of at most 200
// characters. Controllers know positions each for itself, so when one of them cannot be reached nothing is ordered of any.
//
// Errors: NotFound "area.unknown_area", "staff.unknown"; Conflict "command.no_controller" when no controller of the area is enrolled; Unavailable
// "command.offline".
func (r *Register) Forget(ctx context.Context, actor store.Actor, area, person, reason string) ([]Command, error) {
	reason, err := field.Text("reason", reason, 200)
	if err != nil {
		return nil, fmt.Errorf("forget who is inside: %w", err)
	}
	var all []Command
	err = r.store.Write(ctx, actor, reason, func(tx *store.Tx) error {
		if err := actor.May(authz.PresenceForget); err != nil {
			return err
		}
		if err := known(ctx, tx, person); err != nil {
			return err
		}
		names, err := around(ctx, tx, area)
		if err != nil {
			return err
		}
		all = make([]Command, len(names))
		for i, name := range names {
			all[i] = Command{ID: rand.Text(), Actor: actor.String(), Reason: reason, Op: Forget, Area: area, Person: person, Controller: name}
			if err := all[i].keep(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("forget who is inside: %w", err)
	}
	return all, nil
}

// known refuses somebody who is not in the register of people. Nobody stands for everybody.
func known(ctx context.Context, q store.Queryer, person string) error {
	if person == "" {
		return nil
	}
	var n int
	err := q.Get(ctx, &n, `SELECT COUNT(*) FROM v_command_person WHERE id = ?`, person)
	if err == nil && n == 0 {
		err = fault.New(fault.NotFound, "staff.unknown", fmt.Sprintf("no member of staff %.40q", person))
	}
	return err
}

// around names the enrolled controllers of an area, if a command can reach them all.
func around(ctx context.Context, q store.Queryer, area string) (names []string, err error) {
	var all []struct {
		Controller, State string
		Online            bool
	}
	if err := q.Select(ctx, &all, `SELECT controller, state, online FROM v_command_area WHERE id = ? ORDER BY controller`, area); err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fault.New(fault.NotFound, "area.unknown_area", fmt.Sprintf("no area %.40q", area))
	}
	for _, c := range all {
		switch {
		case c.State != "enrolled": // its doors open for nobody
		case !c.Online:
			return nil, fault.New(fault.Unavailable, "command.offline", c.Controller+" is not connected")
		default:
			names = append(names, c.Controller)
		}
	}
	if len(names) == 0 {
		return nil, fault.New(fault.Conflict, "command.no_controller", "no controller of the area is enrolled")
	}
	return names, nil
}
