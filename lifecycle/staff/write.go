package staff

import (
	"context"
	"crypto/rand"
	"fmt"

	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/field"
)

// Add enters a new member. A number already in use is a Conflict with code "staff.no_taken".
func (r *Register) Add(ctx context.Context, actor store.Actor, d Details) (Member, error) {
	if d.No == "" {
		d.No = "S-" + rand.Text()[:8]
	}
	if err := d.check(); err != nil {
		return Member{}, fmt.Errorf("add member of staff: %w", err)
	}
	var m Member
	err := r.store.Write(ctx, actor, "", func(tx *store.Tx) error {
		if err := actor.May(authz.StaffWrite); err != nil {
			return err
		}
		if err := unknown(ctx, tx, d.No); err != nil {
			return err
		}
		var err error
		m, err = d.keep(ctx, tx)
		return err
	})
	if err != nil {
		return Member{}, fmt.Errorf("add member of staff: %w", err)
	}
	return m, nil
}

// Change gives a member new details; every field is set, the number stays. Reason goes to the history.
func (r *Register) Change(ctx context.Context, actor store.Actor, id, reason string, d Details) (Member, error) {
	d.No = id
	reason, err := field.Text("reason", reason, 200)
	if err == nil {
		err = d.check()
	}
	if err != nil {
		return Member{}, fmt.Errorf("change member of staff: %w", err)
	}
	var m Member
	err = r.store.Write(ctx, actor, reason, func(tx *store.Tx) error {
		if err := actor.May(authz.StaffWrite); err != nil {
			return err
		}
		if err := Known(ctx, tx, id); err != nil {
			return err
		}
		if m, err = d.keep(ctx, tx); err != nil {
			return err
		}
		return device.WantForHolder(ctx, tx)
	})
	if err != nil {
		return Member{}, fmt.Errorf("change member of staff: %w", err)
	}
	return m, nil
}

func (d *Details) check() error {
	err := field.ID("no", d.No)
	if err == nil {
		d.Name, err = field.Text("name", d.Name, 64)
	}
	if err == nil {
		d.Kana, err = field.Optional("kana", d.Kana, 64)
	}
	if err == nil {
		d.Section, err = field.Optional("section", d.Section, 64)
	}
	if err == nil {
		err = d.Period.Check()
	}
	return err
}

// keep writes the next version and returns the member as it then stands.
func (d Details) keep(ctx context.Context, tx *store.Tx) (Member, error) {
	from, until := d.Texts()
	_, err := tx.Version(ctx, "staff", d.No,
		store.Row{{Name: "section", Value: d.Section}, {Name: "valid_from", Value: from}, {Name: "valid_until", Value: until}},
		store.Row{{Name: "kana", Value: d.Kana}, {Name: "name", Value: d.Name}})
	if err != nil {
		return Member{}, err
	}
	return get(ctx, tx, d.No)
}

// Known returns a BadField error for "person" unless id is a member. Other registers ask it in their
// transactions.
func Known(ctx context.Context, q store.Queryer, id string) error {
	n, err := count(ctx, q, id)
	if err == nil && n == 0 {
		err = fault.New(fault.NotFound, "staff.unknown", fmt.Sprintf("no member of staff %.40q", id))
	}
	return err
}

func unknown(ctx context.Context, q store.Queryer, id string) error {
	n, err := count(ctx, q, id)
	if err == nil && n > 0 {
		err = fault.New(fault.Conflict, "staff.no_taken", fmt.Sprintf("staff number %q is in use", id))
	}
	return err
}

func count(ctx context.Context, q store.Queryer, id string) (int64, error) {
	var n int64
	err := q.Get(ctx, &n, `SELECT COUNT(*) FROM staff WHERE id = ?`, id)
	return n, err
}
