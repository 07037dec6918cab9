// Package cabinet watches the wires that belong to no door: the controller's own box, its mains and its battery, the fire alarm of the
// building and the gas of a fire suppression. All of them are observed: none of them releases or locks a door. Egress in a fire is
// hardware. It is pure.
//
// An alarm is raised when its wire says so for the first time, be it the first word after a start or after a lost device, and cleared when
// the wire says that it is over. What cannot be heard, and a line in trouble, neither raises nor clears.
package cabinet

import (
	"slices"
	"strings"

	"kanmon/controller/inputs"
	"kanmon/internal/event"
)

// kinds are the events of each kind of input.
var kinds = map[inputs.Kind][2]event.Kind{
	inputs.Box:     {event.BoxOpened, event.BoxClosed},
	inputs.Mains:   {event.MainsLost, event.MainsRestored},
	inputs.Battery: {event.BatteryLow, event.BatteryRestored},
	inputs.Fire:    {event.FireAlarm, event.FireCleared},
	inputs.Gas:     {event.GasAlarm, event.GasCleared},
}

// State says which alarms stand. The zero State has none.
type State struct {
	standing []int // numbers of points
	gas      []string
}

// Event takes what one point says and returns the event it makes, if any. Points that belong to a door make none.
func (s State) Event(r inputs.Reading) (next State, e event.Event, is bool) {
	next, e.Kind, is = s.Hear(r)
	e.Device = r.Point.Wire.Device
	if len(r.Point.Areas) == 1 {
		e.Area = r.Point.Areas[0]
	} else {
		e.Detail = event.Clip(strings.Join(r.Point.Areas, ", "), mostDetail)
	}
	return next, e, is
}

const mostDetail = 200

// Hear is Event without what surrounds it.
func (s State) Hear(r inputs.Reading) (next State, k event.Kind, is bool) {
	pair, ours := kinds[r.Point.Kind]
	raised := slices.Contains(s.standing, r.Number)
	switch sense := r.Sense(); {
	case !ours:
		return s, "", false
	case sense == inputs.On && !raised:
		return s.with(r), pair[0], true
	case sense == inputs.Off && raised:
		return s.without(r), pair[1], true
	default:
		return s, "", false
	}
}

func (s State) with(r inputs.Reading) State {
	s.standing = append(slices.Clone(s.standing), r.Number)
	s.gas = append(slices.Clone(s.gas), r.Point.Areas...)
	return s
}

func (s State) without(r inputs.Reading) State {
	s.standing = slices.DeleteFunc(slices.Clone(s.standing), func(n int) bool { return n == r.Number })
	s.gas = slices.Clone(s.gas)
	for _, area := range r.Point.Areas { // an area may have two wires: one of the entries goes
		if i := slices.Index(s.gas, area); i >= 0 {
			s.gas = slices.Delete(s.gas, i, i+1)
		}
	}
	return s
}

// Gas reports whether the gas of a fire suppression is, or is about to be, in an area.
func (s State) Gas(area string) bool { return slices.Contains(s.gas, area) }
