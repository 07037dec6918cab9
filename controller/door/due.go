package door

import "time"

// due is what time alone brings, in the order in which it happens when several fall on one moment.
type due uint8

const (
	nothing      due = iota
	releaseEnds      // a Relock for a Latching lock, or for a device that came back during the release
	releaseOver      // Grace is over too
	heldIsNear       //
	heldBegins       //
	unlockRenews     //
	boltIsLate       //
)

// next is what comes first, and when.
func (s State) next() (what due, at time.Duration) {
	look := func(d due, when time.Duration, waits bool) {
		if waits && (what == nothing || when < at) {
			what, at = d, when
		}
	}
	open := s.phase == Opened && s.contact == ContactOpen
	look(releaseEnds, s.endsAt, s.ending)
	look(releaseOver, s.until, s.phase == Released)
	look(heldIsNear, s.warnAt, open && !s.warned)
	look(heldBegins, s.heldAt, open)
	look(unlockRenews, s.renewAt, s.standing)
	look(boltIsLate, s.bolt.at, s.bolt.waits)
	return what, at
}

// Deadline is the next moment at which a Tick changes something; false if only an input can.
func (s State) Deadline() (time.Duration, bool) {
	what, at := s.next()
	return at, what != nothing
}

// fallDue carries out the deadlines that now has reached, one after the other.
func (s State) fallDue(now time.Duration, out []Effect) (State, []Effect) {
	for {
		what, at := s.next()
		if what == nothing || now < at {
			return s, out
		}
		s, out = s.happen(what, now, out)
		s.bolt = s.bolt.watch(s.phase == Locked, at)
	}
}

func (s State) happen(what due, now time.Duration, out []Effect) (State, []Effect) {
	switch what {
	case releaseEnds:
		s.ending = false
		return s, append(out, Relock{})
	case releaseOver:
		if s.owed {
			out = append(out, Report{NotEntered})
		}
		return s.rest(), out
	case heldIsNear:
		s.warned = true
		return s, append(out, Report{HeldWarning})
	case heldBegins:
		s.phase = Held
		return s, append(out, Report{DoorHeld})
	case unlockRenews:
		s.renewAt = now + UnlockEvery // from now: what was missed is not made up for
		return s, append(out, Keep{UnlockFor})
	case boltIsLate:
		s.bolt, out = s.bolt.report(out)
	case nothing:
	}
	return s, out
}
