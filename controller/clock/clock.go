// Package clock judges a controller's wall clock, which may be unset, wrong or turned. It is pure.
//
// Two floors stand below it. The proven one is certainly past, because the program was built then or the centre signed then, and the
// monotonic clock has counted on since; it is kept over restarts. The seen one is the newest time that the wall clock itself has shown in this
// run. A wall clock below either is not believed: the time is then unknown, decisions get none, and events are stamped with the least
// that it can be, marked unsure.
//
// What the wall clock shows proves nothing for later runs: one that stood at 2040 for a minute would be wrong for good. And the centre's answer to
// a fresh nonce says what time it is now, so it also takes a floor back that was too high.
package clock

import "time"

// StepLimit is how far the wall clock may move against the monotonic one before it is reported and, backwards, no longer believed.
const StepLimit = 2 * time.Second

// drift is by how much of the time passed the two clocks may differ without anything being wrong.
const drift = 1000

// Moment is one reading of both clocks. Wall may step and may be wrong; Mono counts from the program's start and never steps.
type Moment struct {
	Wall time.Time
	Mono time.Duration
}

// Clock is what is known of the time. New makes one.
type Clock struct {
	proven, seen mark
	base         Moment // from here the two clocks are compared
}

// mark is a moment that was past at a time of the monotonic clock.
type mark struct {
	at   time.Time
	mono time.Duration
}

// least is the least that the time can be.
func (m mark) least(mono time.Duration) time.Time { return m.at.Add(max(mono-m.mono, 0)) }

// below reports whether a time cannot be.
func (m mark) below(wall time.Time, mono time.Duration) bool {
	return wall.Before(m.least(mono).Add(-StepLimit - (mono-m.mono)/drift))
}

// New begins with a moment that is certainly past.
func New(floor time.Time, now Moment) Clock {
	m := mark{floor, now.Mono}
	return Clock{proven: m, seen: m, base: now}
}

// Raise takes another one.
func (c Clock) Raise(floor time.Time, mono time.Duration) Clock {
	if floor.After(c.proven.least(mono)) {
		c.proven = mark{floor, mono}
	}
	if floor.After(c.seen.least(mono)) {
		c.seen = c.proven
	}
	return c
}

// Prove takes the centre's time at as the answer to a nonce that was made at a moment, Mono: then it was no later, and now it is no earlier.
func (c Clock) Prove(at time.Time, made, mono time.Duration) Clock {
	limit := at.Add(mono - made + StepLimit)
	if c.proven.least(mono).After(limit) {
		c.proven = mark{at, mono}
	}
	if c.seen.least(mono).After(limit) {
		c.seen = mark{at, mono}
	}
	return c.Raise(at, mono)
}

// Proven is the newest moment that is certainly past, for the next run.
func (c Clock) Proven(mono time.Duration) time.Time { return c.proven.least(mono) }

// Reading is what the clock makes of a moment.
type Reading struct {
	At      time.Time     // for an event's stamp
	Sure    bool          // At may be decided upon
	Stepped time.Duration // how far the wall clock has jumped since the last reading; 0 for not
}

// DecideAt is the time for decide.Decide: zero when unknown.
func (r Reading) DecideAt() time.Time {
	if !r.Sure {
		return time.Time{}
	}
	return r.At
}

// Read judges a moment.
func (c Clock) Read(m Moment) (Clock, Reading) {
	var r Reading
	if d := m.Wall.Sub(c.base.Wall) - (m.Mono - c.base.Mono); d > StepLimit || d < -StepLimit {
		r.Stepped, c.base = d, m
	}
	if c.seen.below(m.Wall, m.Mono) || c.proven.below(m.Wall, m.Mono) {
		r.At = Later(c.seen.least(m.Mono), c.proven.least(m.Mono))
		return c, r
	}
	r.At, r.Sure = m.Wall, true
	if m.Wall.After(c.seen.at) {
		c.seen = mark{m.Wall, m.Mono}
	}
	return c, r
}

// Later is the later of two moments.
func Later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
