package core

import (
	"slices"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/wire"
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
	d.step(Presented{Reader: "IN-1", Key: keyMonday})
	d.step(Presented{Reader: "IN-1", Key: keyAlways})
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

// R121-1: a clock that stood in 2040 for a minute is not believed in any later run; in this one no longer once the centre has said the time.
func TestAClockThatWasAheadOnceIsRightAgainAfterwards(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	wrong := time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)
	right := d.now.Wall
	d.now.Wall = wrong
	d.step(Presented{Reader: "IN-1", Key: keyAlways})
	if floor := d.records[0].Change.Floor; floor.After(right) {
		t.Fatalf("the next run would begin at %v", floor)
	}
	d.answer(nil)
	d.now.Wall = right.Add(time.Minute)
	d.now.Mono += time.Minute
	d.step(Tick{})
	if !slices.Contains(d.core.Status(d.state).Trouble, "clock") {
		t.Fatal("it goes back and is believed")
	}
	d.step(Leased{Grant: wire.LeaseGrant{At: d.now.Wall, Centre: 1}, Made: d.now.Mono})
	d.step(Tick{})
	if slices.Contains(d.core.Status(d.state).Trouble, "clock") {
		t.Fatal("the centre has said the time, and it is not believed")
	}
}

// What the centre has signed is past for every later run, however wrong the clock.
func TestTheNextRunBeginsWhereTheCentreSaidItIs(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	d.now.Wall = time.Date(1970, 1, 1, 0, 0, 1, 0, time.UTC)
	said := started.Add(48 * time.Hour)
	d.step(Leased{Grant: wire.LeaseGrant{At: said, Centre: 1}, Made: d.now.Mono})
	d.pass(time.Minute)
	d.step(Presented{Reader: "IN-1", Key: keyAlways})
	if floor := d.records[len(d.records)-1].Change.Floor; !floor.Equal(said.Add(time.Minute)) {
		t.Fatalf("the next run begins at %v, want a minute after %v", floor, said)
	}
}

// A policy that the centre signed is word of the time too, for a controller that the centre never answered.
func TestTheNextRunBeginsNotBeforeThePolicyWasSigned(t *testing.T) {
	d := newDesk(t, nil)
	d.now.Wall = time.Date(1970, 1, 1, 0, 0, 1, 0, time.UTC)
	signed := started.Add(48 * time.Hour)
	d.step(PolicyReady{Policy: sitePolicy(t, 1), Hash: "h1", Made: signed})
	if floor := d.records[len(d.records)-1].Change.Floor; !floor.Equal(signed) {
		t.Fatalf("the next run begins at %v, want %v", floor, signed)
	}
}

// Case 24, R121-1: an hour forwards or back between a card and what time alone brings: it comes when it is due, no sooner and no later.
func TestNoTimerFollowsTheWallClock(t *testing.T) {
	tap := func(d *desk) { d.tap("IN-1", keyAlways) }
	for name, c := range map[string]struct {
		rules  access.Rules
		before func(*desk)
		after  time.Duration
		comes  event.Kind
	}{
		"the second person does not come": {pair, tap, 5 * time.Second, event.AccessDenied},
		"nobody opens the door":           {hard, tap, 4 * time.Second, event.NotEntered}, // 3 s of release, 1 s of grace
		"the door stands open":            {hard, func(d *desk) { tap(d); d.step(open) }, 20 * time.Second, event.DoorHeld},
	} {
		for _, jump := range []time.Duration{time.Hour, -time.Hour} {
			d := newHall(t, c.rules, "")
			c.before(d)
			d.now.Wall = d.now.Wall.Add(jump)
			d.pass(c.after - time.Millisecond)
			d.answer(nil)
			if slices.Contains(d.kinds(), c.comes) || !slices.Contains(d.kinds(), event.ClockStepped) {
				t.Errorf("%s, %v: on disk a millisecond too early %v", name, jump, d.kinds())
			}
			d.pass(time.Millisecond)
			d.answer(nil)
			if !slices.Contains(d.kinds(), c.comes) {
				t.Errorf("%s, %v: on disk in time %v", name, jump, d.kinds())
			}
		}
	}
	for _, jump := range []time.Duration{time.Hour, -time.Hour} {
		d := newHall(t, pair, "")
		tap(d)
		d.now.Wall = d.now.Wall.Add(jump)
		d.pass(4 * time.Second)
		d.tap("IN-1", keyMonday)
		d.want("", "P-1 second_person_required, P-1 granted, P-2 granted")
	}
}

// Case 26, R121-1 (IEC 60839-11-1, 6.4): a machine whose clock nobody sets for a day is an alarm and trouble in the status, once a day, until
// somebody does; a restart neither begins the day anew nor forgets the alarm.
func TestAClockThatNobodySetsForADayIsAnAlarm(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	d.onDisk = nil
	said := func() (kinds []event.Kind) {
		d.answer(nil)
		for _, k := range d.kinds() {
			if k == event.ClockUnset || k == event.ClockSet {
				kinds = append(kinds, k)
			}
		}
		d.onDisk = nil
		return kinds
	}
	hours := func(n int) { // the kernel is asked every minute; here every hour
		for range n {
			d.pass(time.Hour)
			d.step(ClockHeard{})
		}
	}
	d.step(ClockHeard{Set: true})
	hours(23)
	if got := said(); len(got) != 0 {
		t.Fatalf("after 23 hours %v", got)
	}
	kept := d.core.saved(d)
	hours(1)
	if got := said(); !slices.Equal(got, []event.Kind{event.ClockUnset}) || !slices.Contains(d.core.Status(d.state).Trouble, "clock_unset") {
		t.Fatalf("after a day %v, trouble %v", got, d.core.Status(d.state).Trouble)
	}
	hours(48)
	if got := said(); !slices.Equal(got, []event.Kind{event.ClockUnset, event.ClockUnset}) {
		t.Fatalf("two days later %v", got)
	}
	unset := d.core.saved(d)
	d.step(ClockHeard{Set: true})
	if got := said(); !slices.Equal(got, []event.Kind{event.ClockSet}) || slices.Contains(d.core.Status(d.state).Trouble, "clock_unset") {
		t.Fatalf("set again %v, trouble %v", got, d.core.Status(d.state).Trouble)
	}
	for name, c := range map[string]struct {
		saved Saved
		away  time.Duration
		set   bool
		want  []event.Kind
	}{
		"an hour before the day is over, and an hour away": {kept, time.Hour, false, []event.Kind{event.ClockUnset}},
		"an hour before the day is over":                   {kept, 59 * time.Minute, false, nil},
		"the alarm stands, and is over":                    {unset, time.Minute, true, []event.Kind{event.ClockSet}},
		"the alarm stands, and was said today":             {unset, time.Hour, false, nil},
		"the alarm stands, and is due again":               {unset, 24 * time.Hour, false, []event.Kind{event.ClockUnset}},
	} {
		now := Moment{Wall: c.saved.Floor.Add(c.away)}
		var effects []Effect
		d.state, effects = d.core.Start(c.saved, now)
		d.now, d.records, d.onDisk = now, nil, nil
		d.collect(effects)
		d.step(ClockHeard{Set: c.set})
		if got := said(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// saved is what the next start would find if the program ended now; its Floor is the time of now.
func (c *Core) saved(d *desk) Saved {
	d.step(Noted{Event: event.Event{Kind: event.RequestToExit}})
	change := d.records[len(d.records)-1].Change
	d.answer(nil)
	return Saved{Policy: d.state.policy, Floor: d.now.Wall, Clock: change.Clock}
}
