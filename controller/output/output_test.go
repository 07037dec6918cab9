package output

import (
	"context"
	"errors"
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

// The timer is the device's own: nobody has to come back and lock.
func TestAReleaseIsATemporaryStateWithTheDevicesTimer(t *testing.T) {
	for d, timer := range map[time.Duration]uint16{
		5 * time.Second: 50, 500 * time.Millisecond: 5, 1: 1, 101 * time.Millisecond: 2, MaxRelease: 600,
	} {
		s := &sender{}
		if err := (OSDP{Line: s, Device: "IO-1", Number: 3}).Release(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		want := osdp.Output{Number: 3, Control: 5, Timer: timer} // control 5: on for the timer, then the permanent state
		if s.device != "IO-1" || len(s.sent) != 1 || s.sent[0] != want {
			t.Fatalf("%v: sent %+v to %s, want %+v", d, s.sent, s.device, want)
		}
	}
}

func TestAReleaseWithoutAnEndIsRefused(t *testing.T) {
	for _, d := range []time.Duration{0, -time.Second, MaxRelease + 1} {
		s := &sender{}
		if err := (OSDP{Line: s}).Release(t.Context(), d); fault.KindOf(err) != fault.Invalid || len(s.sent) != 0 {
			t.Fatalf("%v: %v, sent %+v", d, err, s.sent)
		}
	}
}

func TestLockEndsARelease(t *testing.T) {
	s := &sender{}
	if err := (OSDP{Line: s, Device: "IO-1", Number: 1}).Lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := (osdp.Output{Number: 1, Control: 1}); s.sent[0] != want { // control 1: off, timer cancelled
		t.Fatalf("sent %+v, want %+v", s.sent[0], want)
	}
}

func TestAnUnconfirmedCommandIsAnError(t *testing.T) {
	lost := errors.New("no answer")
	s := &sender{err: lost}
	strike := OSDP{Line: s}
	if err := strike.Release(t.Context(), time.Second); !errors.Is(err, lost) {
		t.Fatalf("release: %v", err)
	}
	if err := strike.Lock(t.Context()); !errors.Is(err, lost) {
		t.Fatalf("lock: %v", err)
	}
}
