package door

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// unit is the grain of time in which model lives.
const unit = 100 * time.Millisecond

// model is a door told in another way: no phases and no deadlines, only flags and counters that run down once
// every unit of time.
type model struct {
	latching        bool
	contact         Contact
	lock            Lock
	ajar            bool // open, as far as known
	forced, alarmed bool
	warned          bool
	window          int // units of release left, Grace included
	endIn           int // units until a Relock is due; 0: none is
	patience        int // units until held
	cards, exits    int // in the running release
	owed            bool
	standing        bool
	renewIn         int
	wrongFor        int // units for which the lock has said unlocked where it should not
	told            bool
	log             []string
	now             int
}

const (
	grace   = int(Grace / unit)
	renewal = int(UnlockEvery / unit)
)

func (m *model) say(e Effect) { m.log = append(m.log, fmt.Sprint(m.now, fmt.Sprintf(" %T", e), e)) }

func (m *model) pass() {
	m.now++
	wrong := m.boltWrong()
	if m.endIn > 0 {
		if m.endIn--; m.endIn == 0 {
			m.say(Relock{})
		}
	}
	if m.window > 0 {
		m.window--
		if m.window == 0 && !m.ajar && !m.standing {
			if m.owed {
				m.say(said(NotEntered))
			}
			m.cards, m.exits, m.owed = 0, 0, false
		}
	}
	m.patience = max(m.patience-1, 0)
	m.judgePatience()
	if m.renewIn--; m.standing && m.renewIn == 0 {
		m.say(Keep{UnlockFor})
		m.renewIn = renewal
	}
	m.judgeBolt(wrong)
}

func (m *model) boltWrong() bool {
	rest := m.window == 0 && !m.ajar && !m.standing
	return rest && m.lock == LockUnlocked && !m.told
}

// judgeBolt counts a unit for which the lock was wrong at its beginning.
func (m *model) judgeBolt(wrong bool) {
	if !wrong || !m.boltWrong() {
		m.wrongFor = 0
		return
	}
	if m.wrongFor++; m.wrongFor == int(Settle/unit) {
		m.say(said(LockUnsecured))
		m.told = true
	}
}

func (m *model) judgePatience() {
	if !m.ajar || m.contact != ContactOpen || m.forced || m.alarmed || m.standing {
		return
	}
	if m.patience > 0 && m.patience <= int(warn/unit) && !m.warned {
		m.warned = true
		m.say(said(HeldWarning))
	}
	if m.patience == 0 {
		m.alarmed = true
		m.say(said(DoorHeld))
	}
}

func (m *model) letPass(isCard, exit bool) {
	m.window = max(m.window, int((release+Grace)/unit))
	if isCard {
		m.cards++
		if m.ajar && !m.forced && !m.alarmed {
			m.patience = int(held / unit)
		}
		m.owed = m.owed || (!m.ajar && m.contact == ContactClosed && !m.standing)
	}
	if exit {
		m.exits++
	}
	if m.standing {
		m.say(Strike{UnlockFor})
		m.renewIn = renewal
		return
	}
	m.say(strike)
	if m.latching || m.endIn > 0 {
		m.endIn = m.window - grace
	}
}

func (m *model) hear(c Contact) {
	was := m.contact
	m.contact = c
	switch {
	case c == ContactOpen && !m.ajar:
		m.ajar, m.owed, m.alarmed, m.warned, m.patience = true, false, false, false, int(held/unit)
		switch {
		case m.standing && was != ContactClosed:
			m.say(said(DoorFoundOpen))
		case m.window > 0 || m.standing:
			m.say(said(DoorOpened))
		case was == ContactClosed:
			m.forced = true
			m.say(said(DoorForced))
		default:
			m.say(said(DoorFoundOpen))
		}
	case c == ContactClosed && m.ajar:
		m.ajar, m.forced = false, false
		m.say(said(DoorClosed))
		m.shut()
	case c != ContactClosed && c != ContactOpen:
		m.owed = false
	}
	m.judgePatience()
}

func (m *model) shut() {
	if m.standing {
		return
	}
	if m.window > 0 && m.cards == 1 && m.exits == 0 {
		m.window, m.endIn = 0, 0
		m.say(Relock{})
	}
	if m.window == 0 {
		m.cards, m.exits = 0, 0
	}
}

func (m *model) unlock() {
	if m.standing {
		return
	}
	m.standing, m.owed, m.endIn, m.renewIn = true, false, 0, renewal
	m.say(said(DoorUnlocked))
	m.say(Strike{UnlockFor})
}

func (m *model) secure() {
	if !m.standing {
		return
	}
	m.standing = false
	m.say(said(DoorSecured))
	switch left := m.window - grace; {
	case left <= 0:
		m.say(Relock{})
	case m.latching:
		m.endIn = left
	default:
		m.say(Strike{time.Duration(left) * unit})
	}
	m.exits++
	switch {
	case m.forced:
	case m.ajar:
		m.alarmed, m.warned, m.patience = false, false, int(held/unit)
	default:
		m.window = max(m.window, grace)
	}
}

func (m *model) restored() {
	switch left := m.window - grace; {
	case m.standing:
		m.say(Strike{UnlockFor})
		m.renewIn = renewal
	case left > 0:
		m.endIn = left
	default:
		m.say(Rest{})
	}
}

func (m *model) take(in Input) {
	switch in := in.(type) {
	case Release:
		m.letPass(true, in.Exit)
	case RequestToExit:
		m.say(said(ExitRequested))
		m.letPass(false, true)
	case ContactIs:
		m.hear(in.Contact)
	case LockIs:
		m.lock = in.Lock
		if in.Lock == LockLocked && m.told {
			m.told = false
			m.say(said(LockSecured))
		}
	case Unlock:
		m.unlock()
	case Secure:
		m.secure()
	case Restored:
		m.restored()
	}
	if !m.boltWrong() {
		m.wrongFor = 0
	}
}

type timed struct {
	when int // in units
	in   Input
}

func inputs(t *rapid.T) []timed {
	kinds := []Input{
		card, cardOut, button, open, closed, open, closed, lost, cut,
		Unlock{},
		Secure{},
		Secure{},
		Restored{},
		LockIs{LockUnlocked},
		LockIs{LockLocked},
		LockIs{LockUnknown},
	}
	var all []timed
	now := 0
	for range rapid.IntRange(1, 25).Draw(t, "length") {
		now += rapid.SampledFrom([]int{0, 1, 5, 19, 20, 21, 49, 50, 59, 60, 61, 100, 199, 200, 299, 300, 301}).Draw(t, "pause")
		all = append(all, timed{now, rapid.SampledFrom(kinds).Draw(t, "input")})
	}
	return append(all, timed{now + 1000, tick})
}

func settings(latching bool) Settings {
	return Settings{Release: release, Held: held, Warn: warn, Latching: latching}
}

// replay runs the real machine, with a Tick at every deadline when punctual and none at all otherwise. plain leaves out the renewals
// of a standing unlock: those that were missed are not made up for.
func replay(all []timed, latching, punctual bool) (stamped, plain []string) {
	s := New(settings(latching))
	step := func(in Input, now time.Duration) {
		var effects []Effect
		s, effects = Step(s, in, now)
		for _, e := range effects {
			stamped = append(stamped, fmt.Sprint(int(now/unit), fmt.Sprintf(" %T", e), e))
			if _, renewal := e.(Keep); !renewal {
				plain = append(plain, fmt.Sprintf("%T%v", e, e))
			}
		}
	}
	for _, x := range all {
		now := time.Duration(x.when) * unit
		for due, ok := s.Deadline(); punctual && ok && due <= now; due, ok = s.Deadline() {
			step(tick, due)
		}
		step(x.in, now)
	}
	return stamped, plain
}

// All orders of inputs, against a model that counts time down instead of comparing deadlines.
func TestAnyOrderOfInputsDoesWhatTheModelDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := inputs(t)
		m := model{latching: rapid.Bool().Draw(t, "latching")}
		for _, x := range all {
			for m.now < x.when {
				m.pass()
			}
			m.take(x.in)
		}
		if got, _ := replay(all, m.latching, true); !slices.Equal(got, m.log) {
			t.Fatalf("machine %v\n  model %v", got, m.log)
		}
	})
}

func TestLateTicksChangeNothingButTheMoment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := inputs(t)
		latching := rapid.Bool().Draw(t, "latching")
		_, punctual := replay(all, latching, true)
		_, late := replay(all, latching, false)
		if !slices.Equal(punctual, late) {
			t.Fatalf("with ticks %v\nwithout    %v", punctual, late)
		}
	})
}

// An exit is never denied: whatever happened before, the button energises the strike at once, and for no less than a release.
func TestTheExitButtonAlwaysReleases(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, now := New(settings(rapid.Bool().Draw(t, "latching"))), time.Duration(0)
		for _, x := range inputs(t) {
			now = time.Duration(x.when) * unit
			s, _ = Step(s, x.in, now)
		}
		_, effects := Step(s, button, now)
		if !slices.ContainsFunc(effects, func(e Effect) bool { st, ok := e.(Strike); return ok && st.For >= release }) {
			t.Fatalf("the button gave %v in %+v", effects, s)
		}
	})
}

// Case 47: a strike is energised for a card, for the button and for an unlocking that stands, and for nothing else: neither the end of
// a fire alarm nor the return of a line is among the inputs that can. Secure leaves of a standing release what somebody's own had left.
func TestNothingElseEnergisesTheStrike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := New(settings(rapid.Bool().Draw(t, "latching")))
		for _, x := range inputs(t) {
			now := time.Duration(x.when) * unit
			stood, left := s.Standing(), s.until-Grace-now
			var effects []Effect
			s, effects = Step(s, x.in, now)
			for _, e := range effects {
				if !mayEnergise(e, x.in, stood, left) {
					t.Fatalf("%T gave %T%v while standing unlocked is %v and %v of a release is left", x.in, e, e, stood, left)
				}
			}
		}
	})
}

func mayEnergise(e Effect, in Input, stood bool, left time.Duration) bool {
	switch e := e.(type) {
	case Keep:
		return stood
	case Strike:
		switch in.(type) {
		case Release, RequestToExit:
			return e == strike || (stood && e.For == UnlockFor)
		case Unlock, Restored:
			return e.For == UnlockFor && (stood || in == Unlock{})
		case Secure:
			return stood && e.For == left
		default:
			return false
		}
	default:
		return true
	}
}

// Case 47: a release that somebody was given is ended early by the closing of the door behind the one who was let in, and by nothing else.
func TestNothingEndsAReleaseButItsTimeAndItsPassage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := New(settings(rapid.Bool().Draw(t, "latching")))
		for _, x := range inputs(t) {
			now := time.Duration(x.when) * unit
			left, stood := s.until-Grace-now, s.standing
			running := s.releases > 0 && left > 0
			alone := s.releases == 1 && !s.exit && !stood && x.in == Input(closed)
			var effects []Effect
			s, effects = Step(s, x.in, now)
			locks := func(e Effect) bool { return e == Effect(Relock{}) || e == Effect(Rest{}) }
			if running && !alone && slices.ContainsFunc(effects, locks) {
				t.Fatalf("%T gave %v with %v of a release left", x.in, effects, left)
			}
		}
	})
}

// A door that stands unlocked is locked within UnlockFor when the program dies, and never before while it lives: the device is told
// again in time, whatever happens meanwhile.
func TestAStandingUnlockIsRenewedInTimeAndEndsByItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, told := New(settings(false)), time.Duration(0) // until told the device keeps it released
		see := func(effects []Effect, now time.Duration) {
			for _, e := range effects {
				switch e := e.(type) {
				case Strike:
					told = now + e.For
				case Keep:
					told = now + e.For
				case Relock:
					told = now
				}
			}
			if told > now+UnlockFor {
				t.Fatalf("released for %v from now", told-now)
			}
		}
		for _, x := range inputs(t) {
			now := time.Duration(x.when) * unit
			var effects []Effect
			for due, ok := s.Deadline(); ok && due <= now; due, ok = s.Deadline() {
				if s.Standing() && told < due+UnlockEvery {
					t.Fatalf("only %v left at %v", told-due, due)
				}
				s, effects = Step(s, tick, due)
				see(effects, due)
			}
			s, effects = Step(s, x.in, now)
			see(effects, now)
		}
	})
}

// Case 46, R43-2: a door that was opened with no release stays an alarm until it is closed. Neither the exit button nor a card, an
// unlocking, a lost line or the return of one turns it into anything else.
func TestNothingHidesAForcedDoor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := New(settings(rapid.Bool().Draw(t, "latching")))
		s, _ = Step(s, closed, 0)
		s, effects := Step(s, open, 0)
		if !slices.Contains(effects, said(DoorForced)) {
			t.Fatalf("forced open: %v", effects)
		}
		for _, x := range inputs(t) {
			if x.in == Input(closed) {
				return
			}
			s, effects = Step(s, x.in, time.Duration(x.when)*unit)
			if s.Phase() != Forced || slices.Contains(effects, said(DoorOpened)) || slices.Contains(effects, said(DoorClosed)) {
				t.Fatalf("%T made of a forced door a %v one: %v", x.in, s.Phase(), effects)
			}
		}
	})
}
