package core

import (
	"fmt"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/wire"
)

// A door believes its policy only for a time after the centre has last confirmed it, by class of person (access.Lease). The centre confirms by
// answering the nonce of a status, so a confirmation is as old as the nonce is, however long it was on its way. The age is
// the larger of what the monotonic clock and what the believed wall clock say, and is carried over a restart. Nothing here
// denies an exit.

const (
	leaseSave = time.Minute               // the age goes to the journal at least so often, and on its own no more often
	mostAge   = 10 * 365 * 24 * time.Hour // larger ones are all the same
)

// Lease is how old the centre's last confirmation was at a moment.
type Lease struct {
	Age  time.Duration
	Wall time.Time // the moment; zero when the clock was not believed
}

// lease counts from a mark: the moment at which the age was base.
type lease struct {
	known  bool
	base   time.Duration
	mono   time.Duration // of the mark
	wall   time.Time     // of the mark, by a believed clock; zero for none so far
	saved  time.Duration // Mono when the age was last handed to the journal
	levels [3]leaseLevel // by the order of access.AllClasses
	warned bool          // there was an alarm, and no renewal since

	seen   time.Duration // the age at the last look
	seenAt time.Duration // Mono of that look
}

type leaseLevel uint8

const (
	leaseGood leaseLevel = iota
	leaseEnds            // 5/6 of the lease are over
	leaseOver
)

// startLease goes on from what the last run kept. Where the time in between is not known, a minute is added: as much as may have
// passed unwritten, so that nobody stops the count by pulling the plug again and again.
func startLease(saved Saved, m Moment, now reading) lease {
	l := lease{mono: m.Mono, saved: m.Mono}
	switch {
	case saved.Lease != nil:
		l.known, l.base, l.wall = true, min(max(saved.Lease.Age, 0), mostAge), saved.Lease.Wall
		if l.wall.IsZero() || !now.sure {
			l.base += leaseSave
		}
	case saved.Policy != nil: // never confirmed: it counts from when it was stored
		l.known, l.wall = true, saved.Stored
	}
	return l
}

// age of the confirmation now.
func (l lease) age(mono time.Duration, now reading) time.Duration {
	passed := mono - l.mono
	if now.sure && !l.wall.IsZero() {
		passed = max(passed, now.at.Sub(l.wall))
	}
	return l.base + min(max(passed, 0), mostAge)
}

// mark sets the age to 0 at a moment.
func (t *turn) markLease(mono time.Duration) {
	l := &t.s.lease
	l.known, l.base, l.mono, l.wall = true, 0, mono, time.Time{}
	t.anchorLease()
}

// anchorLease gives the mark a wall time as soon as the clock is believed.
func (t *turn) anchorLease() {
	if l := &t.s.lease; l.known && l.wall.IsZero() && t.now.sure {
		l.wall = t.now.at.Add(l.mono - t.mono)
	}
}

func (t *turn) leaseAge() time.Duration { return t.s.lease.age(t.mono, t.now) }

// lapsed are the classes of people whose lease is over.
func (t *turn) lapsed() access.Classes { return t.s.policy.Lease().Lapsed(t.leaseAge()) }

// leased takes the centre's answer to a nonce made at a moment. It counts only where the policy and the revocations that it
// speaks of are in force, and never makes the confirmation older.
func (t *turn) leased(in Leased) {
	t.centreIs(in.Grant.Centre)
	if t.covers(in.Grant) && in.Made <= t.mono && (!t.s.lease.known || t.mono-in.Made < t.leaseAge()) {
		t.markLease(in.Made)
	}
}

func (t *turn) covers(g wire.LeaseGrant) bool {
	return g.Centre == t.s.centre && t.s.policy != nil && !t.s.policy.Version().Less(g.Policy) &&
		(g.Revoked.N == 0 || !t.s.revoked.upto.Less(g.Revoked))
}

// watchLease raises the alarms that are due, each once, and tells when all is well again.
func (t *turn) watchLease() {
	l := &t.s.lease
	if !l.known || t.s.policy == nil {
		return
	}
	t.anchorLease()
	age := t.leaseAge()
	l.seen, l.seenAt = age, t.mono
	good := true
	for i, class := range access.AllClasses() {
		end := t.s.policy.Lease().For(class)
		level := leaseLevelAt(age, end)
		if level > l.levels[i] {
			t.note(event.Event{Kind: leaseKinds[level], Policy: t.version(), Detail: t.leaseDetail(class, end-age)})
			l.warned = true
		}
		l.levels[i] = level
		good = good && level == leaseGood
	}
	if good && l.warned {
		l.warned = false
		t.note(event.Event{Kind: event.LeaseRenewed, Policy: t.version()})
	}
}

var leaseKinds = [...]event.Kind{leaseEnds: event.LeaseWarning, leaseOver: event.LeaseLapsed}

func leaseLevelAt(age, end time.Duration) leaseLevel {
	switch {
	case age >= end:
		return leaseOver
	case age >= end/6*5:
		return leaseEnds
	default:
		return leaseGood
	}
}

func (t *turn) leaseDetail(class access.Class, left time.Duration) string {
	if left <= 0 {
		return fmt.Sprintf("%s: over", class)
	}
	return fmt.Sprintf("%s: ends %s", class, t.now.at.Add(left).UTC().Format(time.RFC3339))
}

// deadline is when the next alarm, or the next look at the disk, is due.
func (l lease) deadline(p *access.Policy, next time.Duration, disk bool) time.Duration {
	if !l.known || p == nil {
		return next
	}
	for i, class := range access.AllClasses() {
		end := p.Lease().For(class)
		switch l.levels[i] {
		case leaseGood:
			next = min(next, l.seenAt+end/6*5-l.seen)
		case leaseEnds:
			next = min(next, l.seenAt+end-l.seen)
		case leaseOver:
		}
	}
	if disk {
		next = min(next, l.saved+leaseSave)
	}
	return next
}

// leaseDue reports whether the age should go to the journal though nothing else does.
func (t *turn) leaseDue() bool {
	return t.s.lease.known && !t.s.records.trouble && t.mono >= t.s.lease.saved+leaseSave
}

// keepLease is what a record says of the lease.
func (t *turn) keepLease() *Lease {
	l := &t.s.lease
	if !l.known {
		return nil
	}
	l.saved = t.mono
	kept := Lease{Age: t.leaseAge()}
	if t.now.sure {
		kept.Wall = t.now.at
	}
	return &kept
}
