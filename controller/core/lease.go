package core

import (
	"time"

	"kanmon/controller/lease"
	"kanmon/internal/access"
	"kanmon/internal/wire"
)

// The lease refuses people whose policy the centre has not confirmed for too long (package lease). It denies no exit.

func (t *turn) leaseNow() lease.Now {
	if !t.now.Sure {
		return lease.Now{Mono: t.mono}
	}
	return lease.Now{Mono: t.mono, Wall: t.now.At}
}

func (t *turn) startLease(saved Saved) {
	switch {
	case saved.Lease != nil:
		t.s.lease = lease.Resume(*saved.Lease, t.leaseNow())
	case saved.Policy != nil: // never confirmed
		t.s.lease = lease.From(saved.Made, t.leaseNow())
	}
}

// lapsed are the classes of people whose lease is over.
func (t *turn) lapsed() access.Classes {
	return t.s.policy.Lease().Lapsed(t.s.lease.Age(t.leaseNow()))
}

// leased takes the centre's answer to a nonce made at a moment. It counts only where the policy and the revocations that it
// speaks of are in force.
func (t *turn) leased(in Leased) {
	t.s.clock = t.s.clock.Prove(in.Grant.At, in.Made, t.mono)
	t.centreIs(in.Grant.Centre)
	if t.covers(in.Grant) {
		t.s.lease = t.s.lease.Confirm(in.Made, t.leaseNow())
	}
}

func (t *turn) covers(g wire.LeaseGrant) bool {
	return g.Centre == t.s.centre && t.s.policy != nil && !t.s.policy.Version().Less(g.Policy) &&
		(g.Revoked.N == 0 || !t.s.revoked.Upto().Less(g.Revoked))
}

// watchLease raises the alarms that are due and tells when all is well again.
func (t *turn) watchLease() {
	if t.s.policy == nil {
		return
	}
	next, events := t.s.lease.Events(t.s.policy.Lease(), t.leaseNow(), t.now.At)
	t.s.lease = next
	for _, e := range events {
		t.noteUnder(e)
	}
}

// leaseDeadline is when the next alarm, or the next look at the disk, is due.
func (s State) leaseDeadline(next time.Duration) time.Duration {
	if !s.records.Trouble {
		next = s.lease.SaveBy(next)
	}
	if s.policy == nil {
		return next
	}
	return s.lease.Deadline(s.policy.Lease(), next)
}
