package door

import (
	"slices"
	"testing"
	"time"
)

const (
	release = 5 * time.Second
	held    = 30 * time.Second
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
	want := []string{"locked", "released", "opened", "held", "forced", "unknown"}
	for p, name := range want {
		if got := Phase(p).String(); got != name {
			t.Errorf("phase %d is %q, want %q", p, got, name)
		}
	}
}
