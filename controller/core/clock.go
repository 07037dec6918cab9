package core

import (
	"time"
)

// stepLimit is how far the wall clock may move against the monotonic one before it is reported and, backwards,
// no longer believed.
const stepLimit = 2 * time.Second

// clock judges the wall clock. Its floor is the newest moment that is certainly past: the build of the program
// or the last journalled time, whichever is later. A wall clock below the floor is wrong, so the time is then
// unknown: decisions get no time, and events are stamped with the least that the time can be, marked unsure.
type clock struct {
	floor   time.Time
	floorAt time.Duration // Mono when the floor was last known to be past
	base    Moment        // from here the two clocks are compared
}

func newClock(floor time.Time, m Moment) clock {
	return clock{floor: floor, floorAt: m.Mono, base: m}
}

// reading is what the clock makes of a moment.
type reading struct {
	at      time.Time     // for an event's stamp
	sure    bool          // at may be decided upon
	stepped time.Duration // how far the wall clock has jumped since the last reading; 0 for not
}

// decideAt is the time for access.Decide: zero when unknown.
func (r reading) decideAt() time.Time {
	if !r.sure {
		return time.Time{}
	}
	return r.at
}

func (c clock) read(m Moment) (clock, reading) {
	var r reading
	if d := m.Wall.Sub(c.base.Wall) - (m.Mono - c.base.Mono); d > stepLimit || d < -stepLimit {
		r.stepped, c.base = d, m
	}
	if m.Wall.Before(c.floor.Add(-stepLimit)) {
		r.at = c.floor.Add(m.Mono - c.floorAt)
		return c, r
	}
	r.at, r.sure = m.Wall, true
	if m.Wall.After(c.floor) {
		c.floor, c.floorAt = m.Wall, m.Mono
	}
	return c, r
}
