// Package output drives what unlocks a door. A driver promises that the lock returns to rest by itself: the time
// of a release is counted by the output device, so a program that dies leaves a locked door behind.
//
// The one driver so far is an output of an OSDP device. A relay board or a GPIO line becomes another Strike; one
// without a timer of its own needs a watchdog in hardware.
package output

import (
	"context"
	"fmt"
	"time"

	"kanmon/internal/fault"
	"kanmon/reader/osdp"
)

// MaxRelease bounds one release.
const MaxRelease = time.Minute

// Strike is one door's lock.
type Strike interface {
	// Release unlocks for a time of at most MaxRelease, counted anew from now, and returns when the device has
	// confirmed it. After an error the door may be released or not.
	Release(ctx context.Context, d time.Duration) error
	// Lock returns the lock to rest at once.
	Lock(ctx context.Context) error
}

// Sender sends one output record to an OSDP device and waits for its confirmation.
type Sender interface {
	Output(ctx context.Context, device string, o osdp.Output) error
}

// OSDP is an output of an OSDP device on the secure side of the door.
type OSDP struct {
	Line   Sender
	Device string
	Number byte
}

// Release implements Strike with a temporary state, whose timer of 100 ms units the device counts.
func (s OSDP) Release(ctx context.Context, d time.Duration) error {
	if d <= 0 || d > MaxRelease { // a timer of 0 would mean for ever
		return fault.New(fault.Invalid, "output.release", fmt.Sprintf("release for %v", d))
	}
	o := osdp.Output{Number: s.Number, Control: osdp.OutputOnTimed, Timer: max(osdp.Tenths(d), 1)}
	return s.send(ctx, o, "release the strike")
}

// Lock implements Strike.
func (s OSDP) Lock(ctx context.Context) error {
	return s.send(ctx, osdp.Output{Number: s.Number, Control: osdp.OutputOff}, "lock the strike")
}

func (s OSDP) send(ctx context.Context, o osdp.Output, doing string) error {
	err := s.Line.Output(ctx, s.Device, o)
	return fault.Wrap(fault.KindOf(err), err, doing)
}
