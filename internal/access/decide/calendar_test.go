package decide_test

import (
	"slices"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
)

// holidayCity is smallCity where weekdays look at holidays, and Thursday, 2 July 2026 is one.
func holidayCity() access.Spec {
	s := smallCity()
	s.Calendar, s.CalendarUntil = []string{"2026-07-02"}, "2026-07-09"
	s.Schedules[0].Holidays = true
	s.Schedules[0].Special = []access.SpecialDay{{Date: "2026-07-04", Windows: []access.Span{{From: 600, Until: 720}}}, {Date: "2026-07-03"}}
	return s
}

// R43-2: holidays and special days count at the door; without a known time such a schedule stays shut, and beyond the calendar too.
func TestR43_2_HolidaysAndSpecialDaysCountAtTheDoor(t *testing.T) {
	p := compile(t, holidayCity())
	for at, want := range map[time.Time]access.Reason{
		jst(1, 12, 0): access.Granted,
		jst(2, 12, 0): access.OutsideSchedule, // the holiday
		jst(3, 12, 0): access.OutsideSchedule, // closed that day
		jst(4, 11, 0): access.Granted,         // a Saturday with hours of its own
		jst(4, 12, 0): access.OutsideSchedule,
		jst(8, 12, 0): access.Granted,
		jst(9, 12, 0): access.OutsideSchedule, // whether it is a holiday is not known any more
		{}:            access.TimeUnknown,
	} {
		if d := decide.Decide(p, decide.Request{Reader: "IN-1", Key: satoKey}, at); d.Reason != want {
			t.Errorf("%v: %+v, want %s", at, d, want)
		}
	}
}

// R43-1: a calendar that makes no sense refuses the whole policy.
func TestR43_1_ACalendarThatMakesNoSenseRefusesThePolicy(t *testing.T) {
	for name, spoil := range map[string]func(*access.Spec){
		"a holiday twice":               func(s *access.Spec) { s.Calendar = append(s.Calendar, s.Calendar[0]) },
		"29 February of 2027":           func(s *access.Spec) { s.Calendar, s.CalendarUntil = []string{"2027-02-29"}, "2028-01-01" },
		"a holiday beyond the calendar": func(s *access.Spec) { s.CalendarUntil = "2026-07-02" },
		"a special day twice":           func(s *access.Spec) { s.Schedules[0].Special[0].Date = "2026-07-03" },
		"a special day that is none":    func(s *access.Spec) { s.Schedules[0].Special[0].Date = "4 July" },
	} {
		s := holidayCity()
		spoil(&s)
		if p, err := decide.Compile(s); err == nil || p != nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestOrderPutsDatesInOrder(t *testing.T) {
	s := holidayCity()
	s.Calendar = []string{"2027-01-01", "2026-12-31", "2026-07-02"}
	access.Order(&s)
	if !slices.IsSorted(s.Calendar) {
		t.Errorf("calendar %v", s.Calendar)
	}
	i := slices.IndexFunc(s.Schedules, func(sc access.Schedule) bool { return sc.ID == weekdays })
	if special := s.Schedules[i].Special; special[0].Date != "2026-07-03" || special[1].Date != "2026-07-04" {
		t.Errorf("special days %v", special)
	}
}
