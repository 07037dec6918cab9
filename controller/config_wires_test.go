package controller

import (
	"reflect"
	"strings"
	"testing"

	"kanmon/controller/core"
	"kanmon/controller/inputs"
	"kanmon/controller/output"
	"kanmon/controller/output/gpio"
	"kanmon/controller/output/relayboard"
	"kanmon/internal/fault"
)

// fullConfig has every kind of lock and every wire.
const fullConfig = `{
	"site": "demo", "controller": "ctl-1", "data_dir": "data",
	"lines": [{"port": "line0", "devices": [{"name": "IN-1", "address": 1}, {"name": "IO-1", "address": 3}]}],
	"relay_boards": [{"name": "RB-1", "port": "line1", "address": 255, "relays": 8}],
	"gpio": [{"name": "GP-1", "chip": "/dev/gpiochip0", "pull_up": true}],
	"doors": [
		{"id": "D-1", "strike": {"device": "IO-1", "output": 0, "lock": "energise_to_lock"},
			"lock_status": {"device": "IO-1", "input": 2, "locked_when": 1}},
		{"id": "D-2", "strike": {"device": "RB-1", "output": 7}},
		{"id": "D-3", "strike": {"device": "RB-1", "output": 0, "lock": "pulse", "locking": {"device": "RB-1", "output": 1}}},
		{"id": "D-4", "strike": {"device": "IO-1", "output": 1, "lock": "pulse", "auto_relock": true}},
		{"id": "D-5", "strike": {"device": "GP-1", "output": 17, "watchdog": true}, "contact": {"device": "GP-1", "input": 22, "open_when": 1}},
		{"id": "D-6", "strike": {"device": "GP-1", "output": 27, "lock": "energise_to_lock"}, "exit_button": {"device": "GP-1", "input": 5}}
	],
	"cabinet": {
		"box": {"device": "IO-1", "input": 3, "active_when": 0}, "mains": {"device": "IO-1", "input": 4, "active_when": 1},
		"battery": {"device": "IO-1", "input": 5, "active_when": 1}, "fire": {"device": "IO-1", "input": 6, "active_when": 0},
		"gas": [{"areas": ["server"], "device": "IO-1", "input": 7, "active_when": 1}]
	}
}`

func TestEveryKindOfLockAndWireIsConfigured(t *testing.T) {
	c, err := ParseConfig([]byte(fullConfig), "/x")
	if err != nil {
		t.Fatal(err)
	}
	w := c.wiring("v")
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
		p := inputs.Point{Kind: kind, Wire: core.Wire{Device: "IO-1", Input: i + 3}, On: core.Active}
		if kind == inputs.Box || kind == inputs.Fire {
			p.On = core.Inactive
		}
		cabinet = append(cabinet, p)
	}
	cabinet[4].Areas = []string{"server"}
	if !reflect.DeepEqual(w.Cabinet, cabinet) || *w.Doors[0].Lock != (core.Wire{Device: "IO-1", Input: 2}) || w.Doors[0].LockedWhen != core.Active {
		t.Errorf("cabinet %+v, door %+v", w.Cabinet, w.Doors[0])
	}
}

func TestLocksAndWiresThatMakeNoSenseAreRefused(t *testing.T) {
	for name, edit := range map[string][2]string{
		"a kind of lock nobody has":      {`"energise_to_lock"`, `"magnet"`},
		"a pulse that nothing ends":      {`"auto_relock": true`, `"auto_relock": false`},
		"auto relock of another kind":    {`"output": 7`, `"output": 7, "auto_relock": true`},
		"locking output of another kind": {`"output": 7`, `"output": 7, "locking": {"device": "RB-1", "output": 6}`},
		"a pulse on a GPIO line":         {`"output": 17, "watchdog": true`, `"output": 17, "lock": "pulse", "auto_relock": true`},
		"a pulse locked by a GPIO line":  {`"locking": {"device": "RB-1", "output": 1}`, `"locking": {"device": "GP-1", "output": 1}`},
		"a watchdog on a relay":          {`"output": 7`, `"output": 7, "watchdog": true`},
		"an output twice":                {`"locking": {"device": "RB-1", "output": 1}`, `"locking": {"device": "RB-1", "output": 0}`},
		"a relay that is not there":      {`"output": 7`, `"output": 8`},
		"an input of a relay board":      {`{"device": "GP-1", "input": 5}`, `{"device": "RB-1", "input": 5}`},
		"a GPIO line both ways":          {`"input": 22`, `"input": 17`},
		"a GPIO line that is not there":  {`"input": 22`, `"input": 64`},
		"a relay board as a reader":      {`"exit_button": {"device": "GP-1", "input": 5}`, `"exit_readers": ["RB-1"]`},
		"two devices of one name":        {`"name": "GP-1"`, `"name": "RB-1"`},
		"two on one port":                {`"port": "line1"`, `"port": "line0"`},
		"a board without an address":     {`"address": 255`, `"address": 0`},
		"a lock that says neither":       {`"locked_when": 1`, `"locked_when": 2`},
		"a lock whose word is not said":  {`, "locked_when": 1`, ``},
		"an alarm whose word is not said": {
			`"input": 7, "active_when": 1`, `"input": 7`,
		},
		"gas that goes nowhere":     {`["server"]`, `[]`},
		"a cabinet input twice":     {`"input": 7`, `"input": 6`},
		"a wire nobody knows":       {`"box"`, `"flood"`},
		"a cabinet on no device":    {`"mains": {"device": "IO-1"`, `"mains": {"device": "IO-9"`},
		"a lock status taken twice": {`"input": 2`, `"input": 3`},
	} {
		text := strings.Replace(fullConfig, edit[0], edit[1], 1)
		if text == fullConfig {
			t.Fatalf("%s: the edit does nothing", name)
		}
		c, err := ParseConfig([]byte(text), "/x")
		if err == nil {
			_, err = (&Edge{cfg: c, log: quietLog}).newField()
		}
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
