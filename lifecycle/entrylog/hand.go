package entrylog

import (
	"context"
	"fmt"
	"slices"

	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/entrylog/passage"
	"kanmon/lifecycle/field"
)

// EnterByHand records that somebody says a member of staff is inside an area, from now on. Needs authz.PresenceHand and a reason of at most 200
// characters. Errors: NotFound "staff.unknown", "area.unknown_area".
func (r *Register) EnterByHand(ctx context.Context, actor store.Actor, person, area, reason string) error {
	if err := r.byHand(ctx, actor, person, area, reason, true); err != nil {
		return fmt.Errorf("enter by hand: %w", err)
	}
	return nil
}

// LeaveByHand records that somebody says a person is no longer inside an area. As EnterByHand, and Conflict "presence.not_inside" for who is not
// listed there.
func (r *Register) LeaveByHand(ctx context.Context, actor store.Actor, person, area, reason string) error {
	if err := r.byHand(ctx, actor, person, area, reason, false); err != nil {
		return fmt.Errorf("leave by hand: %w", err)
	}
	return nil
}

func (r *Register) byHand(ctx context.Context, actor store.Actor, person, area, reason string, in bool) error {
	reason, err := field.Text("reason", reason, 200)
	if err != nil {
		return err
	}
	return r.store.Write(ctx, actor, reason, func(tx *store.Tx) error {
		if err := actor.May(authz.PresenceHand); err != nil {
			return err
		}
		check := r.inPlace
		if in {
			check = known
		}
		if err := check(ctx, tx, person, area); err != nil {
			return err
		}
		_, err := tx.Append(ctx, "presence_hand", store.Row{
			{Name: "actor", Value: actor.String()},
			{Name: "area", Value: area},
			{Name: "at", Value: store.FormatTime(tx.Now())},
			{Name: "inside", Value: number(in)},
			{Name: "person", Value: person},
			{Name: "reason", Value: reason},
		})
		return err
	})
}

// known checks that person and area are in the registers.
func known(ctx context.Context, tx *store.Tx, person, area string) error {
	for _, is := range []struct{ count, id, code string }{
		{`SELECT COUNT(*) FROM v_entrylog_person WHERE id = ?`, person, "staff.unknown"},
		{`SELECT COUNT(*) FROM v_entrylog_area WHERE id = ?`, area, "area.unknown_area"},
	} {
		var n int
		if err := tx.Get(ctx, &n, is.count, is.id); err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, is.code, fmt.Sprintf("%s: %.40q", is.code, is.id))
		}
	}
	return nil
}

// inPlace checks that a person is listed in an area.
func (r *Register) inPlace(ctx context.Context, tx *store.Tx, person, area string) error {
	now, err := r.inside(ctx, tx, tx.Now())
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(now.inside, func(in passage.Inside) bool { return in.Person == person && in.Area == area }) {
		return fault.New(fault.Conflict, "presence.not_inside", fmt.Sprintf("%.40q is not listed in %.40q", person, area))
	}
	return nil
}
