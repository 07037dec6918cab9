package area

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/area/premises"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/field"
	"kanmon/lifecycle/grade"
	"kanmon/lifecycle/profile"
)

// AddDoor enters a door. Its readers must be registered on its controller and serve no other door there, and the area's rules must be such that
// this door can keep them too.
func (r *Register) AddDoor(ctx context.Context, actor store.Actor, d Door) (Door, error) {
	if err := d.Check(); err != nil {
		return Door{}, fmt.Errorf("add door: %w", err)
	}
	w := approval.Wish{Kind: doorAdd, Subject: d.ID, About: d.Area, Reason: d.Why, Body: d, Two: graded(`?`, []any{d.Area})}
	err := r.submit(ctx, actor, "add door", w, func(tx *store.Tx) (err error) {
		d, err = getDoor(ctx, tx, d.ID)
		return err
	})
	if err != nil {
		return Door{}, err
	}
	return d, nil
}

var addDoor = approval.Maker[Door]{
	Check: func(ctx context.Context, tx *store.Tx, d Door) error {
		if err := free(ctx, tx, doorCount, d.ID); err != nil {
			return err
		}
		return fitsDoor(ctx, tx, d)
	},
	Apply: func(ctx context.Context, tx *store.Tx, d Door) error {
		if err := keepDoor(ctx, tx, d); err != nil {
			return err
		}
		return device.Want(ctx, tx, d.Controller)
	},
	Leans: profilesNow,
}

// profilesNow adds the versions of what a door's readers were commissioned with. While a reader stands at no door one person may change that: a door is
// approved with what its readers proved when it was asked for.
func profilesNow(ctx context.Context, q store.Queryer, d Door) (int64, error) {
	return profile.Versions(ctx, q, d.Controller, d.Readers())
}

// ChangeDoor gives a door another name, area, controller, readers and times; every field is set. Its interlock stays.
func (r *Register) ChangeDoor(ctx context.Context, actor store.Actor, reason string, d Door) error {
	reason, err := field.Text("reason", reason, 200)
	if err == nil {
		err = d.Check()
	}
	if err != nil {
		return fmt.Errorf("change door: %w", err)
	}
	return r.submit(ctx, actor, "change door", approval.Wish{
		Kind: doorChange, Subject: d.ID, About: d.Area, Reason: reason, Body: d,
		Two:    graded(`SELECT a.id FROM area a WHERE a.id = ? UNION SELECT v.area FROM door d JOIN door_version v ON v.id = d.id AND v.n = d.n WHERE d.id = ?`, []any{d.Area, d.ID}),
		Before: func(ctx context.Context, q store.Queryer) (any, error) { return getDoor(ctx, q, d.ID) },
	}, nil)
}

var changeDoor = approval.Maker[Door]{
	Check: func(ctx context.Context, tx *store.Tx, d Door) error {
		was, err := getDoor(ctx, tx, d.ID)
		if err != nil {
			return err
		}
		d.Interlock = was.Interlock
		return fitsDoor(ctx, tx, d)
	},
	Apply: func(ctx context.Context, tx *store.Tx, d Door) error {
		was, err := getDoor(ctx, tx, d.ID)
		if err != nil {
			return err
		}
		d.Interlock = was.Interlock
		if err := keepDoor(ctx, tx, d); err != nil {
			return err
		}
		return device.Want(ctx, tx, was.Controller, d.Controller)
	},
	Version: approval.VersionOf("door"),
	Leans:   profilesNow,
}

// fitsDoor checks a door against the other registers, the other doors of its controller, its interlock, and the rules of its area.
func fitsDoor(ctx context.Context, q store.Queryer, d Door) error {
	if err := fitsController(ctx, q, d); err != nil {
		return err
	}
	if d.Interlock != "" {
		group, err := among(ctx, q, d, `WHERE interlock = ?`, d.Interlock)
		if err == nil {
			err = premises.CheckInterlock(group)
		}
		if err != nil {
			return atDoor(err)
		}
	}
	a, err := getArea(ctx, q, d.Area)
	if err != nil {
		return err
	}
	least, err := grade.Of(ctx, q, a.Grade)
	if err == nil {
		err = checkRoutes(ctx, q, least, d)
	}
	if err != nil {
		return err
	}
	doors, err := among(ctx, q, d, `WHERE area = ?`, d.Area)
	if err != nil {
		return err
	}
	return atDoor(premises.CheckInside(a.Rules, doors))
}

// among lists the doors that a condition names, with d as it is to be.
func among(ctx context.Context, q store.Queryer, d Door, where, arg string) ([]Door, error) {
	doors, err := selectDoors(ctx, q, where, arg)
	return append(slices.DeleteFunc(doors, func(other Door) bool { return other.ID == d.ID }), d), err
}

// atDoor names the input of a door at which a rule of its area is broken.
func atDoor(err error) error {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind != fault.Invalid {
		return err
	}
	name := "controller"
	if e.Code == "area.no_exit_reader" {
		name = "exit_readers"
	}
	return fault.BadField(name, e.Code, e.Error())
}

func fitsController(ctx context.Context, q store.Queryer, d Door) error {
	if err := known(ctx, q, areaCount, noArea, d.Area); err != nil {
		return err
	}
	if err := device.Known(ctx, q, d.Controller); err != nil {
		return err
	}
	doors, err := selectDoors(ctx, q, `WHERE controller = ?`, d.Controller)
	if err != nil {
		return err
	}
	inUse := map[string]string{}
	for _, other := range doors {
		for _, name := range other.Readers() {
			inUse[name] = other.ID
		}
	}
	for _, name := range d.Readers() {
		if err := device.KnownReader(ctx, q, d.Controller, name); err != nil {
			return err
		}
		if other, ok := inUse[name]; ok && other != d.ID {
			return fault.New(fault.Conflict, "area.reader_taken", fmt.Sprintf("reader %q serves door %q", name, other))
		}
	}
	return nil
}

func keepDoor(ctx context.Context, tx *store.Tx, d Door) error {
	_, err := tx.Version(ctx, "door", d.ID, store.Row{
		{Name: "area", Value: d.Area},
		{Name: "controller", Value: d.Controller},
		{Name: "entry_readers", Value: list(d.EntryReaders)},
		{Name: "exit_readers", Value: list(d.ExitReaders)},
		{Name: "held_ms", Value: int64(d.HeldMS)},
		{Name: "interlock", Value: d.Interlock},
		{Name: "name", Value: d.Name},
		{Name: "release_ms", Value: int64(d.ReleaseMS)},
	}, nil)
	return err
}

// group is a wish for an interlock.
type group struct {
	Name  string   `json:"interlock"`
	Doors []string `json:"doors"` // sorted; none: there is no such group any more
}

// Interlock makes the doors given, and no others, a group of which one door at most is open at a time (インターロック). No doors end the group. A
// door of another group is a Conflict with code "area.interlock_other".
func (r *Register) Interlock(ctx context.Context, actor store.Actor, reason, name string, doors []string) error {
	reason, err := field.Text("reason", reason, 200)
	if err == nil {
		err = field.ID("interlock", name)
	}
	if err != nil {
		return fmt.Errorf("interlock doors: %w", err)
	}
	g := group{name, slices.Compact(premises.Sorted(doors))}
	return r.submit(ctx, actor, "interlock doors", approval.Wish{
		Kind: interlockChange, Subject: name, Reason: reason, Body: g,
		Two:    graded(`SELECT v.area FROM door d JOIN door_version v ON v.id = d.id AND v.n = d.n WHERE v.interlock = ? OR d.id IN (`+places(g.Doors)+`)`, args(name, g.Doors)),
		Before: func(ctx context.Context, q store.Queryer) (any, error) { return g.now(ctx, q) },
	}, nil)
}

// places is a question mark for each value, for IN; NULL for none.
func places(values []string) string {
	return "NULL" + strings.Repeat(", ?", len(values))
}

func args(first string, rest []string) []any {
	all := []any{first}
	for _, v := range rest {
		all = append(all, v)
	}
	return all
}

var changeInterlock = approval.Maker[group]{
	Check: func(ctx context.Context, tx *store.Tx, g group) error {
		doors, err := g.doors(ctx, tx)
		if err != nil {
			return err
		}
		return premises.CheckInterlock(doors)
	},
	Apply: func(ctx context.Context, tx *store.Tx, g group) error {
		doors, err := selectDoors(ctx, tx, `WHERE interlock = ? OR id IN (`+places(g.Doors)+`)`, args(g.Name, g.Doors)...)
		if err != nil {
			return err
		}
		for _, d := range doors {
			in := slices.Contains(g.Doors, d.ID)
			if in == (d.Interlock == g.Name) {
				continue
			}
			d.Interlock = ""
			if in {
				d.Interlock = g.Name
			}
			if err := keepDoor(ctx, tx, d); err != nil {
				return err
			}
			if err := device.Want(ctx, tx, d.Controller); err != nil {
				return err
			}
		}
		return nil
	},
	// The newest leaf of any door that is, or ever was, in the group: a door that joins, changes or leaves has a newer one, and none comes twice.
	Version: func(ctx context.Context, q store.Queryer, name string) (n int64, err error) {
		err = q.Get(ctx, &n, `SELECT COALESCE(MAX(leaf), 0) FROM door_version WHERE id IN (SELECT id FROM door_version WHERE interlock = ?)`, name)
		return n, err
	},
}

// doors reads the doors of a wish. Each must be there and in no other group.
func (g group) doors(ctx context.Context, q store.Queryer) ([]Door, error) {
	doors := make([]Door, len(g.Doors))
	for i, id := range g.Doors {
		d, err := getDoor(ctx, q, id)
		if err != nil {
			return nil, err
		}
		if d.Interlock != "" && d.Interlock != g.Name {
			return nil, fault.New(fault.Conflict, "area.interlock_other", fmt.Sprintf("door %q is in group %q", id, d.Interlock))
		}
		doors[i] = d
	}
	return doors, nil
}

// now is the group as it is.
func (g group) now(ctx context.Context, q store.Queryer) (group, error) {
	doors, err := selectDoors(ctx, q, `WHERE interlock = ?`, g.Name)
	was := group{Name: g.Name}
	for _, d := range doors {
		was.Doors = append(was.Doors, d.ID)
	}
	return was, err
}
