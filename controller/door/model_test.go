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
	contact         Contact
	ajar            bool // open, as far as known
	forced, alarmed bool
	window          int // units of release left, Grace included
	patience        int // units until held
	cards, exits    int // in the running release
	owed            bool
	log             []string
	now             int
}

func (m *model) say(e Effect) { m.log = append(m.log, fmt.Sprint(m.now, e)) }

func (m *model) pass() {
	m.now++
	if m.window > 0 {
		m.window--
		if m.window == 0 && !m.ajar {
			if m.owed {
				m.say(said(NotEntered))
			}
			m.cards, m.exits, m.owed = 0, 0, false
		}
	}
	m.patience = max(m.patience-1, 0)
	m.judgePatience()
}

func (m *model) judgePatience() {
	if m.ajar && m.contact == ContactOpen && m.patience == 0 && !m.forced && !m.alarmed {
		m.alarmed = true
		m.say(said(DoorHeld))
	}
}

func (m *model) letPass(isCard, exit bool) {
	m.window = int((release + Grace) / unit)
	if isCard {
		m.cards++
		if m.ajar && !m.forced && !m.alarmed {
			m.patience = int(held / unit)
		}
		m.owed = m.owed || (!m.ajar && m.contact == ContactClosed)
	}
	if exit {
		m.exits++
	}
	m.say(strike)
}

func (m *model) hear(c Contact) {
	was := m.contact
	m.contact = c
	switch {
	case c == ContactOpen && !m.ajar:
		m.ajar, m.owed, m.alarmed, m.patience = true, false, false, int(held/unit)
		switch {
		case m.window > 0:
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
		if m.window > 0 && m.cards == 1 && m.exits == 0 {
			m.window = 0
			m.say(Relock{})
		}
		if m.window == 0 {
			m.cards, m.exits = 0, 0
		}
	case c != ContactClosed && c != ContactOpen:
		m.owed = false
	}
	m.judgePatience()
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
	}
}

type timed struct {
	when int // in units
	in   Input
}

func inputs(t *rapid.T) []timed {
	kinds := []Input{card, cardOut, button, open, closed, open, closed, lost, cut}
	var all []timed
	now := 0
	for range rapid.IntRange(1, 25).Draw(t, "length") {
		now += rapid.SampledFrom([]int{0, 1, 5, 20, 49, 50, 59, 60, 61, 299, 300, 301}).Draw(t, "pause")
		all = append(all, timed{now, rapid.SampledFrom(kinds).Draw(t, "input")})
	}
	return append(all, timed{now + 1000, tick})
}

// replay runs the real machine, with a Tick at every deadline when punctual and none at all otherwise.
func replay(all []timed, punctual bool) (stamped, plain []string) {
	s := New(Settings{Release: release, Held: held})
	step := func(in Input, now time.Duration) {
		var effects []Effect
		s, effects = Step(s, in, now)
		for _, e := range effects {
			stamped = append(stamped, fmt.Sprint(int(now/unit), e))
			plain = append(plain, fmt.Sprint(e))
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
		var m model
		for _, x := range all {
			for m.now < x.when {
				m.pass()
			}
			m.take(x.in)
		}
		if got, _ := replay(all, true); !slices.Equal(got, m.log) {
			t.Fatalf("machine %v\n  model %v", got, m.log)
		}
	})
}

func TestLateTicksChangeNothingButTheMoment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := inputs(t)
		_, punctual := replay(all, true)
		_, late := replay(all, false)
		if !slices.Equal(punctual, late) {
			t.Fatalf("with ticks %v\nwithout    %v", punctual, late)
		}
	})
}

// An exit is never denied: whatever happened before, the button energises the strike at once.
func TestTheExitButtonAlwaysReleases(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, now := New(Settings{Release: release, Held: held}), time.Duration(0)
		for _, x := range inputs(t) {
			now = time.Duration(x.when) * unit
			s, _ = Step(s, x.in, now)
		}
		if _, effects := Step(s, button, now); !slices.Contains(effects, Effect(strike)) {
			t.Fatalf("the button gave %v in %+v", effects, s)
		}
	})
}

// A strike is energised for a card and for the button, and for nothing else.
func TestNothingElseEnergisesTheStrike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := New(Settings{Release: release, Held: held})
		for _, x := range inputs(t) {
			var effects []Effect
			s, effects = Step(s, x.in, time.Duration(x.when)*unit)
			_, isCard := x.in.(Release)
			_, isButton := x.in.(RequestToExit)
			if slices.Contains(effects, Effect(strike)) != (isCard || isButton) {
				t.Fatalf("%T gave %v", x.in, effects)
			}
		}
	})
}
