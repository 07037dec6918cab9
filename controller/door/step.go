package door

import "time"

// Deadline is the next moment at which a Tick changes something; false if only an input can.
func (s State) Deadline() (time.Duration, bool) {
	switch s.phase {
	case Released:
		return s.until, true
	case Opened:
		return s.heldAt, s.contact == ContactOpen
	default:
		return 0, false
	}
}

// Step carries a state past one input. What fell due before the input happens first, so a late Tick changes
// nothing but the moment at which its consequences are seen.
func Step(s State, in Input, now time.Duration) (State, []Effect) {
	s, out := s.fallDue(now, nil)
	switch in := in.(type) {
	case Release:
		return s.release(in.Exit, true, now, out)
	case RequestToExit:
		return s.release(true, false, now, append(out, Report{ExitRequested}))
	case ContactIs:
		s, out = s.hear(in.Contact, now, out)
		return s.fallDue(now, out)
	case Configure:
		s.settings = in.Settings
	case Tick:
	}
	return s, out
}

// fallDue carries out the deadline that now has reached. Neither of the two leads to a state with another.
func (s State) fallDue(now time.Duration, out []Effect) (State, []Effect) {
	due, waiting := s.Deadline()
	if !waiting || now < due {
		return s, out
	}
	if s.phase == Opened {
		s.phase = Held
		return s, append(out, Report{DoorHeld})
	}
	if s.owed {
		out = append(out, Report{NotEntered})
	}
	return s.rest(), out
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
			s.heldAt = now + s.settings.Held
		}
	case Held, Forced:
	}
	return s, append(out, Strike{s.settings.Release})
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
		s.phase, s.heldAt = Opened, now+s.settings.Held
		return s, append(out, Report{DoorFoundOpen})
	case Released:
		s.phase, s.heldAt, s.owed = Opened, now+s.settings.Held, false
		return s, append(out, Report{DoorOpened})
	case Opened, Held, Forced: // heard before
	}
	return s, out
}

func (s State) close(now time.Duration, out []Effect) (State, []Effect) {
	if s.phase == Locked || s.phase == Released {
		return s, out
	}
	out = append(out, Report{DoorClosed})
	switch {
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
	return State{settings: s.settings, phase: Locked, contact: s.contact}
}
