package timeservice

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/internal/event"
)

var noon = time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC)

func at(mono time.Duration) Moment { return Moment{Mono: mono, At: noon.Add(mono)} }

func kinds(events []event.Event) (list []event.Kind) {
	for _, e := range events {
		list = append(list, e.Kind)
	}
	return list
}

// R121-1, case 26: a clock that nobody sets is an alarm after a day, to the moment, not before.
func TestAClockThatNobodySetsIsAnAlarmAfterADay(t *testing.T) {
	s := Resume(Kept{}, at(0))
	for _, c := range []struct {
		after time.Duration
		set   bool
		says  event.Kind
		why   string
	}{
		{time.Hour, true, "", "set"},
		{25*time.Hour - 1, false, "", "a moment less than a day"},
		{25 * time.Hour, false, event.ClockUnset, "not set since 2026-11-27T04:00:00Z"},
		{49*time.Hour - 1, false, "", "said already today"},
		{49 * time.Hour, false, event.ClockUnset, "not set since 2026-11-27T04:00:00Z"},
		{50 * time.Hour, true, event.ClockSet, "not set since 2026-11-27T04:00:00Z"},
		{51 * time.Hour, true, "", "set, and nothing to end"},
		{74 * time.Hour, false, "", "23 hours after"},
	} {
		var events []event.Event
		s, events = s.Hear(c.set, at(c.after))
		if c.says == "" && len(events) != 0 || c.says != "" && (len(events) != 1 || events[0].Kind != c.says || events[0].Detail != c.why) {
			t.Errorf("%v, %s: %+v", c.after, c.why, events)
		}
		if want := c.says == event.ClockUnset || c.why == "said already today"; s.Stands() != want {
			t.Errorf("%v: the alarm stands: %v", c.after, s.Stands())
		}
	}
}

// However often the program is started again, and however long it is away, alarms come as from one that never stopped: the model is a list of the
// moments at which the clock was set.
func TestARestartChangesNothingOfTheCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now, began := time.Duration(0), time.Duration(0)
		s := Resume(Kept{}, at(0))
		set, said, stands := time.Duration(0), time.Duration(0), false
		for range rapid.IntRange(1, 60).Draw(t, "length") {
			now += time.Duration(rapid.IntRange(1, 40*3600).Draw(t, "seconds")) * time.Second
			here := Moment{Mono: now - began, At: noon.Add(now)}
			if rapid.IntRange(0, 3).Draw(t, "restart") == 0 {
				k := s.Keep(here)
				now += time.Duration(rapid.IntRange(1, 40*3600).Draw(t, "away")) * time.Second
				began = now
				here = Moment{At: noon.Add(now)}
				s = Resume(k, here)
			}
			is := rapid.Bool().Draw(t, "set")
			var want []event.Kind
			switch {
			case is && stands:
				want = []event.Kind{event.ClockSet}
				fallthrough
			case is:
				set, stands = now, false
			case now-set >= 24*time.Hour && (!stands || now-said >= 24*time.Hour):
				want, said, stands = []event.Kind{event.ClockUnset}, now, true
			}
			next, events := s.Hear(is, here)
			s = next
			if got := kinds(events); len(got) != len(want) || len(got) == 1 && got[0] != want[0] {
				t.Fatalf("at %v, set %v: %v, want %v", now, is, got, want)
			}
		}
	})
}

// R121-1: a wall clock that is moved does not move the day.
func TestTheDayIsNotThatOfTheWallClock(t *testing.T) {
	for _, jump := range []time.Duration{-10 * time.Hour, 10 * time.Hour, 20 * 365 * 24 * time.Hour} {
		s := Resume(Kept{}, at(0))
		s, _ = s.Hear(true, at(0))
		if _, events := s.Hear(false, Moment{Mono: 24*time.Hour - 1, At: noon.Add(jump)}); len(events) != 0 {
			t.Errorf("moved by %v, too early: %+v", jump, events)
		}
		if _, events := s.Hear(false, Moment{Mono: 24 * time.Hour, At: noon.Add(jump)}); len(events) != 1 {
			t.Errorf("moved by %v: %+v", jump, events)
		}
	}
}
