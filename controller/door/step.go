package door

import "time"

// Step carries a state past one input. What fell due before the input happens first, so a late Tick changes
// nothing but the moment at which its consequences are seen.
func Step(s State, in Input, now time.Duration) (State, []Effect) {
	s, out := s.fallDue(now, nil)
	s, out = s.take(in, now, out)
	s.bolt = s.bolt.watch(s.phase == Locked, now)
	return s.fallDue(now, out)
}

func (s State) take(in Input, now time.Duration, out []Effect) (State, []Effect) {
	switch in := in.(type) {
	case Release:
		return s.release(in.Exit, true, now, out)
	case RequestToExit:
		return s.release(true, false, now, append(out, Report{ExitRequested}))
	case Unlock:
		return s.unlock(now, out)
	case Secure:
		return s.secure(now, out)
	case ContactIs:
		return s.hear(in.Contact, now, out)
	case LockIs:
		s.bolt, out = s.bolt.hear(in.Lock, out)
	case Restored:
		return s.restored(now, out)
	case Configure:
		s.settings = in.Settings
	case Tick:
	}
	return s, out
}

func (s State) release(exit, card bool, now time.Duration, out []Effect) (State, []Effect) {
	s.until = max(s.until, now+s.settings.Release+Grace)
	s.releases++
	s.exit = s.exit || exit
	switch s.phase {
	case Locked, Released:
		s.phase = Released
		s.owed = s.owed || (card && s.contact == ContactClosed)
	case Opened:
		if card {
			s = s.patience(now)
		}
	case Held, Forced, Unlocked:
	}
	if s.standing { // a shorter release would end the longer one that runs
		s.renewAt = now + UnlockEvery
		return s, append(out, Strike{UnlockFor})
	}
	s.ending = s.ending || s.settings.Latching
	s.endsAt = s.until - Grace
	return s, append(out, Strike{s.settings.Release})
}

// releasing reports whether somebody's release still runs, Grace not counted.
func (s State) releasing(now time.Duration) bool { return s.releases > 0 && now < s.until-Grace }

// patience starts the held time anew. The warning comes once in an opening.
func (s State) patience(now time.Duration) State {
	s.heldAt = now + s.settings.Held
	s.warnAt = s.heldAt - s.settings.Warn
	return s
}

// openAs has the door open, its held time counted from now.
func (s State) openAs(now time.Duration) State {
	s.phase, s.owed, s.warned = Opened, false, s.settings.Warn == 0
	return s.patience(now)
}

func (s State) hear(c Contact, now time.Duration, out []Effect) (State, []Effect) {
	was := s.contact
	s.contact = c
	switch c {
	case ContactOpen:
		return s.open(was, now, out)
	case ContactClosed:
		return s.close(now, out)
	case ContactUnknown, ContactFault:
		s.owed = false
	}
	return s, out
}

func (s State) open(was Contact, now time.Duration, out []Effect) (State, []Effect) {
	switch s.phase {
	case Locked:
		if was == ContactClosed {
			s.phase = Forced
			return s, append(out, Report{DoorForced})
		}
		return s.openAs(now), append(out, Report{DoorFoundOpen})
	case Released:
		return s.openAs(now), append(out, Report{DoorOpened})
	case Opened: // heard before, or lost in between; a warning of what is there already says nothing
		s.warned = s.warned || now >= s.heldAt
	case Unlocked:
		return s.openFreely(was, out)
	case Held, Forced: // heard before
	}
	return s, out
}

func (s State) close(now time.Duration, out []Effect) (State, []Effect) {
	if s.phase == Locked || s.phase == Released || (s.phase == Unlocked && !s.ajar) {
		return s, out
	}
	out = append(out, Report{DoorClosed})
	switch {
	case s.standing:
		s.phase, s.ajar = Unlocked, false
		return s, out
	case now >= s.until: // also with no release at all
		return s.rest(), out
	case s.releases == 1 && !s.exit:
		return s.rest(), append(out, Relock{})
	default:
		s.phase, s.owed = Released, false
		return s, out
	}
}

// rest is the same door with no release running.
func (s State) rest() State {
	return State{settings: s.settings, phase: Locked, contact: s.contact, bolt: s.bolt}
}

// restored puts a strike right about whose device nothing is known: released anew while the door stands unlocked, put to rest when
// nothing releases it. Somebody's running release is not touched, and a Relock comes at its end.
func (s State) restored(now time.Duration, out []Effect) (State, []Effect) {
	switch {
	case s.standing:
		s.renewAt = now + UnlockEvery
		return s, append(out, Strike{UnlockFor})
	case s.releasing(now):
		s.ending, s.endsAt = true, s.until-Grace
		return s, out
	default:
		return s, append(out, Rest{})
	}
}
