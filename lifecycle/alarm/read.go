package alarm

import (
	"context"
	"fmt"
	"strings"
	"time"

	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/alarm/raise"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/field"
	"kanmon/lifecycle/period"
)

// row is a row of v_alarm_line.
type row struct {
	kept
	N          int64
	ChangedAt  string `db:"changed_at"`
	ChangedBy  string `db:"changed_by"`
	Count      int
	FirstAt    string `db:"first_at"`
	LastAt     string `db:"last_at"`
	LastLeaf   int64  `db:"last_leaf"`
	OverAt     string `db:"over_at"`
	DoorName   string `db:"door_name"`
	AreaName   string `db:"area_name"`
	Place      string
	PersonName string `db:"person_name"`
	CardLabel  string `db:"card_label"`
}

const lineColumns = `SELECT id, n, kind, severity, subject_kind, subject, controller, door, area, state, first_leaf, raised_at, taken_by, taken_at,
	escalations, escalated_at, told, note, changed_at, changed_by, count, first_at, last_at, last_leaf, over_at,
	door_name, area_name, place, person_name, card_label FROM v_alarm_line`

func (r row) alarm() (Alarm, error) {
	a := Alarm{
		ID: r.ID, Key: raise.Of(r.Kind, r.About, r.Subject), SubjectName: r.name(), Severity: r.Severity, State: r.State,
		Controller: r.Controller, Place: r.Place, Door: r.Door, DoorName: r.DoorName, Area: r.Area, AreaName: r.AreaName,
		Count: r.Count, FirstEntry: r.FirstLeaf, LastEntry: r.LastLeaf, TakenBy: r.TakenBy, Escalations: r.Escalations,
		Told: strings.Fields(r.Told), Note: r.Note, Version: r.N,
	}
	closed := ""
	if a.State == Closed {
		a.ClosedBy, closed = r.ChangedBy, r.ChangedAt
	}
	for _, t := range []struct {
		text string
		into *time.Time
	}{
		{r.RaisedAt, &a.RaisedAt},
		{r.FirstAt, &a.FirstAt},
		{r.LastAt, &a.LastAt},
		{r.OverAt, &a.OverAt},
		{r.TakenAt, &a.TakenAt},
		{r.EscalatedAt, &a.EscalatedAt},
		{closed, &a.ClosedAt},
	} {
		var err error
		if *t.into, err = period.Time(t.text); err != nil {
			return Alarm{}, err
		}
	}
	return a, nil
}

// name is what the subject is called today.
func (r row) name() string {
	return map[About]string{Door: r.DoorName, Area: r.AreaName, Person: r.PersonName, Card: r.CardLabel}[r.About]
}

func (r *Register) read(ctx context.Context, actor store.Actor, fn func(store.Queryer) error) error {
	return r.store.Read(ctx, func(q store.Queryer) error {
		if err := actor.May(authz.AlarmRead); err != nil {
			return err
		}
		if err := fn(q); err != nil {
			return fmt.Errorf("read alarms: %w", err)
		}
		return nil
	})
}

// List returns alarms, newest first. Needs authz.AlarmRead.
func (r *Register) List(ctx context.Context, actor store.Actor, f Filter) ([]Alarm, error) {
	var rows []row
	err := r.read(ctx, actor, func(q store.Queryer) error {
		where, args, err := f.where(ctx, q)
		if err != nil {
			return err
		}
		return q.Select(ctx, &rows, lineColumns+where+` ORDER BY raised_at DESC, id DESC LIMIT ?`, append(args, field.Limit(f.Limit))...)
	})
	if err != nil {
		return nil, err
	}
	list := make([]Alarm, len(rows))
	for i, r := range rows {
		if list[i], err = r.alarm(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (f Filter) where(ctx context.Context, q store.Queryer) (string, []any, error) {
	where, args := ` WHERE 1 = 1`, []any{}
	switch f.State {
	case "":
	case Open:
		where += ` AND state <> 'closed'`
	case Raised, Acknowledged, Closed:
		where, args = where+` AND state = ?`, append(args, string(f.State))
	default:
		return "", nil, fault.BadField("state", "request.form", "no such state")
	}
	if f.Kind != "" {
		where, args = where+` AND kind = ?`, append(args, string(f.Kind))
	}
	if f.Door != "" {
		where, args = where+` AND door = ?`, append(args, f.Door)
	}
	if f.Before == "" {
		return where, args, nil
	}
	last, err := keptOf(ctx, q, f.Before)
	return where + ` AND (raised_at < ? OR (raised_at = ? AND id < ?))`, append(args, last.RaisedAt, last.RaisedAt, last.ID), err
}

func get(ctx context.Context, q store.Queryer, id string) (Alarm, error) {
	var found row
	err := q.Get(ctx, &found, lineColumns+` WHERE id = ?`, id)
	if fault.KindOf(err) == fault.NotFound {
		return Alarm{}, fault.New(fault.NotFound, "alarm.unknown", fmt.Sprintf("no alarm %.40q", id))
	}
	if err != nil {
		return Alarm{}, err
	}
	return found.alarm()
}

// Story is an alarm with what was done, oldest first, and the entries it counts, oldest first; of many the first hundred and the last one.
type Story struct {
	Alarm
	Steps   []Step
	Entries []entrylog.Entry
}

// Get returns one alarm with its story. Needs authz.AlarmRead.
func (r *Register) Get(ctx context.Context, actor store.Actor, id string) (Story, error) {
	var s Story
	err := r.read(ctx, actor, func(q store.Queryer) error {
		var err error
		if s.Alarm, err = get(ctx, q, id); err != nil {
			return err
		}
		if s.Steps, err = steps(ctx, q, id); err != nil {
			return err
		}
		s.Entries, err = s.entries(ctx, q)
		return err
	})
	return s, err
}

func steps(ctx context.Context, q store.Queryer, id string) ([]Step, error) {
	var rows []struct {
		N                           int64
		At, Actor, Step, Told, Note string
	}
	err := q.Select(ctx, &rows, `SELECT n, at, actor, step, told, note FROM alarm_version WHERE id = ? ORDER BY n`, id)
	if err != nil {
		return nil, err
	}
	list := make([]Step, len(rows))
	for i, r := range rows {
		list[i] = Step{N: r.N, Actor: r.Actor, What: r.Step}
		switch r.Step {
		case "escalated":
			list[i].Told = strings.Fields(r.Told)
		case string(Closed):
			list[i].Note = r.Note
		}
		if list[i].At, err = period.Time(r.At); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (s Story) entries(ctx context.Context, q store.Queryer) ([]entrylog.Entry, error) {
	var ids []int64
	if err := q.Select(ctx, &ids, `SELECT leaf FROM alarm_entry WHERE alarm = ? ORDER BY leaf`, s.ID); err != nil {
		return nil, err
	}
	if n := len(ids); n > 0 && ids[n-1] < s.LastEntry {
		ids = append(ids, s.LastEntry)
	}
	return entrylog.Of(ctx, q, ids)
}

// Standing is how many alarms are open, and how many of them nobody has acknowledged.
type Standing struct{ Open, Raised int }

// Standing counts. Needs authz.AlarmRead.
func (r *Register) Standing(ctx context.Context, actor store.Actor) (Standing, error) {
	var s Standing
	err := r.read(ctx, actor, func(q store.Queryer) error {
		return q.Get(ctx, &s, `SELECT COUNT(*) AS open, COALESCE(SUM(CASE WHEN state = 'raised' THEN 1 ELSE 0 END), 0) AS raised
			FROM alarm WHERE state <> 'closed'`)
	})
	return s, err
}
