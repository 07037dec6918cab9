// Package timeservice judges whether anybody sets the clock of the controller's machine: a time service, by a server or a receiver. IEC 60839-11-1
// (6.4) asks for it once in 24 hours at least. It is pure: the kernel's word is handed in.
//
// A day counts on the monotonic clock, and goes on over a restart by the times that were kept.
package timeservice

import (
	"time"

	"kanmon/internal/event"
)

// Limit is how long a clock may go without being set. While it is not, the alarm comes once in that time.
const Limit = 24 * time.Hour

// Moment is now on both clocks: Mono counts from the program's start, At is the best that is known of the time.
type Moment struct {
	Mono time.Duration
	At   time.Time
}

// Kept is what goes to the disk.
type Kept struct {
	Set  time.Time // when the clock was last known to be set, or the count began; zero: never looked
	Said time.Time // of the last alarm; zero: none stands
}

// State is counted in Mono; what was before the start is negative. Resume makes one.
type State struct {
	set, said time.Duration
	stands    bool // the alarm
}

// Resume goes on from what the last run kept. A first run counts from now.
func Resume(k Kept, now Moment) State {
	s := State{set: now.Mono, said: now.Mono, stands: !k.Said.IsZero()}
	if !k.Set.IsZero() {
		s.set -= max(0, now.At.Sub(k.Set))
	}
	if s.stands {
		s.said -= max(0, now.At.Sub(k.Said))
	}
	return s
}

// Stands reports whether the alarm does.
func (s State) Stands() bool { return s.stands }

// Hear takes the kernel's word, whether the clock is set, and returns the event that follows from it, if any.
func (s State) Hear(set bool, now Moment) (next State, events []event.Event) {
	switch {
	case set:
		if s.stands {
			events = []event.Event{{Kind: event.ClockSet, Detail: s.detail(now)}}
		}
		s.set, s.stands = now.Mono, false
	case now.Mono-s.set >= Limit && (!s.stands || now.Mono-s.said >= Limit):
		s.said, s.stands = now.Mono, true
		events = []event.Event{{Kind: event.ClockUnset, Detail: s.detail(now)}}
	}
	return s, events
}

func (s State) detail(now Moment) string {
	return "not set since " + s.at(s.set, now).UTC().Format(time.RFC3339)
}

func (s State) at(mono time.Duration, now Moment) time.Time { return now.At.Add(mono - now.Mono) }

// Keep is what goes to the disk.
func (s State) Keep(now Moment) Kept {
	k := Kept{Set: s.at(s.set, now)}
	if s.stands {
		k.Said = s.at(s.said, now)
	}
	return k
}
