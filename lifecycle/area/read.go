package area

import (
	"context"
	"encoding/json"
	"fmt"

	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/field"
	"kanmon/lifecycle/history"
	"kanmon/lifecycle/period"
)

// States of a right, as stored.
const (
	stateGranted   = "granted"
	stateWithdrawn = "withdrawn"
)

func (r *Register) read(ctx context.Context, actor store.Actor, fn func(store.Queryer) error) error {
	return r.store.Read(ctx, func(q store.Queryer) error {
		if err := actor.May(authz.AreaRead); err != nil {
			return err
		}
		if err := fn(q); err != nil {
			return fmt.Errorf("read areas: %w", err)
		}
		return nil
	})
}

// Areas lists every area in the order of ids.
func (r *Register) Areas(ctx context.Context, actor store.Actor) ([]Area, error) {
	var areas []Area
	err := r.read(ctx, actor, func(q store.Queryer) (err error) {
		areas, err = selectAreas(ctx, q, ``)
		return err
	})
	return areas, err
}

// Area returns one area.
func (r *Register) Area(ctx context.Context, actor store.Actor, id string) (Area, error) {
	var a Area
	err := r.read(ctx, actor, func(q store.Queryer) (err error) {
		a, err = getArea(ctx, q, id)
		return err
	})
	return a, err
}

func getArea(ctx context.Context, q store.Queryer, id string) (Area, error) {
	areas, err := selectAreas(ctx, q, `WHERE id = ?`, id)
	if err == nil && len(areas) == 0 {
		err = fault.New(fault.NotFound, noArea, fmt.Sprintf("no area %.40q", id))
	}
	if err != nil {
		return Area{}, err
	}
	return areas[0], nil
}

// areaRow is a row of v_area_area.
type areaRow struct {
	ID, Name, Record, Owner, Rules, Unlock string
	OwnerName                              string `db:"owner_name"`
	Grade, Doors                           int
	N                                      int64
	Lockdown                               bool
	LockdownAt                             string `db:"lockdown_at"`
	LockdownBy                             string `db:"lockdown_by"`
	LockdownReason                         string `db:"lockdown_reason"`
}

func selectAreas(ctx context.Context, q store.Queryer, where string, args ...any) ([]Area, error) {
	var rows []areaRow
	err := q.Select(ctx, &rows, `SELECT id, n, name, grade, record, owner, owner_name, rules, unlock, doors, lockdown, lockdown_at, lockdown_by, lockdown_reason
		FROM v_area_area `+where+` ORDER BY id`, args...)
	if err != nil {
		return nil, err
	}
	areas := make([]Area, len(rows))
	for i, row := range rows {
		if areas[i], err = row.area(); err != nil {
			return nil, err
		}
	}
	return areas, nil
}

func (r areaRow) area() (Area, error) {
	at, err := period.Time(r.LockdownAt)
	if err != nil {
		return Area{}, err
	}
	a := Area{
		ID: r.ID, Name: r.Name, Grade: r.Grade, Record: access.RecordMode(r.Record), Owner: r.Owner, OwnerName: r.OwnerName, Doors: r.Doors, Version: r.N,
		Lockdown: Lockdown{On: r.Lockdown, At: at, By: r.LockdownBy, Reason: r.LockdownReason},
	}
	err = json.Unmarshal([]byte(r.Rules), &a.Rules)
	a.Unlock = r.Unlock
	return a, fault.Wrap(fault.Internal, err, "read stored rules")
}

// Doors lists every door in the order of ids.
func (r *Register) Doors(ctx context.Context, actor store.Actor) ([]Door, error) {
	var doors []Door
	err := r.read(ctx, actor, func(q store.Queryer) error {
		var err error
		doors, err = selectDoors(ctx, q, ``)
		return err
	})
	return doors, err
}

func getDoor(ctx context.Context, q store.Queryer, id string) (Door, error) {
	doors, err := selectDoors(ctx, q, `WHERE id = ?`, id)
	if err == nil && len(doors) == 0 {
		err = fault.New(fault.NotFound, noDoor, fmt.Sprintf("no door %.40q", id))
	}
	if err != nil {
		return Door{}, err
	}
	return doors[0], nil
}

func selectDoors(ctx context.Context, q store.Queryer, where string, args ...any) ([]Door, error) {
	var rows []struct {
		ID, Name, Area, Controller string
		AreaName                   string `db:"area_name"`
		Entry                      string `db:"entry_readers"`
		Exit                       string `db:"exit_readers"`
		Interlock                  string
		ReleaseMS                  int `db:"release_ms"`
		HeldMS                     int `db:"held_ms"`
		N                          int64
	}
	err := q.Select(ctx, &rows, `SELECT id, n, name, area, area_name, controller, entry_readers, exit_readers, release_ms, held_ms, interlock
		FROM v_area_door `+where+` ORDER BY id`, args...)
	if err != nil {
		return nil, err
	}
	doors := make([]Door, len(rows))
	for i, row := range rows {
		d := Door{
			ID: row.ID, Name: row.Name, Area: row.Area, AreaName: row.AreaName, Controller: row.Controller,
			ReleaseMS: row.ReleaseMS, HeldMS: row.HeldMS, Interlock: row.Interlock, Version: row.N,
		}
		if err := parse(row.Entry, &d.EntryReaders); err != nil {
			return nil, err
		}
		if err := parse(row.Exit, &d.ExitReaders); err != nil {
			return nil, err
		}
		doors[i] = d
	}
	return doors, nil
}

// parse reads what list wrote.
func parse[T any](text string, into *[]T) error {
	return fault.Wrap(fault.Internal, json.Unmarshal([]byte(text), into), "read a stored list")
}

// Rights lists rights in the order of ids.
func (r *Register) Rights(ctx context.Context, actor store.Actor, f RightFilter) ([]Right, error) {
	where, args := `WHERE id > ?`, []any{f.After}
	if f.Person != "" {
		where, args = where+` AND person = ?`, append(args, f.Person)
	}
	if f.Area != "" {
		where, args = where+` AND area = ?`, append(args, f.Area)
	}
	if !f.Withdrawn {
		where, args = where+` AND state = ?`, append(args, stateGranted)
	}
	args = append(args, field.Limit(f.Limit))
	var rights []Right
	err := r.read(ctx, actor, func(q store.Queryer) error {
		var err error
		rights, err = selectRights(ctx, q, where+` ORDER BY id LIMIT ?`, args...)
		return err
	})
	return rights, err
}

func getRight(ctx context.Context, q store.Queryer, id string) (Right, error) {
	rights, err := selectRights(ctx, q, `WHERE id = ?`, id)
	if err == nil && len(rights) == 0 {
		err = fault.New(fault.NotFound, noRight, fmt.Sprintf("no right %.40q", id))
	}
	if err != nil {
		return Right{}, err
	}
	return rights[0], nil
}

func selectRights(ctx context.Context, q store.Queryer, where string, args ...any) ([]Right, error) {
	var rows []struct {
		ID, Person, Area, Schedule, State string
		N                                 int64
		PersonName                        string `db:"person_name"`
		AreaName                          string `db:"area_name"`
		ScheduleName                      string `db:"schedule_name"`
		From                              string `db:"valid_from"`
		Until                             string `db:"valid_until"`
		Escort, Lockdown                  bool
		First                             bool `db:"first_in"`
	}
	err := q.Select(ctx, &rows, `SELECT id, n, person, area, schedule, valid_from, valid_until, state, escort, first_in, lockdown, person_name, area_name,
		schedule_name FROM v_area_right `+where, args...)
	if err != nil {
		return nil, err
	}
	rights := make([]Right, len(rows))
	for i, row := range rows {
		p, err := period.Parse(row.From, row.Until)
		if err != nil {
			return nil, err
		}
		rights[i] = Right{
			ID: row.ID, Person: row.Person, PersonName: row.PersonName, Area: row.Area, AreaName: row.AreaName,
			Schedule: row.Schedule, ScheduleName: row.ScheduleName, Period: p, Escort: row.Escort, First: row.First, Lockdown: row.Lockdown,
			Withdrawn: row.State == stateWithdrawn, Version: row.N,
		}
	}
	return rights, nil
}

// AreaHistory returns every change of an area, oldest first.
func (r *Register) AreaHistory(ctx context.Context, actor store.Actor, id string) ([]history.Change, error) {
	return r.history(ctx, actor, areaCount, noArea, id,
		`SELECT n, at, actor, reason, approved_by, name, grade, record, COALESCE(owner, '') AS owner, COALESCE(rules, '{}') AS rules, COALESCE(unlock, '') AS unlock
		FROM area_version WHERE id = ? ORDER BY n`)
}

// DoorHistory returns every change of a door, oldest first.
func (r *Register) DoorHistory(ctx context.Context, actor store.Actor, id string) ([]history.Change, error) {
	return r.history(ctx, actor, doorCount, noDoor, id,
		`SELECT n, at, actor, reason, approved_by, name, area, controller, entry_readers, exit_readers, release_ms, held_ms, COALESCE(interlock, '') AS interlock
		FROM door_version WHERE id = ? ORDER BY n`)
}

// ScheduleHistory returns every change of a schedule, oldest first.
func (r *Register) ScheduleHistory(ctx context.Context, actor store.Actor, id string) ([]history.Change, error) {
	return r.history(ctx, actor, scheduleCount, noSchedule, id,
		`SELECT n, at, actor, reason, approved_by, name, windows, COALESCE(holidays, 0) AS holidays, COALESCE(special, 'null') AS special
		FROM schedule_version WHERE id = ? ORDER BY n`)
}

// RightHistory returns every change of a right, oldest first.
func (r *Register) RightHistory(ctx context.Context, actor store.Actor, id string) ([]history.Change, error) {
	return r.history(ctx, actor, `SELECT COUNT(*) FROM access_right WHERE id = ?`, noRight, id,
		`SELECT n, at, actor, reason, approved_by, person, area, schedule, valid_from, valid_until, state,
		COALESCE(escort, 0) AS escort, COALESCE(first_in, 0) AS first_in, COALESCE(lockdown, 0) AS lockdown
		FROM access_right_version WHERE id = ? ORDER BY n`)
}

func (r *Register) history(ctx context.Context, actor store.Actor, count, code, id, query string) ([]history.Change, error) {
	var changes []history.Change
	err := r.read(ctx, actor, func(q store.Queryer) error {
		if err := known(ctx, q, count, code, id); err != nil {
			return err
		}
		var err error
		changes, err = history.Read(ctx, q, query, id)
		return err
	})
	return changes, err
}
