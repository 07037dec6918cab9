package osdp

import (
	"encoding/binary"
	"fmt"
)

// OutputControl says what an output does.
type OutputControl byte

// Output controls. A strike is released with OutputOnTimed and a timer, so that a controller that dies leaves a
// locked door behind.
const (
	OutputLeave    OutputControl = iota
	OutputOff                    // permanently off, timer cancelled
	OutputOn                     // permanently on, timer cancelled
	OutputOffLater               // permanently off when the timer has run
	OutputOnLater                // permanently on when the timer has run
	OutputOnTimed                // on for the timer, then the permanent state
	OutputOffTimed               // off for the timer, then the permanent state
)

// Output is one record of an OUT command.
type Output struct {
	Number  byte
	Control OutputControl
	Timer   uint16 // units of 100 ms; 0 with a timed control means for ever
}

const outputSize = 4

// Append writes one record; a command may carry several.
func (o Output) Append(dst []byte) []byte {
	return binary.LittleEndian.AppendUint16(append(dst, o.Number, byte(o.Control)), o.Timer)
}

// ParseOutputs reads the records of an OUT command.
func ParseOutputs(data []byte) ([]Output, error) {
	rs, err := records("OUT", data, outputSize)
	if err != nil {
		return nil, err
	}
	outs := make([]Output, 0, len(rs))
	for _, r := range rs {
		o := Output{Number: r[0], Control: OutputControl(r[1]), Timer: binary.LittleEndian.Uint16(r[2:])}
		if o.Control > OutputOffTimed {
			return nil, fmt.Errorf("OUT: %w: control %d", ErrValue, r[1])
		}
		outs = append(outs, o)
	}
	return outs, nil
}
