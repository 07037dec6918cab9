package door

import (
	"slices"
	"testing"
	"time"
)

const (
	release = 5 * time.Second
	held    = 30 * time.Second
	warn    = 10 * time.Second
)

// at is one input at a moment and what must come of it.
type at struct {
	when time.Duration
	in   Input
	want []Effect
	then Phase
}

var (
	closed  = ContactIs{ContactClosed}
	open    = ContactIs{ContactOpen}
	lost    = ContactIs{ContactUnknown}
	cut     = ContactIs{ContactFault}
	card    = Release{}
	cardOut = Release{Exit: true}
	button  = RequestToExit{}
	tick    = Tick{}
	strike  = Strike{release}
)

func said(f Fact) Effect { return Report{f} }

// R43-2: a door that opens with no release, or stays open, raises an alarm; nothing hides it.
func TestADoorDoes(t *testing.T) {
	const s = time.Second
	for name, steps := range map[string][]at{
		"entry, opened and closed inside the release time: the strike rests at once": {
			{0, closed, nil, Locked},
			{1 * s, card, []Effect{strike}, Released},
			{2 * s, open, []Effect{said(DoorOpened)}, Opened},
			{3 * s, closed, []Effect{said(DoorClosed), Relock{}}, Locked},
			{4 * s, open, []Effect{said(DoorForced)}, Forced},
		},
		"entry, closed after the release time": {
			{0, closed, nil, Locked},
			{1 * s, card, []Effect{strike}, Released},
			{2 * s, open, []Effect{said(DoorOpened)}, Opened},
			{9 * s, closed, []Effect{said(DoorClosed)}, Locked},
		},
		"released and never opened": {
			{0, closed, nil, Locked},
			{1 * s, card, []Effect{strike}, Released},
			{7*s - 1, tick, nil, Released},
			{7 * s, tick, []Effect{said(NotEntered)}, Locked},
			{8 * s, tick, nil, Locked},
		},
		"an opening reported just after the release time is not forced": {
			{0, closed, nil, Locked},
			{0, card, []Effect{strike}, Released},
			{5500 * time.Millisecond, open, []Effect{said(DoorOpened)}, Opened},
		},
		"an opening after that is forced, also when no tick came between": {
			{0, closed, nil, Locked},
			{0, card, []Effect{strike}, Released},
			{6 * s, open, []Effect{said(NotEntered), said(DoorForced)}, Forced},
		},
		"forced, stays forced under a card and the button until it closes": {
			{0, closed, nil, Locked},
			{1 * s, open, []Effect{said(DoorForced)}, Forced},
			{2 * s, card, []Effect{strike}, Forced},
			{3 * s, button, []Effect{said(ExitRequested), strike}, Forced},
			{60 * s, tick, nil, Forced},
			{61 * s, closed, []Effect{said(DoorClosed)}, Locked},
		},
		"held, and over when it closes": {
			{0, closed, nil, Locked},
			{0, card, []Effect{strike}, Released},
			{1 * s, open, []Effect{said(DoorOpened)}, Opened},
			{31*s - 1, tick, nil, Opened},
			{31 * s, tick, []Effect{said(DoorHeld)}, Held},
			{99 * s, tick, nil, Held},
			{100 * s, closed, []Effect{said(DoorClosed)}, Locked},
		},
		"a card during the opening starts the held time anew": {
			{0, closed, nil, Locked},
			{0, card, []Effect{strike}, Released},
			{1 * s, open, []Effect{said(DoorOpened)}, Opened},
			{20 * s, card, []Effect{strike}, Opened},
			{49 * s, tick, nil, Opened},
			{50 * s, tick, []Effect{said(DoorHeld)}, Held},
		},
		"the button during the opening releases, is no force and does not hide a held door": {
			{0, closed, nil, Locked},
			{0, button, []Effect{said(ExitRequested), strike}, Released},
			{1 * s, open, []Effect{said(DoorOpened)}, Opened},
			{20 * s, button, []Effect{said(ExitRequested), strike}, Opened},
			{31 * s, tick, []Effect{said(DoorHeld)}, Held},
			{32 * s, button, []Effect{said(ExitRequested), strike}, Held},
			{33 * s, closed, []Effect{said(DoorClosed)}, Released},
		},
		"the button is reported once and its release simply ends": {
			{0, closed, nil, Locked},
			{0, button, []Effect{said(ExitRequested), strike}, Released},
			{6 * s, tick, nil, Locked},
		},
		"an exit is never cut short by somebody else's entry": {
			{0, closed, nil, Locked},
			{0, card, []Effect{strike}, Released},
			{1 * s, open, []Effect{said(DoorOpened)}, Opened},
			{2 * s, button, []Effect{said(ExitRequested), strike}, Opened},
			{3 * s, closed, []Effect{said(DoorClosed)}, Released},
			{4 * s, open, []Effect{said(DoorOpened)}, Opened},
		},
		"an exit card is not cut short either": {
			{0, closed, nil, Locked},
			{0, cardOut, []Effect{strike}, Released},
			{1 * s, open, []Effect{said(DoorOpened)}, Opened},
			{2 * s, closed, []Effect{said(DoorClosed)}, Released},
			{6 * s, tick, nil, Locked},
		},
		"two cards before one opening: the second may still pass": {
			{0, closed, nil, Locked},
			{0, card, []Effect{strike}, Released},
			{1 * s, card, []Effect{strike}, Released},
			{2 * s, open, []Effect{said(DoorOpened)}, Opened},
			{3 * s, closed, []Effect{said(DoorClosed)}, Released},
			{7 * s, tick, nil, Locked},
		},
		"a second card prolongs the release": {
			{0, closed, nil, Locked},
			{0, card, []Effect{strike}, Released},
			{4 * s, card, []Effect{strike}, Released},
			{9 * s, open, []Effect{said(DoorOpened)}, Opened},
		},
		"start with the door open: found open, not forced, and held in time": {
			{0, open, []Effect{said(DoorFoundOpen)}, Opened},
			{30 * s, tick, []Effect{said(DoorHeld)}, Held},
		},
		"start with the door open, then closed, then opened with no release: forced": {
			{0, open, []Effect{said(DoorFoundOpen)}, Opened},
			{1 * s, closed, []Effect{said(DoorClosed)}, Locked},
			{2 * s, open, []Effect{said(DoorForced)}, Forced},
		},
		"a contact that was lost proves nothing": {
			{0, closed, nil, Locked},
			{1 * s, lost, nil, Locked},
			{2 * s, open, []Effect{said(DoorFoundOpen)}, Opened},
		},
		"a contact that was cut proves nothing": {
			{0, closed, nil, Locked},
			{1 * s, cut, nil, Locked},
			{2 * s, open, []Effect{said(DoorFoundOpen)}, Opened},
		},
		"a contact lost during the release: whether somebody entered is not known": {
			{0, closed, nil, Locked},
			{0, card, []Effect{strike}, Released},
			{1 * s, lost, nil, Released},
			{2 * s, closed, nil, Released},
			{6 * s, tick, nil, Locked},
		},
		"a contact lost while open: held is said when it is seen open again": {
			{0, closed, nil, Locked},
			{0, card, []Effect{strike}, Released},
			{1 * s, open, []Effect{said(DoorOpened)}, Opened},
			{2 * s, lost, nil, Opened},
			{60 * s, tick, nil, Opened},
			{61 * s, open, []Effect{said(DoorHeld)}, Held},
		},
		"a contact lost while open and found closed": {
			{0, closed, nil, Locked},
			{0, card, []Effect{strike}, Released},
			{1 * s, open, []Effect{said(DoorOpened)}, Opened},
			{2 * s, lost, nil, Opened},
			{60 * s, closed, []Effect{said(DoorClosed)}, Locked},
		},
		"repeated reports change nothing": {
			{0, closed, nil, Locked},
			{1 * s, closed, nil, Locked},
			{2 * s, open, []Effect{said(DoorForced)}, Forced},
			{3 * s, open, nil, Forced},
		},
		"the button works before the contact was ever heard": {
			{0, button, []Effect{said(ExitRequested), strike}, Released},
			{1 * s, open, []Effect{said(DoorOpened)}, Opened},
		},
		"new times count from the next release": {
			{0, closed, nil, Locked},
			{0, card, []Effect{strike}, Released},
			{1 * s, Configure{Settings{Release: 2 * s, Held: 10 * s}}, nil, Released},
			{5 * s, open, []Effect{said(DoorOpened)}, Opened},
			{6 * s, closed, []Effect{said(DoorClosed)}, Locked},
			{7 * s, card, []Effect{Strike{2 * s}}, Released},
		},
	} {
		t.Run(name, func(t *testing.T) {
			state := New(Settings{Release: release, Held: held})
			for i, step := range steps {
				var got []Effect
				state, got = Step(state, step.in, step.when)
				if !slices.Equal(got, step.want) || state.Phase() != step.then {
					t.Fatalf("step %d, %T at %v: got %v, %v; want %v, %v", i, step.in, step.when, got, state.Phase(), step.want, step.then)
				}
			}
		})
	}
}

func TestPhasesHaveStableNames(t *testing.T) {
	want := []string{"locked", "released", "opened", "held", "forced", "unlocked", "unknown"}
	for p, name := range want {
		if got := Phase(p).String(); got != name {
			t.Errorf("phase %d is %q, want %q", p, got, name)
		}
	}
}

var (
	unlock   = Unlock{}
	secure   = Secure{}
	restored = Restored{}
	free     = Strike{UnlockFor}
	keep     = Keep{UnlockFor}
	isLocked = LockIs{LockLocked}
	isLoose  = LockIs{LockUnlocked}
)

type course map[string][]at

func (c course) run(t *testing.T, with Settings) {
	t.Helper()
	for name, steps := range c {
		t.Run(name, func(t *testing.T) {
			state := New(with)
			for i, step := range steps {
				var got []Effect
				state, got = Step(state, step.in, step.when)
				if !slices.Equal(got, step.want) || state.Phase() != step.then {
					t.Fatalf("step %d, %T at %v: got %v, %v; want %v, %v", i, step.in, step.when, got, state.Phase(), step.want, step.then)
				}
			}
		})
	}
}

// R43-2: who holds a door open is warned before the alarm, once in an opening.
func TestAHeldDoorIsAnnounced(t *testing.T) {
	const s = time.Second
	course{
		"a third of the time before": {
			{0, closed, nil, Locked},
			{0, card, []Effect{strike}, Released},
			{1 * s, open, []Effect{said(DoorOpened)}, Opened},
			{21*s - 1, tick, nil, Opened},
			{21 * s, tick, []Effect{said(HeldWarning)}, Opened},
			{31 * s, tick, []Effect{said(DoorHeld)}, Held},
		},
		"not twice: a card after the warning gives more time, and no second warning": {
			{0, open, []Effect{said(DoorFoundOpen)}, Opened},
			{20 * s, tick, []Effect{said(HeldWarning)}, Opened},
			{25 * s, card, []Effect{strike}, Opened},
			{50 * s, tick, nil, Opened},
			{55 * s, tick, []Effect{said(DoorHeld)}, Held},
		},
		"a card before the warning puts it off": {
			{0, open, []Effect{said(DoorFoundOpen)}, Opened},
			{19 * s, card, []Effect{strike}, Opened},
			{20 * s, tick, nil, Opened},
			{39 * s, tick, []Effect{said(HeldWarning)}, Opened},
		},
		"closed in time, no alarm": {
			{0, open, []Effect{said(DoorFoundOpen)}, Opened},
			{20 * s, tick, []Effect{said(HeldWarning)}, Opened},
			{29 * s, closed, []Effect{said(DoorClosed)}, Locked},
			{99 * s, tick, nil, Locked},
		},
		"the contact was lost until it was too late to warn": {
			{0, open, []Effect{said(DoorFoundOpen)}, Opened},
			{1 * s, lost, nil, Opened},
			{40 * s, open, []Effect{said(DoorHeld)}, Held},
		},
	}.run(t, Settings{Release: release, Held: held, Warn: warn})
}

func TestAShortHeldTimeHasNoWarning(t *testing.T) {
	for of, want := range map[time.Duration]time.Duration{
		time.Second: 0, 2999 * time.Millisecond: 0, 3 * time.Second: time.Second, 30 * time.Second: 10 * time.Second, time.Hour: 20 * time.Minute,
	} {
		if got := WarnBefore(of); got != want {
			t.Errorf("held after %v: warned %v before, want %v", of, got, want)
		}
	}
}

func TestALockThatIsNotLockedIsReported(t *testing.T) {
	const s = time.Second
	course{
		"after a while, once, and when it is locked again": {
			{0, closed, nil, Locked},
			{1 * s, isLoose, nil, Locked},
			{3*s - 1, tick, nil, Locked},
			{3 * s, tick, []Effect{said(LockUnsecured)}, Locked},
			{9 * s, isLoose, nil, Locked},
			{20 * s, isLocked, []Effect{said(LockSecured)}, Locked},
		},
		"a bolt on its way is not": {
			{0, isLoose, nil, Locked},
			{1 * s, isLocked, nil, Locked},
			{9 * s, tick, nil, Locked},
		},
		"not during a release; from its end it has its time": {
			{0, card, []Effect{strike}, Released},
			{1 * s, isLoose, nil, Released},
			{6 * s, tick, nil, Locked},
			{8*s - 1, tick, nil, Locked},
			{8 * s, tick, []Effect{said(LockUnsecured)}, Locked},
		},
		"not while the door is open: the bolt has nothing to lock into": {
			{0, isLoose, nil, Locked},
			{1 * s, open, []Effect{said(DoorFoundOpen)}, Opened},
			{9 * s, closed, []Effect{said(DoorClosed)}, Locked},
			{11 * s, tick, []Effect{said(LockUnsecured)}, Locked},
		},
		"not while it stands unlocked": {
			{0, unlock, []Effect{said(DoorUnlocked), free}, Unlocked},
			{0, isLoose, nil, Unlocked},
			{5 * s, tick, nil, Unlocked},
			{6 * s, secure, []Effect{said(DoorSecured), Relock{}}, Released},
			{8 * s, tick, nil, Locked},
			{8500 * time.Millisecond, isLocked, nil, Locked},
		},
		"a lost line neither raises nor ends it": {
			{0, isLoose, nil, Locked},
			{1 * s, LockIs{LockUnknown}, nil, Locked},
			{9 * s, isLoose, nil, Locked},
			{11 * s, tick, []Effect{said(LockUnsecured)}, Locked},
			{12 * s, LockIs{LockFault}, nil, Locked},
			{13 * s, isLoose, nil, Locked},
			{30 * s, isLocked, []Effect{said(LockSecured)}, Locked},
		},
	}.run(t, Settings{Release: release, Held: held})
}

func TestADoorThatStandsUnlockedDoes(t *testing.T) {
	const s = time.Second
	course{
		"renewed, opened and closed, secured": {
			{0, closed, nil, Locked},
			{0, unlock, []Effect{said(DoorUnlocked), free}, Unlocked},
			{1 * s, unlock, nil, Unlocked},
			{10 * s, tick, []Effect{keep}, Unlocked},
			{11 * s, open, []Effect{said(DoorOpened)}, Unlocked},
			{20 * s, tick, []Effect{keep}, Unlocked},
			{50 * s, tick, []Effect{keep}, Unlocked},
			{51 * s, closed, []Effect{said(DoorClosed)}, Unlocked},
			{52 * s, secure, []Effect{said(DoorSecured), Relock{}}, Released},
			{53 * s, tick, nil, Locked},
			{53 * s, secure, nil, Locked},
			{54 * s, open, []Effect{said(DoorForced)}, Forced},
		},
		"secured while open: open from now on": {
			{0, closed, nil, Locked},
			{0, unlock, []Effect{said(DoorUnlocked), free}, Unlocked},
			{1 * s, open, []Effect{said(DoorOpened)}, Unlocked},
			{2 * s, secure, []Effect{said(DoorSecured), Relock{}}, Opened},
			{32*s - 1, tick, nil, Opened},
			{32 * s, tick, []Effect{said(DoorHeld)}, Held},
		},
		"an opening reported just after securing is not forced": {
			{0, closed, nil, Locked},
			{0, unlock, []Effect{said(DoorUnlocked), free}, Unlocked},
			{2 * s, secure, []Effect{said(DoorSecured), Relock{}}, Released},
			{2500 * time.Millisecond, open, []Effect{said(DoorOpened)}, Opened},
		},
		"somebody on the way out when it is secured keeps the time": {
			{0, closed, nil, Locked},
			{0, unlock, []Effect{said(DoorUnlocked), free}, Unlocked},
			{2 * s, button, []Effect{said(ExitRequested), free}, Unlocked},
			{4 * s, secure, []Effect{said(DoorSecured), Strike{3 * s}}, Released},
			{8 * s, tick, nil, Locked},
		},
		"unlocking a held door ends the holding": {
			{0, open, []Effect{said(DoorFoundOpen)}, Opened},
			{30 * s, tick, []Effect{said(DoorHeld)}, Held},
			{31 * s, unlock, []Effect{said(DoorUnlocked), free}, Unlocked},
			{32 * s, closed, []Effect{said(DoorClosed)}, Unlocked},
		},
		"unlocking a forced door hides nothing": {
			{0, closed, nil, Locked},
			{0, open, []Effect{said(DoorForced)}, Forced},
			{1 * s, unlock, []Effect{said(DoorUnlocked), free}, Forced},
			{11 * s, tick, []Effect{keep}, Forced},
			{12 * s, closed, []Effect{said(DoorClosed)}, Unlocked},
		},
		"whose card's release was running is not awaited any more": {
			{0, closed, nil, Locked},
			{0, card, []Effect{strike}, Released},
			{1 * s, unlock, []Effect{said(DoorUnlocked), free}, Unlocked},
			{9 * s, tick, nil, Unlocked},
		},
		"its contact is lost and comes back": {
			{0, closed, nil, Locked},
			{0, unlock, []Effect{said(DoorUnlocked), free}, Unlocked},
			{1 * s, open, []Effect{said(DoorOpened)}, Unlocked},
			{2 * s, lost, nil, Unlocked},
			{3 * s, closed, []Effect{said(DoorClosed)}, Unlocked},
			{4 * s, cut, nil, Unlocked},
			{5 * s, open, []Effect{said(DoorFoundOpen)}, Unlocked},
		},
		"its device is lost and comes back: released again at once": {
			{0, unlock, []Effect{said(DoorUnlocked), free}, Unlocked},
			{9 * s, restored, []Effect{free}, Unlocked},
			{18 * s, tick, nil, Unlocked},
			{19 * s, tick, []Effect{keep}, Unlocked},
		},
		"renewals that were missed are not made up for": {
			{0, unlock, []Effect{said(DoorUnlocked), free}, Unlocked},
			{95 * s, tick, []Effect{keep}, Unlocked},
			{104 * s, tick, nil, Unlocked},
			{105 * s, tick, []Effect{keep}, Unlocked},
		},
	}.run(t, Settings{Release: release, Held: held})
}

// Case 47: the return of a device releases nothing and locks nobody in.
func TestADeviceThatComesBackDoes(t *testing.T) {
	const s = time.Second
	course{
		"at rest: put to rest": {
			{0, restored, []Effect{Rest{}}, Locked},
		},
		"during a release: left alone, and locked at its end": {
			{0, button, []Effect{said(ExitRequested), strike}, Released},
			{2 * s, restored, nil, Released},
			{5*s - 1, tick, nil, Released},
			{5 * s, tick, []Effect{Relock{}}, Released},
			{6 * s, tick, nil, Locked},
		},
		"just after a release": {
			{0, button, []Effect{said(ExitRequested), strike}, Released},
			{5 * s, restored, []Effect{Rest{}}, Released},
		},
	}.run(t, Settings{Release: release, Held: held})
}

// A lock that does not return by itself is told to.
func TestALatchingLockIsLockedAtTheEndOfEachRelease(t *testing.T) {
	const s = time.Second
	course{
		"not opened": {
			{0, closed, nil, Locked},
			{0, card, []Effect{strike}, Released},
			{5 * s, tick, []Effect{Relock{}}, Released},
			{6 * s, tick, []Effect{said(NotEntered)}, Locked},
		},
		"open longer than that": {
			{0, card, []Effect{strike}, Released},
			{1 * s, open, []Effect{said(DoorOpened)}, Opened},
			{5 * s, tick, []Effect{Relock{}}, Opened},
			{7 * s, closed, []Effect{said(DoorClosed)}, Locked},
		},
		"prolonged": {
			{0, card, []Effect{strike}, Released},
			{4 * s, button, []Effect{said(ExitRequested), strike}, Released},
			{5 * s, tick, nil, Released},
			{9 * s, tick, []Effect{Relock{}}, Released},
		},
		"released during a forced opening": {
			{0, closed, nil, Locked},
			{0, open, []Effect{said(DoorForced)}, Forced},
			{1 * s, button, []Effect{said(ExitRequested), strike}, Forced},
			{6 * s, tick, []Effect{Relock{}}, Forced},
		},
		"stands unlocked, and somebody is on the way out at its end": {
			{0, unlock, []Effect{said(DoorUnlocked), free}, Unlocked},
			{9 * s, button, []Effect{said(ExitRequested), free}, Unlocked},
			{10 * s, secure, []Effect{said(DoorSecured)}, Released},
			{14 * s, tick, []Effect{Relock{}}, Released},
		},
	}.run(t, Settings{Release: release, Held: held, Latching: true})
}
