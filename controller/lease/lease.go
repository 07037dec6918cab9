// Package lease is how long ago the centre confirmed a controller's policy, and what follows. It is pure.
//
// A door believes its policy only for a time after the last confirmation, by class of person (access.Lease). The centre confirms by
// answering the nonce of a status, so a confirmation is as old as the nonce is, however long it was on its way. The age is the larger
// of what the monotonic clock and what the believed wall clock say: neither a stopped nor a turned back clock makes a policy young. It is
// carried over a restart.
package lease

import (
	"fmt"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/event"
)

// SaveEvery is how often the age goes to the disk: what may have passed unwritten when the program dies.
const SaveEvery = time.Minute

// most bounds ages; larger ones are all the same.
const most = 10 * 365 * 24 * time.Hour

// Now is one reading of the clocks: Mono counts from the program's start, Wall is zero when the wall clock is not believed.
type Now struct {
	Mono time.Duration
	Wall time.Time
}

// Kept is an age as it goes to the disk.
type Kept struct {
	Age  time.Duration
	Wall time.Time // when it was that; zero when the clock was not believed
}

// State of a lease. It counts from a mark: the moment at which the age was base. The zero value is that of a controller which
// never had a policy.
type State struct {
	known  bool
	base   time.Duration
	mono   time.Duration // of the mark
	wall   time.Time     // of the mark; zero as long as the clock was never believed since
	levels [3]Level      // by the order of access.AllClasses
	warned bool          // there was an alarm, and no renewal since

	seen   time.Duration // the age when last watched
	seenAt time.Duration // Mono of that moment
	saved  time.Duration // Mono when it last went to the disk
}

// Level says how a class of people stands.
type Level uint8

// Levels.
const (
	Good Level = iota
	Ends       // 5/6 of the lease are over
	Over
)

// Resume goes on from what the last run kept. At least SaveEvery is taken to have passed since, so that nobody stops the count by pulling the
// plug again and again.
func Resume(k Kept, now Now) State {
	s := State{known: true, base: min(max(k.Age, 0), most), mono: now.Mono, wall: k.Wall, saved: now.Mono}
	s.base += SaveEvery
	if !k.Wall.IsZero() && !now.Wall.IsZero() {
		s.base -= min(max(now.Wall.Sub(k.Wall), 0), SaveEvery) // the wall clock counts these
	}
	return s.anchor(now)
}

// From counts from a moment by the wall clock: a policy that was signed then and never confirmed. A zero moment is now.
func From(wall time.Time, now Now) State {
	return State{known: true, mono: now.Mono, wall: wall, saved: now.Mono}.anchor(now)
}

// Known reports whether there is anything to count.
func (s State) Known() bool { return s.known }

// Warned reports whether an alarm stands.
func (s State) Warned() bool { return s.warned }

// Seen is the age when last watched.
func (s State) Seen() time.Duration { return s.seen }

// Age of the confirmation.
func (s State) Age(now Now) time.Duration {
	passed := now.Mono - s.mono
	if !now.Wall.IsZero() && !s.wall.IsZero() {
		passed = max(passed, now.Wall.Sub(s.wall))
	}
	return s.base + min(max(passed, 0), most)
}

// anchor gives the mark a wall time as soon as the clock is believed.
func (s State) anchor(now Now) State {
	if s.known && s.wall.IsZero() && !now.Wall.IsZero() {
		s.wall = now.Wall.Add(s.mono - now.Mono)
	}
	return s
}

// Confirm takes a confirmation of a moment, Mono. It never makes the last one older.
func (s State) Confirm(made time.Duration, now Now) State {
	if made > now.Mono || (s.known && now.Mono-made >= s.Age(now)) {
		return s
	}
	s.known, s.base, s.mono, s.wall = true, 0, made, time.Time{}
	return s.anchor(now)
}

// Keep is what goes to the disk.
func (s State) Keep(now Now) Kept { return Kept{Age: s.Age(now), Wall: now.Wall} }

// HandOver gives what goes to the disk now; nil when there is nothing to count.
func (s State) HandOver(now Now) (State, *Kept) {
	if !s.known {
		return s, nil
	}
	s.saved = now.Mono
	kept := s.Keep(now)
	return s, &kept
}

// Due reports whether the age should go to the disk though nothing else does.
func (s State) Due(mono time.Duration) bool { return s.known && mono >= s.saved+SaveEvery }

// SaveBy is when (Mono) the age is due on the disk, but no later than next.
func (s State) SaveBy(next time.Duration) time.Duration {
	if !s.known {
		return next
	}
	return min(next, s.saved+SaveEvery)
}

// Alarm is a class of people whose lease ends or is over; Left is how long it still runs.
type Alarm struct {
	Class access.Class
	Level Level
	Left  time.Duration
}

// Event is the alarm as it goes on record at a time.
func (a Alarm) Event(now time.Time) event.Event {
	if a.Level == Ends {
		return event.Event{Kind: event.LeaseWarning, Detail: fmt.Sprintf("%s: ends %s", a.Class, now.Add(a.Left).UTC().Format(time.RFC3339))}
	}
	return event.Event{Kind: event.LeaseLapsed, Detail: fmt.Sprintf("%s: over", a.Class)}
}

// Watch returns the alarms that are due, each once, and whether all is well again after some.
func (s State) Watch(l access.Lease, now Now) (next State, alarms []Alarm, renewed bool) {
	if !s.known {
		return s, nil, false
	}
	s = s.anchor(now)
	age := s.Age(now)
	s.seen, s.seenAt = age, now.Mono
	good := true
	for i, class := range access.AllClasses() {
		end := l.For(class)
		level := levelAt(age, end)
		if level > s.levels[i] {
			alarms = append(alarms, Alarm{class, level, max(end-age, 0)})
			s.warned = true
		}
		s.levels[i] = level
		good = good && level == Good
	}
	renewed = good && s.warned
	s.warned = s.warned && !renewed
	return s, alarms, renewed
}

// Events is Watch, as it goes on record at a time.
func (s State) Events(l access.Lease, now Now, at time.Time) (State, []event.Event) {
	next, alarms, renewed := s.Watch(l, now)
	var events []event.Event
	for _, a := range alarms {
		events = append(events, a.Event(at))
	}
	if renewed {
		events = append(events, event.Event{Kind: event.LeaseRenewed})
	}
	return next, events
}

// warning is when the alarm before the end comes.
func warning(end time.Duration) time.Duration { return end / 6 * 5 }

func levelAt(age, end time.Duration) Level {
	switch {
	case age >= end:
		return Over
	case age >= warning(end):
		return Ends
	default:
		return Good
	}
}

// Deadline is when (Mono) the next alarm is due, but no later than next.
func (s State) Deadline(l access.Lease, next time.Duration) time.Duration {
	if !s.known {
		return next
	}
	for i, class := range access.AllClasses() {
		end := l.For(class)
		switch s.levels[i] {
		case Good:
			next = min(next, s.seenAt+warning(end)-s.seen)
		case Ends:
			next = min(next, s.seenAt+end-s.seen)
		case Over:
		}
	}
	return next
}
