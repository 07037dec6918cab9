package door

import "time"

// unlock has the door stand unlocked. A forced door stays an alarm until it is closed, and the lock is released all the same.
func (s State) unlock(now time.Duration, out []Effect) (State, []Effect) {
	if s.standing {
		return s, out
	}
	s.standing, s.renewAt, s.owed, s.ending = true, now+UnlockEvery, false, false
	if s.phase != Forced {
		s.ajar = s.phase == Opened || s.phase == Held
		s.phase = Unlocked
	}
	return s, append(out, Report{DoorUnlocked}, Strike{UnlockFor})
}

// secure locks again. An open door is open from now on; one that is closed counts as released for Grace, since an opening may
// still be on its way to us.
func (s State) secure(now time.Duration, out []Effect) (State, []Effect) {
	if !s.standing {
		return s, out
	}
	s.standing = false
	out = append(out, Report{DoorSecured})
	s, out = s.shorten(now, out)
	switch {
	case s.phase == Forced:
	case s.ajar:
		s = s.openAs(now)
	default:
		s.phase, s.owed = Released, false
		s.until = max(s.until, now+Grace)
	}
	s.ajar, s.exit = false, true // nobody's passage cuts this short
	return s, out
}

// shorten ends the standing release, or leaves of it what somebody's own release still has to run.
func (s State) shorten(now time.Duration, out []Effect) (State, []Effect) {
	if !s.releasing(now) {
		return s, append(out, Relock{})
	}
	left := s.until - Grace - now
	s.endsAt, s.ending = s.until-Grace, s.settings.Latching
	if s.settings.Latching {
		return s, out
	}
	return s, append(out, Strike{left})
}

// openFreely is an opening of a door that stands unlocked.
func (s State) openFreely(was Contact, out []Effect) (State, []Effect) {
	if s.ajar {
		return s, out
	}
	s.ajar = true
	if was == ContactClosed {
		return s, append(out, Report{DoorOpened})
	}
	return s, append(out, Report{DoorFoundOpen})
}
