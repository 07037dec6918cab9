package output

import (
	"context"
	"time"

	"kanmon/reader/osdp"
)

// Sender sends one output record to an OSDP device and waits for its confirmation.
type Sender interface {
	Output(ctx context.Context, device string, o osdp.Output) error
}

// OSDP is an output of an OSDP device. OSDP's output controls (IEC 60839-11-5, OUT) are a Coil as they stand: a temporary state with a timer
// of 100 ms units over a permanent one.
type OSDP struct {
	Line   Sender
	Device string
	Number byte
}

// Set implements Coil; a timer that runs is cancelled.
func (c OSDP) Set(ctx context.Context, on bool) error {
	return c.send(ctx, pick(on, osdp.OutputOn, osdp.OutputOff), 0)
}

// Flash implements Coil. The state afterwards is the permanent one, so a lock that rests energised has to be put to rest once (Settle).
func (c OSDP) Flash(ctx context.Context, on bool, d time.Duration) error {
	return c.send(ctx, pick(on, osdp.OutputOnTimed, osdp.OutputOffTimed), max(osdp.Tenths(d), 1)) // a timer of 0 would mean for ever
}

// Settle implements Coil: the permanent state, a timer that runs is left to run out.
func (c OSDP) Settle(ctx context.Context, on bool) error {
	return c.send(ctx, pick(on, osdp.OutputOnLater, osdp.OutputOffLater), 0)
}

// Returns implements Coil.
func (OSDP) Returns() bool { return true }

func (c OSDP) send(ctx context.Context, control osdp.OutputControl, timer uint16) error {
	return c.Line.Output(ctx, c.Device, osdp.Output{Number: c.Number, Control: control, Timer: timer})
}

func pick(on bool, then, otherwise osdp.OutputControl) osdp.OutputControl {
	if on {
		return then
	}
	return otherwise
}
