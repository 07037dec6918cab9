package output

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"kanmon/internal/fault"
	"kanmon/reader/osdp"
)

type sender struct {
	device string
	sent   []osdp.Output
	err    error
}

func (s *sender) Output(_ context.Context, device string, o osdp.Output) error {
	s.device, s.sent = device, append(s.sent, o)
	return s.err
}

// plain is an output that counts nothing.
type plain struct{ OSDP }

func (plain) Returns() bool { return false }

// The numbers are OSDP's output control codes: 1 off, 2 on, 3 off later, 4 on later, 5 on for a time, 6 off for a time.
// The timer is the device's own: nobody has to come back and lock.
func TestEachKindOfLockIsDrivenInItsWay(t *testing.T) {
	ctx := t.Context()
	s := &sender{}
	a, b := OSDP{Line: s, Device: "IO-1", Number: 3}, OSDP{Line: s, Device: "IO-1", Number: 4}
	release := func(l Strike) error { return l.Release(ctx, 5*time.Second) }
	keep := func(l Strike) error { return l.Keep(ctx, 30*time.Second) }
	lock := func(l Strike) error { return l.Lock(ctx) }
	rest := func(l Strike) error { return l.Rest(ctx) }
	for name, c := range map[string]struct {
		lock Strike
		do   func(Strike) error
		want []osdp.Output
	}{
		"energise to unlock, release": {EnergiseToUnlock{a}, release, []osdp.Output{{Number: 3, Control: 5, Timer: 50}}},
		"energise to unlock, keep":    {EnergiseToUnlock{a}, keep, []osdp.Output{{Number: 3, Control: 5, Timer: 300}}},
		"energise to unlock, lock":    {EnergiseToUnlock{a}, lock, []osdp.Output{{Number: 3, Control: 1}}},
		"energise to unlock, rest":    {EnergiseToUnlock{a}, rest, nil},
		"without a timer, rest":       {EnergiseToUnlock{plain{a}}, rest, []osdp.Output{{Number: 3, Control: 1}}},
		"energise to lock, release":   {EnergiseToLock{a}, release, []osdp.Output{{Number: 3, Control: 6, Timer: 50}}},
		"energise to lock, keep":      {EnergiseToLock{a}, keep, []osdp.Output{{Number: 3, Control: 6, Timer: 300}}},
		"energise to lock, lock":      {EnergiseToLock{a}, lock, []osdp.Output{{Number: 3, Control: 2}}},
		"energise to lock, rest":      {EnergiseToLock{a}, rest, []osdp.Output{{Number: 3, Control: 4}}},
		"pulse, release":              {Pulse{Unlocks: a, Locks: b}, release, []osdp.Output{{Number: 3, Control: 5, Timer: 5}}},
		"pulse, keep":                 {Pulse{Unlocks: a, Locks: b}, keep, nil},
		"pulse, lock":                 {Pulse{Unlocks: a, Locks: b}, lock, []osdp.Output{{Number: 4, Control: 5, Timer: 5}}},
		"pulse, rest":                 {Pulse{Unlocks: a, Locks: b}, rest, []osdp.Output{{Number: 4, Control: 5, Timer: 5}}},
		"auto relock, release":        {Pulse{Unlocks: a, AutoRelock: true}, release, []osdp.Output{{Number: 3, Control: 5, Timer: 5}}},
		"auto relock, keep":           {Pulse{Unlocks: a, AutoRelock: true}, keep, []osdp.Output{{Number: 3, Control: 5, Timer: 5}}},
		"auto relock, lock":           {Pulse{Unlocks: a, AutoRelock: true}, lock, nil},
	} {
		s.sent = nil
		if err := c.do(c.lock); err != nil || !slices.Equal(s.sent, c.want) || (len(s.sent) > 0 && s.device != "IO-1") {
			t.Errorf("%s: sent %+v to %s (%v), want %+v", name, s.sent, s.device, err, c.want)
		}
	}
}

func TestAReleaseIsCountedInTenthsOfASecondRoundedUp(t *testing.T) {
	for d, timer := range map[time.Duration]uint16{
		5 * time.Second: 50, 500 * time.Millisecond: 5, 1: 1, 101 * time.Millisecond: 2, MaxRelease: 600,
	} {
		s := &sender{}
		if err := (EnergiseToUnlock{OSDP{Line: s}}).Release(t.Context(), d); err != nil || s.sent[0].Timer != timer {
			t.Errorf("%v: sent %+v (%v), want a timer of %d", d, s.sent, err, timer)
		}
	}
}

func TestOnlyALockWithATimerOfItsOwnLocksWhenTheProgramDies(t *testing.T) {
	timed, without := OSDP{}, plain{}
	for i, c := range []struct {
		lock Strike
		want bool
	}{
		{EnergiseToUnlock{timed}, true},
		{EnergiseToLock{timed}, true},
		{EnergiseToUnlock{without}, false},
		{EnergiseToLock{without}, false},
		{Pulse{Unlocks: timed, Locks: timed}, false},
		{Pulse{Unlocks: timed, AutoRelock: true}, true},
	} {
		if got := c.lock.SelfLocking(); got != c.want {
			t.Errorf("%d: %T %+v locks by itself: %v", i, c.lock, c.lock, got)
		}
	}
}

func locks(c Coil) []Strike {
	return []Strike{EnergiseToUnlock{c}, EnergiseToLock{c}, Pulse{Unlocks: c, Locks: c}}
}

func TestAReleaseWithoutAnEndIsRefused(t *testing.T) {
	s := &sender{}
	for _, l := range locks(OSDP{Line: s}) {
		for _, d := range []time.Duration{0, -time.Second, MaxRelease + 1} {
			if err := l.Release(t.Context(), d); fault.KindOf(err) != fault.Invalid || len(s.sent) != 0 {
				t.Fatalf("%T for %v: %v, sent %+v", l, d, err, s.sent)
			}
		}
	}
}

func TestAnUnconfirmedCommandIsAnError(t *testing.T) {
	lost := errors.New("no answer")
	for _, l := range locks(OSDP{Line: &sender{err: lost}}) {
		if err := l.Release(t.Context(), time.Second); !errors.Is(err, lost) {
			t.Errorf("%T, release: %v", l, err)
		}
		if err := l.Lock(t.Context()); !errors.Is(err, lost) {
			t.Errorf("%T, lock: %v", l, err)
		}
	}
}
