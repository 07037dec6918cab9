package harness

import (
	"testing"

	"kanmon/firmware-sim/control"
)

// R43-2, R121-1: while gas is released in the server room nobody gets in there, and elsewhere people do; the way out stays open. A fire alarm is an alarm and opens no
// door. Both are alarms at the centre until they are over.
func TestGasKeepsPeopleOutOfItsAreaAndFireMovesNoDoor(t *testing.T) {
	s := Start(t)
	s.AwaitDoors()
	if a := s.Tap("IN-1", "佐藤"); !a.Released {
		t.Fatalf("before the gas: %+v", a)
	}
	s.Do(control.Request{Op: control.Gas})
	s.AwaitEvent("the gas", func(e Event) bool { return e.Kind == "gas_alarm" })
	if a := s.Tap("IN-1", "鈴木"); a.Released || a.LED != "red" {
		t.Errorf("under gas: %+v", a)
	}
	s.AwaitEvent("the refusal", func(e Event) bool { return e.Reason == "gas_suppression" && e.Door == "D-1" })
	if a := s.Tap("IN-2", "山本"); !a.Released {
		t.Errorf("in another area: %+v", a)
	}
	s.Do(control.Request{Op: control.Exit, Door: "D-1"})
	s.AwaitEvent("the way out", func(e Event) bool { return e.Kind == "request_to_exit" && e.Door == "D-1" })
	s.Do(control.Request{Op: control.GasClear})
	s.AwaitEvent("the end of the gas", func(e Event) bool { return e.Kind == "gas_cleared" })
	if a := s.Tap("IN-1", "田中"); !a.Released {
		t.Errorf("after the gas: %+v", a)
	}

	strikes := len(s.Strikes())
	s.Do(control.Request{Op: control.Fire})
	s.AwaitEvent("the fire", func(e Event) bool { return e.Kind == "fire_alarm" })
	s.await("its alarm", func() bool { return len(s.alarms("fire_alarm")) == 1 })
	s.Do(control.Request{Op: control.FireClear})
	s.AwaitEvent("the end of the fire", func(e Event) bool { return e.Kind == "fire_cleared" })
	if now := len(s.Strikes()); now != strikes {
		t.Errorf("%d strikes moved in a fire", now-strikes)
	}
}
