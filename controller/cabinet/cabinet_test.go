package cabinet

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"kanmon/controller/inputs"
	"kanmon/internal/event"
)

func board() inputs.Board {
	at := func(k inputs.Kind, n int, areas ...string) inputs.Point {
		return inputs.Point{Kind: k, Wire: inputs.Wire{Device: "IO-1", Input: n}, On: inputs.Active, Areas: areas}
	}
	return inputs.NewBoard([]inputs.Point{
		at(inputs.Contact, 0), at(inputs.Box, 1), at(inputs.Mains, 2), at(inputs.Battery, 3), at(inputs.Fire, 4),
		at(inputs.Gas, 5, "A-1", "A-2"), at(inputs.Gas, 6, "A-2"),
	})
}

func hear(s State, readings []inputs.Reading) (State, []event.Kind) {
	var all []event.Kind
	for _, r := range readings {
		var k event.Kind
		var is bool
		if s, k, is = s.Hear(r); is {
			all = append(all, k)
		}
	}
	return s, all
}

const (
	up   = inputs.Active
	down = inputs.Inactive
	cut  = inputs.Cut
)

// R121-1: what happens to the controller's cabinet is an event, once when it begins and once when it ends.
func TestTheCabinetsWiresMakeEvents(t *testing.T) {
	for name, c := range map[string]struct {
		reports [][]inputs.Level // nil: the device is lost
		want    []event.Kind
	}{
		"quiet at the start": {[][]inputs.Level{{up, down, down, down, down, down, down}}, nil},
		"all of them, and back": {
			[][]inputs.Level{{down, down, down, down, down, down, down}, {down, up, up, up, up, up, down}, {down, down, down, down, down, down, down}},
			[]event.Kind{
				event.BoxOpened, event.MainsLost, event.BatteryLow, event.FireAlarm, event.GasAlarm,
				event.BoxClosed, event.MainsRestored, event.BatteryRestored, event.FireCleared, event.GasCleared,
			},
		},
		"standing at the start": {[][]inputs.Level{{down, down, up, down, down, down, down}}, []event.Kind{event.MainsLost}},
		"said once":             {[][]inputs.Level{{down, up, down, down, down, down, down}, {down, up, down, down, down, down, down}}, []event.Kind{event.BoxOpened}},
		"lost and the same when it is back": {
			[][]inputs.Level{{down, down, down, down, up, down, down}, nil, {down, down, down, down, up, down, down}}, []event.Kind{event.FireAlarm},
		},
		"lost and over when it is back": {
			[][]inputs.Level{{down, down, down, down, up, down, down}, nil, {down, down, down, down, down, down, down}},
			[]event.Kind{event.FireAlarm, event.FireCleared},
		},
		"lost, and begun meanwhile": {
			[][]inputs.Level{{down, down, down, down, down, down, down}, nil, {down, down, down, down, up, down, down}}, []event.Kind{event.FireAlarm},
		},
		"a cut line neither raises nor clears": {
			[][]inputs.Level{{down, cut, cut, down, up, down, down}, {down, down, down, down, cut, down, down}}, []event.Kind{event.FireAlarm},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, s := board(), State{}
			last := b.Start()
			var got []event.Kind
			for _, levels := range c.reports {
				readings := b.Lost(last, "IO-1")
				if levels != nil {
					readings = b.Report(last, "IO-1", levels)
				}
				var kinds []event.Kind
				s, kinds = hear(s, readings)
				got = append(got, kinds...)
			}
			if !slices.Equal(got, c.want) {
				t.Fatalf("events %v, want %v", got, c.want)
			}
		})
	}
}

// An area is under gas from the word of one of its wires until all of them have said that it is over, whatever is lost in between.
func TestAnAreaIsUnderGasUntilEveryWireOfItHasSaidThatItIsOver(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, s := board(), State{}
		last := b.Start()
		one, two := false, false // what the wires last said
		for range rapid.IntRange(1, 30).Draw(t, "length") {
			levels := []inputs.Level{down, down, down, down, down, rapid.SampledFrom([]inputs.Level{up, down, cut}).Draw(t, "one"), rapid.SampledFrom([]inputs.Level{up, down, cut}).Draw(t, "two")}
			readings := b.Report(last, "IO-1", levels)
			if rapid.Bool().Draw(t, "lost") {
				readings, levels = b.Lost(last, "IO-1"), []inputs.Level{down, down, down, down, down, cut, cut}
			}
			s, _ = hear(s, readings)
			one, two = (one || levels[5] == up) && levels[5] != down, (two || levels[6] == up) && levels[6] != down
			if s.Gas("A-1") != one || s.Gas("A-2") != (one || two) || s.Gas("A-3") {
				t.Fatalf("A-1 %v, A-2 %v; the wires said %v, %v", s.Gas("A-1"), s.Gas("A-2"), one, two)
			}
		}
	})
}
