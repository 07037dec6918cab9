package area

import (
	"context"
	"fmt"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/field"
)

// Schedule is a weekly timetable in Japan Standard Time, with what holds on holidays and on special days (package timetable).
type Schedule struct {
	ID       string              `json:"id"`   // chosen, ASCII
	Name     string              `json:"name"` // at most 64 characters
	Windows  []access.Window     `json:"windows"`
	Holidays bool                `json:"holidays,omitempty"` // on a holiday the windows of day 7 hold, not the weekday's
	Special  []access.SpecialDay `json:"special,omitempty"`
	Version  int64               `json:"-"` // in answers: from 1
}

// Access is the schedule as doors have it.
func (s Schedule) Access() access.Schedule {
	return access.Schedule{ID: s.ID, Name: s.Name, Windows: s.Windows, Holidays: s.Holidays, Special: s.Special}
}

const (
	mostWindows = 8 * 24 // hour by hour, for a week and for holidays
	mostSpecial = 400    // more than a year of days
	mostSpans   = 24     // of one special day
)

func (s *Schedule) check() error {
	err := field.ID("id", s.ID)
	if err == nil {
		s.Name, err = field.Text("name", s.Name, 64)
	}
	if err != nil {
		return err
	}
	if len(s.Windows)+len(s.Special) == 0 || len(s.Windows) > mostWindows {
		return fault.BadField("windows", "area.windows", fmt.Sprintf("%d windows", len(s.Windows)))
	}
	for _, w := range s.Windows {
		if err := w.Validate(); err != nil {
			return fault.BadField("windows", "area.window", err.Error())
		}
		if w.Day == access.Holiday && !s.Holidays {
			return fault.BadField("windows", "area.holiday_window", "windows of holidays where holidays are days like others")
		}
	}
	return s.checkSpecial()
}

func (s *Schedule) checkSpecial() error {
	if len(s.Special) > mostSpecial {
		return fault.BadField("special", "area.special_many", fmt.Sprintf("%d special days", len(s.Special)))
	}
	seen := map[string]bool{}
	for _, d := range s.Special {
		if err := d.Validate(); err != nil || len(d.Windows) > mostSpans {
			return fault.BadField("special", "area.special_day", fmt.Sprintf("%.20q with %d windows: %v", d.Date, len(d.Windows), err))
		}
		if seen[d.Date] {
			return fault.BadField("special", "area.special_twice", d.Date+" twice")
		}
		seen[d.Date] = true
	}
	return nil
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

// listOrNone is list, and null for an empty one, which reads back as none.
func listOrNone[T any](v []T) string {
	if len(v) == 0 {
		return "null"
	}
	return list(v)
}

// ChangeSchedule gives a schedule a new name, windows and special days.
func (r *Register) ChangeSchedule(ctx context.Context, actor store.Actor, reason string, s Schedule) error {
	reason, err := field.Text("reason", reason, 200)
	if err == nil {
		err = s.check()
	}
	if err != nil {
		return fmt.Errorf("change schedule: %w", err)
	}
	return r.submit(ctx, actor, "change schedule", s.wish(reason), nil)
}

var changeSchedule = approval.Maker[Schedule]{
	Check: func(ctx context.Context, tx *store.Tx, s Schedule) error {
		return known(ctx, tx, scheduleCount, noSchedule, s.ID)
	},
	Apply: func(ctx context.Context, tx *store.Tx, s Schedule) error {
		if err := s.keep(ctx, tx); err != nil {
			return err
		}
		return device.WantForSchedule(ctx, tx, s.ID)
	},
	Version: approval.VersionOf("schedule"),
}

// schedulesNow adds the versions of schedules, each once: what is approved with them is approved with their hours.
func schedulesNow(ctx context.Context, q store.Queryer, ids ...string) (n int64, err error) {
	err = q.Get(ctx, &n, `SELECT COALESCE(SUM(n), 0) FROM schedule WHERE id IN (?, `+places(ids[1:])+`)`, args(ids[0], ids[1:])...)
	return n, err
}

func (s Schedule) keep(ctx context.Context, tx *store.Tx) error {
	holidays := int64(0)
	if s.Holidays {
		holidays = 1
	}
	_, err := tx.Version(ctx, "schedule", s.ID, store.Row{
		{Name: "holidays", Value: holidays}, {Name: "name", Value: s.Name}, {Name: "special", Value: listOrNone(s.Special)}, {Name: "windows", Value: list(s.Windows)},
	}, nil)
	return err
}

// Schedules lists every schedule in the order of ids.
func (r *Register) Schedules(ctx context.Context, actor store.Actor) ([]Schedule, error) {
	var schedules []Schedule
	err := r.read(ctx, actor, func(q store.Queryer) (err error) {
		schedules, err = selectSchedules(ctx, q, ``)
		return err
	})
	return schedules, err
}

func getSchedule(ctx context.Context, q store.Queryer, id string) (Schedule, error) {
	schedules, err := selectSchedules(ctx, q, `WHERE s.id = ?`, id)
	if err == nil && len(schedules) == 0 {
		err = fault.New(fault.NotFound, noSchedule, fmt.Sprintf("no schedule %.40q", id))
	}
	if err != nil {
		return Schedule{}, err
	}
	return schedules[0], nil
}

func selectSchedules(ctx context.Context, q store.Queryer, where string, args ...any) ([]Schedule, error) {
	var rows []struct {
		ID, Name, Windows, Special string
		Holidays, N                int64
	}
	err := q.Select(ctx, &rows, `SELECT s.id, s.n, v.name, v.windows,
		COALESCE(v.holidays, 0) AS holidays, COALESCE(v.special, 'null') AS special FROM schedule s
		JOIN schedule_version v ON v.id = s.id AND v.n = s.n `+where+` ORDER BY s.id`, args...)
	if err != nil {
		return nil, err
	}
	schedules := make([]Schedule, len(rows))
	for i, row := range rows {
		s := Schedule{ID: row.ID, Name: row.Name, Holidays: row.Holidays != 0, Version: row.N}
		if err := parse(row.Windows, &s.Windows); err != nil {
			return nil, err
		}
		if err := parse(row.Special, &s.Special); err != nil {
			return nil, err
		}
		schedules[i] = s
	}
	return schedules, nil
}
