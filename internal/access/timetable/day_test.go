package timetable_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/internal/access/timetable"
)

// R43-1: hours of a day widen exactly if, with nothing left over from the day before and nothing on the next, the model is open at a minute at which it was
// not. Whatever stands on the days around, a minute that opens is then never one of hours that are said not to widen.
func TestHoursOfADayWidenWhenTheModelOpensAMinuteMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		day := someDay(t)
		date, known := day.Format("2006-01-02"), day.AddDate(1, 0, 0).Format("2006-01-02")
		s := anySchedule(t, day, "a")
		d, err := timetable.Date(date)
		if err != nil {
			t.Fatal(err)
		}
		around := anyCalendar(t, day)
		with := func(holiday bool) timetable.Calendar {
			c := timetable.Calendar{Until: known}
			for _, h := range around.Holidays {
				if h != date {
					c.Holidays = append(c.Holidays, h)
				}
			}
			if holiday {
				c.Holidays = append(c.Holidays, date)
			}
			return c
		}
		alone := s // the days beside it are closed
		alone.Special = nil
		for _, special := range s.Special {
			if special.Date == date {
				alone.Special = append(alone.Special, special)
			}
		}
		for _, n := range []int{-1, 1} {
			alone.Special = append(alone.Special, timetable.SpecialDay{Date: day.AddDate(0, 0, n).Format("2006-01-02")})
		}
		was := rapid.Bool().Draw(t, "was a holiday")
		widens := timetable.Widens(s.On(d, was), s.On(d, !was))
		same := timetable.Same(s.On(d, was), s.On(d, !was))
		opens, shuts := false, false
		for m := range 2 * timetable.MinutesOfDay {
			at := day.Add(time.Duration(m) * time.Minute)
			before, after := model(alone, with(was), at), model(alone, with(!was), at)
			opens, shuts = opens || after && !before, shuts || before && !after
			if !widens && model(s, with(!was), at) && !model(s, with(was), at) {
				t.Fatalf("%+v on %s, a holiday %t: opens at %v, and is said not to widen", s, date, !was, at)
			}
		}
		if widens != opens || same == (opens || shuts) {
			t.Fatalf("%+v on %s, a holiday %t: widens %t, same %t; the model opens %t, shuts %t", s, date, !was, widens, same, opens, shuts)
		}
	})
}
