package area

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"

	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/field"
	"kanmon/lifecycle/period"
	"kanmon/lifecycle/staff"
)

func (r *Register) write(ctx context.Context, actor store.Actor, reason, doing string, fn func(*store.Tx) error) error {
	err := r.store.Write(ctx, actor, reason, func(tx *store.Tx) error {
		if err := actor.May(authz.AreaWrite); err != nil {
			return err
		}
		return fn(tx)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// AddArea enters an area. An id in use is a Conflict with code "area.id_taken".
func (r *Register) AddArea(ctx context.Context, actor store.Actor, a Area) (Area, error) {
	if err := a.check(); err != nil {
		return Area{}, fmt.Errorf("add area: %w", err)
	}
	err := r.write(ctx, actor, "", "add area", func(tx *store.Tx) error {
		if err := free(ctx, tx, areaCount, a.ID); err != nil {
			return err
		}
		return a.keep(ctx, tx)
	})
	if err != nil {
		return Area{}, err
	}
	a.Doors, a.Version = 0, 1
	return a, nil
}

// ChangeArea gives an area a new name, grade and record mode.
func (r *Register) ChangeArea(ctx context.Context, actor store.Actor, reason string, a Area) error {
	reason, err := field.Text("reason", reason, 200)
	if err == nil {
		err = a.check()
	}
	if err != nil {
		return fmt.Errorf("change area: %w", err)
	}
	return r.write(ctx, actor, reason, "change area", func(tx *store.Tx) error {
		if err := known(ctx, tx, areaCount, noArea, a.ID); err != nil {
			return err
		}
		if err := a.keep(ctx, tx); err != nil {
			return err
		}
		return device.WantForArea(ctx, tx, a.ID)
	})
}

func (a Area) keep(ctx context.Context, tx *store.Tx) error {
	_, err := tx.Version(ctx, "area", a.ID, store.Row{
		{Name: "grade", Value: int64(a.Grade)}, {Name: "name", Value: a.Name}, {Name: "record", Value: string(a.Record)},
	}, nil)
	return err
}

// AddSchedule enters a schedule.
func (r *Register) AddSchedule(ctx context.Context, actor store.Actor, s Schedule) (Schedule, error) {
	if err := s.check(); err != nil {
		return Schedule{}, fmt.Errorf("add schedule: %w", err)
	}
	err := r.write(ctx, actor, "", "add schedule", func(tx *store.Tx) error {
		if err := free(ctx, tx, scheduleCount, s.ID); err != nil {
			return err
		}
		return s.keep(ctx, tx)
	})
	if err != nil {
		return Schedule{}, err
	}
	s.Version = 1
	return s, nil
}

// ChangeSchedule gives a schedule a new name and new windows.
func (r *Register) ChangeSchedule(ctx context.Context, actor store.Actor, reason string, s Schedule) error {
	reason, err := field.Text("reason", reason, 200)
	if err == nil {
		err = s.check()
	}
	if err != nil {
		return fmt.Errorf("change schedule: %w", err)
	}
	return r.write(ctx, actor, reason, "change schedule", func(tx *store.Tx) error {
		if err := known(ctx, tx, scheduleCount, noSchedule, s.ID); err != nil {
			return err
		}
		if err := s.keep(ctx, tx); err != nil {
			return err
		}
		return device.WantForSchedule(ctx, tx, s.ID)
	})
}

func (s Schedule) keep(ctx context.Context, tx *store.Tx) error {
	_, err := tx.Version(ctx, "schedule", s.ID,
		store.Row{{Name: "name", Value: s.Name}, {Name: "windows", Value: list(s.Windows)}}, nil)
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

// AddDoor enters a door. Its readers must be registered on its controller and serve no other door there.
func (r *Register) AddDoor(ctx context.Context, actor store.Actor, d Door) (Door, error) {
	if err := d.check(); err != nil {
		return Door{}, fmt.Errorf("add door: %w", err)
	}
	err := r.write(ctx, actor, "", "add door", func(tx *store.Tx) error {
		if err := free(ctx, tx, doorCount, d.ID); err != nil {
			return err
		}
		if err := d.fits(ctx, tx); err != nil {
			return err
		}
		if err := d.keep(ctx, tx); err != nil {
			return err
		}
		if err := device.Want(ctx, tx, d.Controller); err != nil {
			return err
		}
		var err error
		d, err = getDoor(ctx, tx, d.ID)
		return err
	})
	if err != nil {
		return Door{}, err
	}
	return d, nil
}

// fits checks a door against the other registers and the other doors of its controller.
func (d Door) fits(ctx context.Context, tx *store.Tx) error {
	if err := known(ctx, tx, areaCount, noArea, d.Area); err != nil {
		return err
	}
	if err := device.Known(ctx, tx, d.Controller); err != nil {
		return err
	}
	doors, err := selectDoors(ctx, tx, `WHERE controller = ?`, d.Controller)
	if err != nil {
		return err
	}
	inUse := map[string]string{}
	for _, other := range doors {
		for _, name := range other.readers() {
			inUse[name] = other.ID
		}
	}
	for _, name := range d.readers() {
		if err := device.KnownReader(ctx, tx, d.Controller, name); err != nil {
			return err
		}
		if other, ok := inUse[name]; ok {
			return fault.New(fault.Conflict, "area.reader_taken", fmt.Sprintf("reader %q serves door %q", name, other))
		}
	}
	return nil
}

func (d Door) keep(ctx context.Context, tx *store.Tx) error {
	_, err := tx.Version(ctx, "door", d.ID, store.Row{
		{Name: "area", Value: d.Area},
		{Name: "controller", Value: d.Controller},
		{Name: "entry_readers", Value: list(d.EntryReaders)},
		{Name: "exit_readers", Value: list(d.ExitReaders)},
		{Name: "held_ms", Value: int64(d.HeldMS)},
		{Name: "name", Value: d.Name},
		{Name: "release_ms", Value: int64(d.ReleaseMS)},
	}, nil)
	return err
}

// Grant lets a person into an area. schedule may be empty: at any hour.
func (r *Register) Grant(ctx context.Context, actor store.Actor, person, area, schedule string, p period.Period) (Right, error) {
	if err := p.Check(); err != nil {
		return Right{}, fmt.Errorf("grant right: %w", err)
	}
	right := Right{ID: "R-" + rand.Text()[:10], Person: person, Area: area, Schedule: schedule, Period: p}
	err := r.write(ctx, actor, "", "grant right", func(tx *store.Tx) error {
		if err := staff.Known(ctx, tx, person); err != nil {
			return err
		}
		if err := known(ctx, tx, areaCount, noArea, area); err != nil {
			return err
		}
		if schedule != "" {
			if err := known(ctx, tx, scheduleCount, noSchedule, schedule); err != nil {
				return err
			}
		}
		var err error
		right, err = right.keep(ctx, tx)
		return err
	})
	if err != nil {
		return Right{}, err
	}
	return right, nil
}

// Withdraw ends a right at once. It cannot be given back: grant a new one.
func (r *Register) Withdraw(ctx context.Context, actor store.Actor, id, reason string) error {
	reason, err := field.Text("reason", reason, 200)
	if err != nil {
		return fmt.Errorf("withdraw right: %w", err)
	}
	return r.write(ctx, actor, reason, "withdraw right", func(tx *store.Tx) error {
		right, err := getRight(ctx, tx, id)
		if err != nil {
			return err
		}
		if right.Withdrawn {
			return fault.New(fault.Conflict, "area.right_withdrawn", fmt.Sprintf("right %s is withdrawn already", id))
		}
		right.Withdrawn = true
		_, err = right.keep(ctx, tx)
		return err
	})
}

// keep writes the next version of a right, tells the controllers and returns the right as it then stands.
func (r Right) keep(ctx context.Context, tx *store.Tx) (Right, error) {
	from, until := r.Texts()
	state := stateGranted
	if r.Withdrawn {
		state = stateWithdrawn
	}
	_, err := tx.Version(ctx, "access_right", r.ID, store.Row{
		{Name: "area", Value: r.Area},
		{Name: "person", Value: r.Person},
		{Name: "schedule", Value: r.Schedule},
		{Name: "state", Value: state},
		{Name: "valid_from", Value: from},
		{Name: "valid_until", Value: until},
	}, nil)
	if err != nil {
		return Right{}, err
	}
	if err := device.WantForArea(ctx, tx, r.Area); err != nil {
		return Right{}, err
	}
	return getRight(ctx, tx, r.ID)
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
