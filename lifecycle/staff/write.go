package staff

import (
	"context"
	"crypto/rand"
	"fmt"
	"regexp"
	"slices"

	"kanmon/internal/access"
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
		if err := d.fits(ctx, tx); err != nil {
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
		was, err := get(ctx, tx, id)
		if err != nil {
			return err
		}
		if err = was.mayBecome(ctx, tx, d); err != nil {
			return err
		}
		if err = d.fits(ctx, tx); err != nil {
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
	if err == nil {
		err = d.checkClass()
	}
	return err
}

// number is what a keypad can take before a PIN, and is not one of a PIN's length by mistake alone: who it is, not that it is them.
var number = regexp.MustCompile(`^[0-9]{4,8}$`)

func (d *Details) checkClass() error {
	if d.Class == "" {
		d.Class = access.Staff
	}
	switch {
	case !slices.Contains(access.AllClasses(), d.Class):
		return fault.BadField("class", "staff.class", fmt.Sprintf("class %.20q", d.Class))
	case d.Number != "" && !number.MatchString(d.Number):
		return fault.BadField("number", "staff.number", "not 4 to 8 digits")
	}
	return nil
}

// fits refuses a keypad number that is somebody else's, and another class than staff for whom areas rely on as one.
func (d Details) fits(ctx context.Context, q store.Queryer) error {
	var n int
	err := q.Get(ctx, &n, `SELECT COUNT(*) FROM staff WHERE number = ? AND number <> '' AND id <> ?`, d.Number, d.No)
	switch {
	case err != nil:
		return err
	case n > 0:
		return fault.BadField("number", "staff.number_taken", "keypad number in use")
	case d.Class == access.Staff:
		return nil
	}
	if err := q.Get(ctx, &n, `SELECT COUNT(*) FROM v_staff_escort WHERE person = ?`, d.No); err != nil || n > 0 {
		return conflictIf(err, "staff.escorts", d.No+" may escort visitors")
	}
	if err := q.Get(ctx, &n, `SELECT COUNT(*) FROM v_staff_named WHERE owner = ? OR lower(rules) LIKE ? ESCAPE '\'`, d.No, field.Like(`"`+d.No+`"`)); err != nil || n > 0 {
		return conflictIf(err, "staff.recovers", d.No+" is named by an area")
	}
	return nil
}

// mayBecome refuses to widen what two people granted: somebody with a right to a graded area is not made of another class, for whom other rules hold,
// nor let in for longer. One person may withdraw the right; the new one takes two.
func (m Member) mayBecome(ctx context.Context, q store.Queryer, d Details) error {
	var code string
	switch {
	case m.Class != d.Class && d.Class != access.Visitor:
		code = "staff.class_graded"
	case !m.Until.IsZero() && (d.Until.IsZero() || d.Until.After(m.Until)):
		code = "staff.until_graded"
	default:
		return nil
	}
	var n int
	err := q.Get(ctx, &n, `SELECT COUNT(*) FROM v_area_right r JOIN v_grade_area g ON g.id = r.area WHERE r.person = ? AND r.state = 'granted' AND g.grade > 1`, m.ID)
	if err != nil || n == 0 {
		return err
	}
	return fault.New(fault.Conflict, code, m.ID+" has a right to a graded area")
}

func conflictIf(err error, code, text string) error {
	if err != nil {
		return err
	}
	return fault.New(fault.Conflict, code, text)
}

// keep writes the next version and returns the member as it then stands.
func (d Details) keep(ctx context.Context, tx *store.Tx) (Member, error) {
	from, until := d.Texts()
	_, err := tx.Version(ctx, "staff", d.No,
		store.Row{
			{Name: "class", Value: string(d.Class)},
			{Name: "number", Value: d.Number},
			{Name: "section", Value: d.Section},
			{Name: "valid_from", Value: from},
			{Name: "valid_until", Value: until},
		},
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
