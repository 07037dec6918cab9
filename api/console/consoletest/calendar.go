package consoletest

import (
	"context"
	"slices"

	"kanmon/internal/access"
	"kanmon/internal/access/timetable"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/calendar"
	"kanmon/lifecycle/calendar/holiday"
)

// Schedules is a register of timetables in memory.
type Schedules struct {
	All    []area.Schedule
	Last   area.Schedule // what was entered or changed last
	Reason string
	Fail   error
}

// SomeSchedules are office hours that tell holidays apart, and nights.
func SomeSchedules() *Schedules {
	all, _ := Areas{}.Schedules(context.Background(), store.Actor{})
	all[0].Holidays = true
	all[0].Windows = append(all[0].Windows, access.Window{Day: access.Holiday, From: 540, Until: 720})
	all[0].Special = []access.SpecialDay{{Date: "2026-09-20", Windows: []access.Span{{From: 510, Until: 720}}}, {Date: "2026-09-30"}}
	return &Schedules{All: all}
}

// Schedules implements calendar.Schedules.
func (s *Schedules) Schedules(context.Context, store.Actor) ([]area.Schedule, error) {
	return s.All, nil
}

// AddSchedule implements calendar.Schedules.
func (s *Schedules) AddSchedule(_ context.Context, _ store.Actor, n area.Schedule) (area.Schedule, error) {
	s.Last = n
	if n.Name == "" {
		return n, fault.BadField("name", "field.required", "no name")
	}
	return n, s.Fail
}

// ChangeSchedule implements calendar.Schedules.
func (s *Schedules) ChangeSchedule(_ context.Context, _ store.Actor, reason string, n area.Schedule) error {
	s.Last, s.Reason = n, reason
	if reason == "" {
		return fault.BadField("reason", "field.required", "no reason")
	}
	return s.Fail
}

// Days is a calendar in memory.
type Days struct {
	All    []calendar.Day // what it answers, as far as asked for
	Until  string         // doors know of days before it
	Last   calendar.Own   // what was put or removed last
	Reason string
	Fail   error
}

// SomeDays are those of the law in 2026 and 2027, and two of the city's own in September 2026.
func SomeDays(hostile string) *Days {
	d := &Days{Until: "2028-04-01"}
	for _, year := range []int{2026, 2027} {
		law, _ := holiday.WithYearEnd(year) // known
		for _, x := range law {
			d.All = append(d.All, calendar.Day{Date: x.Date, Holiday: true, Law: x.Kind})
		}
	}
	own, _ := timetable.Date("2026-09-23") // a constant
	i := slices.IndexFunc(d.All, func(x calendar.Day) bool { return x.Date == own })
	d.All[i].Own, d.All[i].Name, d.All[i].Holiday = calendar.Open, hostile+"窓口開庁", false
	d.All = slices.Insert(d.All, i+1, calendar.Day{Date: own + 2, Holiday: true, Own: calendar.Closed, Name: hostile + "電気設備点検"})
	return d
}

// Days implements calendar.Days.
func (d *Days) Days(_ context.Context, _ store.Actor, from, to timetable.Day) (days []calendar.Day, err error) {
	for _, x := range d.All {
		if x.Date >= from && x.Date <= to {
			days = append(days, x)
		}
	}
	return days, nil
}

// ForDoors implements calendar.Days.
func (d *Days) ForDoors(context.Context) (timetable.Calendar, error) {
	return timetable.Calendar{Until: d.Until}, nil
}

// Put implements calendar.Days.
func (d *Days) Put(_ context.Context, _ store.Actor, reason string, o calendar.Own) error {
	d.Last, d.Reason = o, reason
	return d.Fail
}

// Remove implements calendar.Days.
func (d *Days) Remove(_ context.Context, _ store.Actor, reason, date string) error {
	d.Last, d.Reason = calendar.Own{Date: date}, reason
	return d.Fail
}
