package clock

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var started = time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)

func TestTheClockIsBelievedAgainPastTheFloor(t *testing.T) {
	c := New(started, Moment{Wall: started.Add(-time.Hour)})
	c, r := c.Read(Moment{Wall: started.Add(-time.Hour), Mono: 0})
	if r.Sure || !r.At.Equal(started) || !r.DecideAt().IsZero() {
		t.Fatalf("below the floor: %+v", r)
	}
	c, r = c.Read(Moment{Wall: started.Add(-time.Hour + time.Minute), Mono: time.Minute})
	if r.Sure || !r.At.Equal(started.Add(time.Minute)) {
		t.Fatalf("a minute later: %+v", r)
	}
	_, r = c.Read(Moment{Wall: started.Add(2 * time.Minute), Mono: 2 * time.Minute})
	if !r.Sure || !r.At.Equal(started.Add(2*time.Minute)) || r.Stepped != time.Hour {
		t.Fatalf("set right: %+v", r)
	}
}

// The time of an event never lies before one that was journalled while the clock was believed.
func TestUnsureTimesNeverFallBehind(t *testing.T) {
	c := New(started, Moment{Wall: started})
	c, _ = c.Read(Moment{Wall: started.Add(time.Hour), Mono: time.Hour})
	_, r := c.Read(Moment{Wall: started, Mono: time.Hour + time.Second})
	if r.Sure || !r.At.Equal(started.Add(time.Hour+time.Second)) {
		t.Fatalf("reading %+v", r)
	}
}

// R121-1: however the wall clock is set, forwards and back, it moves nothing that a later run begins with; that is never after the true time, and
// a clock that is right is believed as soon as the centre has said the time.
func TestTheWallClockProvesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		truth := func(mono time.Duration) time.Time { return started.Add(48*time.Hour + mono) }
		wall := truth
		var mono time.Duration
		c := New(started, Moment{Wall: wall(0)})
		for range rapid.IntRange(1, 30).Draw(t, "length") {
			mono += time.Duration(rapid.IntRange(0, 3600).Draw(t, "seconds")) * time.Second
			switch rapid.SampledFrom([]string{"set", "right", "centre", "signed", "read"}).Draw(t, "do") {
			case "set":
				off := time.Duration(rapid.IntRange(-1_000_000, 1_000_000).Draw(t, "off")) * time.Minute
				wall = func(mono time.Duration) time.Time { return truth(mono).Add(off) }
			case "right":
				wall = truth
			case "centre":
				made := mono - time.Duration(rapid.IntRange(0, 5).Draw(t, "on its way"))*time.Second
				c = c.Prove(truth(max(made, 0)), max(made, 0), mono)
				var r Reading
				if _, r = c.Read(Moment{Wall: truth(mono), Mono: mono}); !r.Sure {
					t.Fatalf("the right time is not believed: %+v", r)
				}
			case "signed":
				c = c.Raise(truth(mono).Add(-time.Duration(rapid.IntRange(0, 100).Draw(t, "old"))*time.Hour), mono)
			case "read":
				var r Reading
				if c, r = c.Read(Moment{Wall: wall(mono), Mono: mono}); r.Sure && !r.At.Equal(wall(mono)) {
					t.Fatalf("reading %+v", r)
				}
			}
			if floor := c.Proven(mono); floor.After(truth(mono)) {
				t.Fatalf("at %v a later run begins at %v", truth(mono), floor)
			}
		}
	})
}
