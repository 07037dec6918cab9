package osdp

import (
	"encoding/binary"
	"fmt"
)

// Colour of an LED.
type Colour byte

// Colours.
const (
	Dark Colour = iota
	Red
	Green
	Amber
	Blue
	Magenta
	Cyan
	White
)

// What an LED record does to the temporary and to the permanent state.
const (
	LEDLeave  = 0 // either state: as it was
	LEDCancel = 1 // temporary state: end it and show the permanent one
	LEDStart  = 2 // temporary state: show it and start the timer
	LEDSet    = 1 // permanent state: set it
)

// LEDState is one of the two states of an LED. Times are in units of 100 ms; a steady light has an on time that
// is not 0 and an off time of 0.
type LEDState struct {
	Control         byte
	OnTime, OffTime byte
	On, Off         Colour
}

// LED is one record of an LED command: what one LED of one reader shows for a while, and what after that.
type LED struct {
	Reader, Number byte
	Temporary      LEDState
	Timer          uint16 // life of the temporary state, in units of 100 ms
	Permanent      LEDState
}

const ledSize = 14

// Append writes one record; a command may carry several.
func (l LED) Append(dst []byte) []byte {
	dst = l.Temporary.append(append(dst, l.Reader, l.Number))
	return l.Permanent.append(binary.LittleEndian.AppendUint16(dst, l.Timer))
}

func (s LEDState) append(dst []byte) []byte {
	return append(dst, s.Control, s.OnTime, s.OffTime, byte(s.On), byte(s.Off))
}

// ParseLEDs reads the records of an LED command. A state that is to be shown and has neither an on nor an off
// time, a control or a colour that does not exist are ErrValue.
func ParseLEDs(data []byte) ([]LED, error) {
	rs, err := records("LED", data, ledSize)
	if err != nil {
		return nil, err
	}
	leds := make([]LED, 0, len(rs))
	for _, r := range rs {
		l := LED{
			Reader: r[0], Number: r[1], Temporary: parseLEDState(r[2:7]),
			Timer: binary.LittleEndian.Uint16(r[7:]), Permanent: parseLEDState(r[9:]),
		}
		if !l.Temporary.valid(LEDStart) || !l.Permanent.valid(LEDSet) {
			return nil, fmt.Errorf("LED: %w: %+v", ErrValue, l)
		}
		leds = append(leds, l)
	}
	return leds, nil
}

func parseLEDState(r []byte) LEDState {
	return LEDState{Control: r[0], OnTime: r[1], OffTime: r[2], On: Colour(r[3]), Off: Colour(r[4])}
}

// valid judges a state whose highest control, show, makes it visible.
func (s LEDState) valid(show byte) bool {
	if s.Control > show || s.On > White || s.Off > White {
		return false
	}
	return s.Control != show || s.OnTime != 0 || s.OffTime != 0
}
