package controller

import (
	"reflect"
	"testing"

	"kanmon/controller/core"
	"kanmon/controller/inputs"
	"kanmon/controller/output"
	"kanmon/controller/output/gpio"
	"kanmon/controller/output/relayboard"
	"kanmon/internal/fault"
)

func TestEveryKindOfLockAndWireIsConfigured(t *testing.T) {
	c, err := LoadConfig("config/testdata/full.json")
	if err != nil {
		t.Fatal(err)
	}
	w := c.Wiring("v")
	if want := []string{"IN-1", "IO-1", "RB-1", "GP-1"}; !reflect.DeepEqual(w.Devices, want) || !w.Bare["RB-1"] || !w.Bare["GP-1"] || w.Bare["IO-1"] {
		t.Errorf("devices %q, bare %v", w.Devices, w.Bare)
	}
	e := &Edge{cfg: c, log: quietLog}
	f, err := e.newField()
	if err != nil {
		t.Fatal(err)
	}
	strikes := f.connect(c, &w)
	for i, want := range []struct {
		driver                output.Strike
		selfLocking, latching bool
	}{
		{output.EnergiseToLock{Coil: output.OSDP{Line: f.lines, Device: "IO-1"}}, true, false},
		{output.EnergiseToUnlock{Coil: relayboard.Coil{Board: f.boards["RB-1"], Number: 7}}, true, false},
		{output.Pulse{Unlocks: relayboard.Coil{Board: f.boards["RB-1"]}, Locks: relayboard.Coil{Board: f.boards["RB-1"], Number: 1}}, false, true},
		{output.Pulse{Unlocks: output.OSDP{Line: f.lines, Device: "IO-1", Number: 1}, AutoRelock: true}, true, false},
		{output.EnergiseToUnlock{Coil: gpio.Line{Chip: f.chips["GP-1"], Number: 17, Watchdog: true}}, true, true},
		{output.EnergiseToLock{Coil: gpio.Line{Chip: f.chips["GP-1"], Number: 27}}, false, true},
	} {
		d := w.Doors[i]
		if got := strikes[d.ID]; !reflect.DeepEqual(got, want.driver) || d.SelfLocking != want.selfLocking || d.Latching != want.latching {
			t.Errorf("%s: %+v, locks by itself %v, latching %v; want %+v", d.ID, got, d.SelfLocking, d.Latching, want)
		}
	}
	var cabinet []inputs.Point
	for i, kind := range []inputs.Kind{inputs.Box, inputs.Mains, inputs.Battery, inputs.Fire, inputs.Gas} {
		p := inputs.Point{Kind: kind, Wire: core.Wire{Device: "IO-1", Input: i + 3}, On: inputs.Active}
		if kind == inputs.Box || kind == inputs.Fire {
			p.On = inputs.Inactive
		}
		cabinet = append(cabinet, p)
	}
	cabinet[4].Areas = []string{"server"}
	if !reflect.DeepEqual(w.Cabinet, cabinet) || *w.Doors[0].Lock != (core.Wire{Device: "IO-1", Input: 2}) || w.Doors[0].LockedWhen != inputs.Active {
		t.Errorf("cabinet %+v, door %+v", w.Cabinet, w.Doors[0])
	}
}

// What the form of a configuration does not show, and the boards refuse.
func TestABoardThatCannotBeDrivenIsRefused(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no address":       func(c *Config) { c.RelayBoards[0].Address = 0 },
		"reserved address": func(c *Config) { c.RelayBoards[0].Address = 248 },
		"far out of range": func(c *Config) { c.RelayBoards[0].Address = 257 },
		"too many relays":  func(c *Config) { c.RelayBoards[0].Relays = 33 },
		"rate nobody has":  func(c *Config) { c.RelayBoards[0].Baud = 12345 },
		"a chip for nothing": func(c *Config) {
			c.Doors = c.Doors[:4]
		},
	} {
		c, err := LoadConfig("config/testdata/full.json")
		if err != nil {
			t.Fatal(err)
		}
		change(&c)
		if _, err := (&Edge{cfg: c, log: quietLog}).newField(); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
