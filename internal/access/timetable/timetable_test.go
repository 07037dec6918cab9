package timetable_test

import (
	"slices"
	"testing"
	"time"

	"kanmon/internal/access/timetable"
)

// on is a moment in Japan, "2026-07-01 08:30" or with seconds.
func on(tb testing.TB, text string) int64 {
	tb.Helper()
	layout := "2006-01-02 15:04:05"
	at, err := time.ParseInLocation(layout[:len(text)], text, tokyo)
	if err != nil {
		tb.Fatal(err)
	}
	return at.Unix()
}

func every(from, until int, days ...int) (w []timetable.Window) {
	for _, d := range days {
		w = append(w, timetable.Window{Day: d, From: from, Until: until})
	}
	return w
}

var weekdays = []int{1, 2, 3, 4, 5}

const (
	morning, evening = 8*60 + 30, 17*60 + 15
	night, dawn      = 22 * 60, 6 * 60
)

// 2027: 1 January is a Friday, 11 January (Monday) Coming of Age Day, 11 February (Thursday) National Foundation Day.
var winter2027 = timetable.Calendar{
	Holidays: []string{"2027-01-01", "2027-01-02", "2027-01-03", "2027-01-11", "2027-02-11"}, Until: "2028-04-01",
}

// R43-2; case 25 of time: 24:00, the leap day, the year's end, midnight and holidays together.
func TestR43_2_TheEdgesOfDays(t *testing.T) {
	office := timetable.Schedule{Holidays: true, Windows: every(morning, evening, weekdays...)}
	friday := timetable.Schedule{Holidays: true, Windows: every(night, dawn, 5)}
	holidayNight := timetable.Schedule{Holidays: true, Windows: append(every(night, dawn, 7), every(morning, evening, weekdays...)...)}
	for name, test := range map[string]struct {
		schedule timetable.Schedule
		open     []string
		shut     []string
	}{
		"office hours and holidays": {
			office,
			[]string{"2027-01-12 08:30", "2027-01-12 17:14:59", "2027-02-10 12:00"},
			[]string{"2027-01-11 08:30", "2027-01-11 12:00", "2027-02-11 12:00", "2027-01-01 12:00", "2027-01-12 08:29:59", "2027-01-12 17:15"},
		},
		"office hours where holidays are days like others": {
			timetable.Schedule{Windows: every(morning, evening, weekdays...)},
			[]string{"2027-01-11 12:00", "2027-01-01 12:00", "2031-01-01 12:00"},
			[]string{"2027-01-02 12:00"},
		},
		"until 24:00": {
			timetable.Schedule{Windows: every(night, 1440, 4)},
			[]string{"2026-12-31 22:00", "2026-12-31 23:59:59"},
			[]string{"2027-01-01 00:00", "2026-12-31 21:59:59"},
		},
		"over midnight into the new year": {
			timetable.Schedule{Windows: every(night, dawn, 4)},
			[]string{"2026-12-31 23:59:59", "2027-01-01 00:00", "2027-01-01 05:59:59"},
			[]string{"2027-01-01 06:00", "2027-01-01 22:00"},
		},
		"the leap day": {
			timetable.Schedule{Windows: every(morning, evening, 2)}, // 29 February 2028 is a Tuesday
			[]string{"2028-02-29 12:00"}, []string{"2028-02-28 12:00", "2028-03-01 12:00"},
		},
		"over midnight into the leap day and out of it": {
			timetable.Schedule{Special: []timetable.SpecialDay{{Date: "2028-02-29", Windows: []timetable.Span{{From: night, Until: dawn}}}}},
			[]string{"2028-02-29 22:00", "2028-03-01 05:59:59"},
			[]string{"2028-02-29 05:00", "2028-03-01 06:00", "2027-03-01 05:00"},
		},
		"Friday night into a holiday Saturday": {
			timetable.Schedule{Holidays: true, Windows: every(night, dawn, 5)}, // Friday 1 January 2027 is a holiday: nothing begins; the Friday after goes on
			[]string{"2027-01-08 22:00", "2027-01-09 05:59:59"}, []string{"2027-01-01 22:00", "2027-01-02 05:00"},
		},
		"a night that begins on a day like others goes on into a holiday": {
			timetable.Schedule{Holidays: true, Windows: every(night, dawn, 4, 5)},
			[]string{"2026-12-31 23:00", "2027-01-01 00:00", "2027-01-01 05:59:59"},
			[]string{"2027-01-01 06:00", "2027-01-01 22:00", "2027-01-02 00:00"},
		},
		"the night of a holiday goes on into Tuesday": {
			holidayNight,
			[]string{"2027-01-11 22:00", "2027-01-11 23:59:59", "2027-01-12 00:00", "2027-01-12 05:59:59", "2027-01-12 12:00"},
			[]string{"2027-01-11 12:00", "2027-01-12 06:00", "2027-01-12 22:00"},
		},
		"a special day on a holiday outranks it": {
			timetable.Schedule{Holidays: true, Windows: office.Windows, Special: []timetable.SpecialDay{{Date: "2027-01-11", Windows: []timetable.Span{{From: 600, Until: 720}}}}},
			[]string{"2027-01-11 10:00", "2027-01-11 11:59:59"},
			[]string{"2027-01-11 08:30", "2027-01-11 12:00"},
		},
		"a special day without windows is closed, and the night before goes on into it": {
			timetable.Schedule{Windows: every(night, dawn, 0, 1, 2, 3, 4, 5, 6), Special: []timetable.SpecialDay{{Date: "2027-03-28"}}},
			[]string{"2027-03-27 22:00", "2027-03-28 05:59:59", "2027-03-29 22:00"},
			[]string{"2027-03-28 06:00", "2027-03-28 22:00", "2027-03-29 00:00"},
		},
		"whole days": {
			timetable.Schedule{Windows: append(every(0, 1440, 3), every(0, 0, 4)...)}, // both say: from midnight to midnight
			[]string{"2026-12-30 00:00", "2026-12-30 23:59:59", "2026-12-31 00:00", "2026-12-31 23:59:59"}, []string{"2026-12-29 23:59:59", "2027-01-01 00:00"},
		},
		"a whole day from noon": {
			timetable.Schedule{Windows: every(720, 720, 5)},
			[]string{"2027-01-01 12:00", "2027-01-02 11:59:59"},
			[]string{"2027-01-01 11:59:59", "2027-01-02 12:00"},
		},
		"nothing": {timetable.Schedule{}, nil, []string{"2027-01-12 12:00"}},
		"beyond the calendar": {
			timetable.Schedule{
				Holidays: true, Windows: append(every(morning, evening, weekdays...), every(night, dawn, 5)...),
				Special: []timetable.SpecialDay{{Date: "2028-04-05", Windows: []timetable.Span{{From: morning, Until: evening}}}},
			},
			[]string{"2028-03-31 12:00", "2028-04-01 05:59:59", "2028-04-05 12:00"}, // Friday night, and the special day
			[]string{"2028-04-03 12:00", "2028-04-04 12:00", "2028-04-06 12:00"},
		},
		"Friday nights, for comparison": {friday, []string{"2027-01-15 22:00"}, []string{"2027-01-14 22:00"}},
	} {
		tables, err := timetable.Compile([]timetable.Schedule{test.schedule}, winter2027)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, at := range test.open {
			if !tables[0].Open(timetable.At(on(t, at))) {
				t.Errorf("%s: shut at %s", name, at)
			}
		}
		for _, at := range test.shut {
			if tables[0].Open(timetable.At(on(t, at))) {
				t.Errorf("%s: open at %s", name, at)
			}
		}
	}
}

// Nobody has said which days are holidays: what looks at them is shut.
func TestWithoutACalendarWhatLooksAtHolidaysIsShut(t *testing.T) {
	windows := every(0, 1440, 0, 1, 2, 3, 4, 5, 6)
	tables, err := timetable.Compile([]timetable.Schedule{{Holidays: true, Windows: windows}, {Windows: windows}}, timetable.Calendar{})
	if err != nil {
		t.Fatal(err)
	}
	if at := timetable.At(on(t, "2027-01-12 12:00")); tables[0].Open(at) || !tables[1].Open(at) {
		t.Errorf("open: %t and %t", tables[0].Open(at), tables[1].Open(at))
	}
}

// R43-1: what does not make sense is refused.
func TestR43_1_SchedulesAndCalendarsThatMakeNoSenseAreRefused(t *testing.T) {
	day := func(dates ...string) (s timetable.Schedule) {
		for _, d := range dates {
			s.Special = append(s.Special, timetable.SpecialDay{Date: d})
		}
		return s
	}
	window := func(day, from, until int) timetable.Schedule {
		return timetable.Schedule{Holidays: true, Windows: []timetable.Window{{Day: day, From: from, Until: until}}}
	}
	for name, s := range map[string]timetable.Schedule{
		"29 February of a common year":         day("2027-02-29"),
		"31 April":                             day("2027-04-31"),
		"month 13":                             day("2027-13-01"),
		"a short date":                         day("2027-3-1"),
		"a date with a time":                   day("2027-03-01T00:00:00Z"),
		"no date":                              day(""),
		"before 1970":                          day("1969-12-31"),
		"a year of five digits":                day("10000-01-01"),
		"a special day twice":                  day("2027-03-01", "2027-03-02", "2027-03-01"),
		"a ninth kind of day":                  window(8, 0, 60),
		"a day before Sunday":                  window(-1, 0, 60),
		"from the next day":                    window(7, 1440, 60),
		"a minute too late":                    window(7, 0, 1441),
		"before midnight":                      window(7, -1, 60),
		"until before midnight":                window(7, 0, -1),
		"windows of holidays without holidays": {Windows: []timetable.Window{{Day: 7, Until: 60}}},
		"a special window too late":            {Special: []timetable.SpecialDay{{Date: "2027-03-01", Windows: []timetable.Span{{Until: 1441}}}}},
	} {
		if _, err := timetable.Compile([]timetable.Schedule{s}, winter2027); err == nil || s.Validate() == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	for name, c := range map[string]timetable.Calendar{
		"a bad date":                  {Holidays: []string{"2027-02-29"}, Until: "2028-01-01"},
		"a bad end":                   {Until: "2028-02-30"},
		"a holiday twice":             {Holidays: []string{"2027-01-01", "2027-01-01"}, Until: "2028-01-01"},
		"a holiday that is not known": {Holidays: []string{"2028-01-01"}, Until: "2028-01-01"},
		"holidays without an end":     {Holidays: []string{"2028-01-01"}},
	} {
		if _, err := timetable.Compile(nil, c); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestTheHoursOfADayAreShownInOrder(t *testing.T) {
	s := timetable.Schedule{Windows: append(append(every(900, 960, 2), every(480, 540, 2)...), append(every(530, 600, 2), every(night, dawn, 1)...)...)}
	tables, err := timetable.Compile([]timetable.Schedule{s}, timetable.Calendar{})
	if err != nil {
		t.Fatal(err)
	}
	want := []timetable.Span{{From: 0, Until: 360}, {From: 480, Until: 600}, {From: 900, Until: 960}}
	if got := tables[0].Day(timetable.DayOf(on(t, "2027-01-12 12:00"))); !slices.Equal(got, want) { // a Tuesday
		t.Errorf("%v, want %v", got, want)
	}
}

// Twenty schedules of a city, with holidays and special days, are asked at once and cost a few pages of memory.
func TestOpenDoesNotAllocate(t *testing.T) {
	tables := busy(t)
	at := timetable.At(on(t, "2027-01-12 12:00"))
	if n := testing.AllocsPerRun(100, func() { tables[19].Open(at) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func busy(tb testing.TB) []timetable.Table {
	schedules := make([]timetable.Schedule, 20)
	for i := range schedules {
		schedules[i] = timetable.Schedule{Holidays: true, Windows: append(every(morning+i, evening, weekdays...), every(night, dawn+i, 6, 7)...)}
		for n := range 30 {
			date := time.Date(2027, 1, 1+7*n, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
			schedules[i].Special = append(schedules[i].Special, timetable.SpecialDay{Date: date, Windows: []timetable.Span{{From: morning, Until: 720}}})
		}
	}
	tables, err := timetable.Compile(schedules, winter2027)
	if err != nil {
		tb.Fatal(err)
	}
	return tables
}

func BenchmarkOpen(b *testing.B) {
	tables := busy(b)
	unix := on(b, "2027-01-12 12:00")
	b.ReportAllocs()
	for b.Loop() {
		tables[19].Open(timetable.At(unix))
	}
}
