// Package inputs is what the inputs of a controller's devices mean: which one is a button, a contact, a lock or a wire of the cabinet, and
// how each last read. It is pure.
package inputs

import (
	"cmp"
	"fmt"
	"slices"
)

// Level is the state of one input, as OSDP's input status reply numbers them.
type Level uint8

// Levels.
const (
	Inactive Level = iota
	Active
	Short
	Cut
	Faulty
	Unknown
)

// Fault reports whether a supervised line is in trouble.
func (l Level) Fault() bool { return l == Short || l == Cut || l == Faulty }

var levels = [...]string{"inactive", "active", "short", "cut", "fault", "unknown"}

// String is what an event calls the level.
func (l Level) String() string { return levels[min(int(l), len(levels)-1)] }

// Wire is one input of a device, counted from 0.
type Wire struct {
	Device string
	Input  int
}

// Kind says what is wired to an input.
type Kind uint8

// Kinds, in the order in which one report is taken. Buttons come before contacts: when one report holds both the press and the
// opening, the door was released.
const (
	ExitButton Kind = iota // On: pressed
	Contact                // On: the door is open
	Lock                   // On: locked
	Box                    // On: the controller's box is open
	Mains                  // On: the mains are lost
	Battery                // On: the battery is low
	Fire                   // On: fire alarm
	Gas                    // On: the gas of a fire suppression
)

// Point is one wired input.
type Point struct {
	Kind  Kind
	Wire  Wire
	On    Level    // how it reads while what its kind says is so: Inactive or Active
	Door  int      // of a button, a contact and a lock: its number
	Areas []string // of a gas input: where the gas goes
}

// Sense is what a point says.
type Sense uint8

// Senses. The zero value is Silent.
const (
	Silent Sense = iota // nothing was heard since the start, or its device is gone
	On
	Off
	Trouble // a supervised line is cut or shorted, or the device has no such input
)

// Reading is one point read.
type Reading struct {
	Point    Point
	Number   int // of the point in the Board
	Was, Now Level
}

// Sense of the reading.
func (r Reading) Sense() Sense {
	switch {
	case r.Now == Unknown:
		return Silent
	case r.Now.Fault():
		return Trouble
	case r.Now == r.Point.On:
		return On
	default:
		return Off
	}
}

// Pressed reports whether a button goes down. The first report after a start or a loss only says how it stands: the return of a line
// opens no door. Neither does a line in trouble, and one whose trouble ends with the button down does.
func (r Reading) Pressed() bool {
	return r.Now == r.Point.On && r.Was != r.Point.On && r.Was != Unknown
}

// NewFault reports whether the input begins to report a fault, or another one.
func (r Reading) NewFault() bool { return r.Now.Fault() && r.Now != r.Was }

// Fault is how an event says it.
func (r Reading) Fault() string { return fmt.Sprintf("input %d: %s", r.Point.Wire.Input, r.Now) }

// Board is all points of a controller, in the order in which they are taken.
type Board []Point

// NewBoard sorts points.
func NewBoard(points []Point) Board {
	b := slices.Clone(points)
	slices.SortStableFunc(b, func(x, y Point) int { return cmp.Compare(x.Kind, y.Kind) })
	return b
}

// State is how each point of a Board last read.
type State []Level

// Start is the state in which nothing was heard.
func (b Board) Start() State { return slices.Repeat(State{Unknown}, len(b)) }

// Report takes a report of all inputs of a device and returns its points. An input that the device does not have is Faulty: the wiring is
// wrong, and somebody must know.
func (b Board) Report(s State, device string, levels []Level) []Reading {
	return b.read(s, device, func(n int) Level {
		if n < 0 || n >= len(levels) {
			return Faulty
		}
		return levels[n]
	})
}

// Lost forgets what a device had reported: what happens behind its back is not known.
func (b Board) Lost(s State, device string) []Reading {
	return b.read(s, device, func(int) Level { return Unknown })
}

func (b Board) read(s State, device string, level func(input int) Level) []Reading {
	var all []Reading
	for i, p := range b {
		if p.Wire.Device == device {
			r := Reading{Point: p, Number: i, Was: s[i], Now: level(p.Wire.Input)}
			s[i] = r.Now
			all = append(all, r)
		}
	}
	return all
}
