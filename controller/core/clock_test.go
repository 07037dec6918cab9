package core

import (
	"slices"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/event"
)

// R121-1: a clock that moved is reported with how far it moved.
func TestAStepOfTheWallClockIsReported(t *testing.T) {
	for name, c := range map[string]struct {
		step   time.Duration
		detail string
	}{
		"forwards":            {time.Hour, "+3600.0 s"},
		"backwards":           {-10 * time.Minute, "-600.0 s"},
		"two seconds are not": {2 * time.Second, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, sitePolicy(t, 1))
			d.onDisk = nil
			d.now.Wall = d.now.Wall.Add(c.step)
			d.pass(time.Second)
			d.pass(time.Second)
			d.answer(nil)
			if c.detail == "" {
				if len(d.onDisk) != 0 {
					t.Fatalf("on disk %+v", d.onDisk)
				}
				return
			}
			if len(d.onDisk) != 1 || d.last().Kind != event.ClockStepped || d.last().Detail != c.detail {
				t.Fatalf("on disk %+v", d.onDisk)
			}
		})
	}
}

// R121-1: below what is certainly past the clock is not believed: nobody whose right depends on the time comes in,
// whoever may always come in does, and the events say that their time is unsure.
func TestATimeBelowTheFloorIsUnknown(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	d.onDisk = nil
	d.now.Wall = time.Date(1970, 1, 1, 0, 0, 1, 0, time.UTC)
	d.pass(10 * time.Second)
	d.step(Presented{"IN-1", keyMonday})
	d.step(Presented{"IN-1", keyAlways})
	d.answer(nil)
	if got, want := d.kinds(), []event.Kind{event.ClockStepped, event.AccessDenied, event.AccessGranted}; !slices.Equal(got, want) {
		t.Fatalf("on disk %v, want %v", got, want)
	}
	for _, e := range d.onDisk {
		if !e.Unsure || !e.At.Equal(started.Add(10*time.Second)) {
			t.Fatalf("event at %v, unsure %v", e.At, e.Unsure)
		}
	}
	if d.onDisk[1].Reason != access.TimeUnknown || !slices.Contains(d.core.Status(d.state).Trouble, "clock") {
		t.Fatalf("reason %s, trouble %v", d.onDisk[1].Reason, d.core.Status(d.state).Trouble)
	}
}

func TestTheClockIsBelievedAgainPastTheFloor(t *testing.T) {
	c := newClock(started, Moment{Wall: started.Add(-time.Hour)})
	c, r := c.read(Moment{Wall: started.Add(-time.Hour), Mono: 0})
	if r.sure || !r.at.Equal(started) || !r.decideAt().IsZero() {
		t.Fatalf("below the floor: %+v", r)
	}
	c, r = c.read(Moment{Wall: started.Add(-time.Hour + time.Minute), Mono: time.Minute})
	if r.sure || !r.at.Equal(started.Add(time.Minute)) {
		t.Fatalf("a minute later: %+v", r)
	}
	_, r = c.read(Moment{Wall: started.Add(time.Minute), Mono: 2 * time.Minute})
	if !r.sure || !r.at.Equal(started.Add(time.Minute)) || r.stepped != 59*time.Minute {
		t.Fatalf("set right: %+v", r)
	}
}

// The time of an event never lies before one that was journalled while the clock was believed.
func TestUnsureTimesNeverFallBehind(t *testing.T) {
	c := newClock(started, Moment{Wall: started})
	c, _ = c.read(Moment{Wall: started.Add(time.Hour), Mono: time.Hour})
	_, r := c.read(Moment{Wall: started, Mono: time.Hour + time.Second})
	if r.sure || !r.at.Equal(started.Add(time.Hour+time.Second)) {
		t.Fatalf("reading %+v", r)
	}
}
