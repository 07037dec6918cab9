package timetable_test

import (
	"fmt"
	"slices"
	"testing"
	"time"
	_ "time/tzdata" // the machine of the test need not have it

	"pgregory.net/rapid"

	"kanmon/internal/access/timetable"
)

// tokyo is the zone as the time zone database has it, not nine hours as the code under test has them.
var tokyo = func() *time.Location {
	zone, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		panic(err)
	}
	return zone
}()

// model walks the windows of today and yesterday with the calendar of package time.
func model(s timetable.Schedule, c timetable.Calendar, at time.Time) bool {
	today := at.In(tokyo)
	for _, day := range []time.Time{today, today.AddDate(0, 0, -1)} {
		for _, w := range windowsOn(s, c, day) {
			until := w.Until
			if until <= w.From {
				until += 24 * 60
			}
			from := time.Date(day.Year(), day.Month(), day.Day(), 0, w.From, 0, 0, tokyo)
			end := time.Date(day.Year(), day.Month(), day.Day(), 0, until, 0, 0, tokyo)
			if !at.Before(from) && at.Before(end) {
				return true
			}
		}
	}
	return false
}

func windowsOn(s timetable.Schedule, c timetable.Calendar, day time.Time) (windows []timetable.Span) {
	date := day.Format("2006-01-02")
	for _, special := range s.Special {
		if special.Date == date {
			return special.Windows
		}
	}
	kind := int(day.Weekday())
	if s.Holidays && (c.Until == "" || date >= c.Until) {
		return nil
	}
	if s.Holidays && slices.Contains(c.Holidays, date) {
		kind = 7
	}
	for _, w := range s.Windows {
		if w.Day == kind {
			windows = append(windows, timetable.Span{From: w.From, Until: w.Until})
		}
	}
	return windows
}

// someDay is any of 400 years, and often the end of a year or of February.
func someDay(t *rapid.T) time.Time {
	year := rapid.IntRange(1971, 2370).Draw(t, "year")
	return rapid.SampledFrom([]time.Time{
		time.Date(year, 12, 31, 0, 0, 0, 0, tokyo),
		time.Date(year, 2, 28, 0, 0, 0, 0, tokyo),
		time.Date(year, 1, 1+rapid.IntRange(0, 365).Draw(t, "day of the year"), 0, 0, 0, 0, tokyo),
	}).Draw(t, "day")
}

// around draws different dates, all within some days of a day.
func around(t *rapid.T, day time.Time, label string) (dates []string) {
	for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(-3, 3), 0, 4, rapid.ID[int]).Draw(t, label) {
		dates = append(dates, day.AddDate(0, 0, n).Format("2006-01-02"))
	}
	return dates
}

func spans(t *rapid.T, label string) (windows []timetable.Span) {
	minute := rapid.SampledFrom([]int{0, 1, 360, 510, 720, 1035, 1320, 1439})
	for range rapid.IntRange(0, 3).Draw(t, label) {
		until := minute.Draw(t, "until")
		if rapid.IntRange(0, 3).Draw(t, "to the end") == 0 {
			until = 1440
		}
		windows = append(windows, timetable.Span{From: minute.Draw(t, "from"), Until: until})
	}
	return windows
}

func anySchedule(t *rapid.T, day time.Time, id string) timetable.Schedule {
	s := timetable.Schedule{ID: id, Holidays: rapid.Bool().Draw(t, "holidays")}
	for kind := range 8 {
		if kind == 7 && !s.Holidays {
			continue
		}
		for _, w := range spans(t, "windows") {
			s.Windows = append(s.Windows, timetable.Window{Day: kind, From: w.From, Until: w.Until})
		}
	}
	for _, date := range around(t, day, "special days") {
		s.Special = append(s.Special, timetable.SpecialDay{Date: date, Windows: spans(t, "special windows")})
	}
	return s
}

func anyCalendar(t *rapid.T, day time.Time) (c timetable.Calendar) {
	switch rapid.IntRange(0, 3).Draw(t, "known") {
	case 0:
		return c
	case 1:
		c.Until = day.AddDate(0, 0, rapid.IntRange(-3, 3).Draw(t, "until")).Format("2006-01-02")
	default:
		c.Until = day.AddDate(1, 0, 0).Format("2006-01-02")
	}
	for _, date := range around(t, day, "holidays") {
		if date < c.Until {
			c.Holidays = append(c.Holidays, date)
		}
	}
	return c
}

// R43-2: on any day of four hundred years, in a leap year or at its end, a schedule is open when the model says so, to the second.
func TestR43_2_SchedulesAgreeWithTheCalendarOverFourHundredYears(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		day := someDay(t)
		c := anyCalendar(t, day)
		schedules := []timetable.Schedule{anySchedule(t, day, "a"), anySchedule(t, day, "b")}
		tables, err := timetable.Compile(schedules, c)
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			minute := rapid.SampledFrom([]int{0, 1, 360, 510, 720, 1035, 1320, 1439, 1440}).Draw(t, "minute")
			at := day.AddDate(0, 0, rapid.IntRange(-4, 4).Draw(t, "days off")).Add(time.Duration(minute) * time.Minute)
			at = at.Add(time.Duration(rapid.SampledFrom([]int{-1, 0, 1, 59}).Draw(t, "second")) * time.Second)
			for i, s := range schedules {
				if got, want := tables[i].Open(timetable.At(at.Unix())), model(s, c, at); got != want {
					t.Fatalf("%+v with %+v at %v: open %t, the model says %t", s, c, at, got, want)
				}
			}
		}
	})
}

// The hours of a day that people are shown are those at which the door opens.
func TestTheHoursOfADayAreTheMinutesAtWhichItIsOpen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		day := someDay(t)
		c := anyCalendar(t, day)
		s := anySchedule(t, day, "a")
		tables, err := timetable.Compile([]timetable.Schedule{s}, c)
		if err != nil {
			t.Fatal(err)
		}
		shown := make([]bool, 1440)
		last := -1
		for _, w := range tables[0].Day(timetable.DayOf(day.Unix())) {
			if w.From <= last || w.Until <= w.From {
				t.Fatalf("spans out of order or touching: %v", tables[0].Day(timetable.DayOf(day.Unix())))
			}
			last = w.Until
			for m := w.From; m < w.Until; m++ {
				shown[m] = true
			}
		}
		for m := range shown {
			if at := day.Add(time.Duration(m) * time.Minute); shown[m] != model(s, c, at) {
				t.Fatalf("%+v with %+v at %v: shown %t", s, c, at, shown[m])
			}
		}
	})
}

// A day knows its name, its weekday and its moments as package time does.
func TestDaysAreThoseOfTheCalendar(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		day := someDay(t)
		d := timetable.DayOf(day.Unix() + rapid.Int64Range(0, 86_399).Draw(t, "second"))
		if d.String() != day.Format("2006-01-02") || d.Weekday() != int(day.Weekday()) {
			t.Fatalf("%v is %s, a %d", day, d, d.Weekday())
		}
		if back, err := timetable.Date(fmt.Sprint(d)); err != nil || back != d {
			t.Fatalf("%s is read as %v, %v", d, back, err)
		}
	})
}
