// Package output drives what unlocks a door. A driver promises that the lock returns to rest by itself where its output
// can: the time of a release is then counted by the board, so that a program that dies leaves a locked door behind
// (SelfLocking).
//
// There are three kinds of locks (Strike) and any kind of output under them (Coil): an output of an OSDP device here, a relay of a
// Modbus board in package relayboard, a GPIO line in package gpio.
package output

import (
	"context"
	"fmt"
	"time"

	"kanmon/internal/fault"
)

// MaxRelease bounds one release. PulseFor is how long a lock that is moved by pulses is energised.
const (
	MaxRelease = time.Minute
	PulseFor   = 500 * time.Millisecond
)

// Strike is one door's lock.
type Strike interface {
	// Release unlocks for a time of at most MaxRelease, counted anew from now, and returns when the device has
	// confirmed it. After an error the door may be released or not.
	Release(ctx context.Context, d time.Duration) error
	// Keep is Release for a lock that is released already and is to stay so.
	Keep(ctx context.Context, d time.Duration) error
	// Lock returns the lock to rest at once.
	Lock(ctx context.Context) error
	// Rest makes sure of the state of rest when nothing releases the lock, above all after its device had no power. A release
	// that the device still counts is left to run out, where the device can.
	Rest(ctx context.Context) error
	// SelfLocking reports whether a release ends when the program dies.
	SelfLocking() bool
}

// Coil is one output.
type Coil interface {
	// Set leaves the output energised or not until further notice.
	Set(ctx context.Context, on bool) error
	// Flash puts the output into a state for a time that the board counts, and then into the other. An output without such a timer
	// stays in that state.
	Flash(ctx context.Context, on bool, d time.Duration) error
	// Settle gives the output the state that it has when no Flash runs. One that runs is left to run out, where the board can.
	Settle(ctx context.Context, on bool) error
	// Returns reports whether a Flash ends when the program dies.
	Returns() bool
}

// EnergiseToUnlock is a lock that is locked without power (通電時解錠).
type EnergiseToUnlock struct{ Coil Coil }

// Release implements Strike.
func (l EnergiseToUnlock) Release(ctx context.Context, d time.Duration) error {
	return flash(ctx, l.Coil, true, d)
}

// Keep implements Strike.
func (l EnergiseToUnlock) Keep(ctx context.Context, d time.Duration) error { return l.Release(ctx, d) }

// Lock implements Strike.
func (l EnergiseToUnlock) Lock(ctx context.Context) error {
	return trouble(l.Coil.Set(ctx, false), "lock the strike")
}

// Rest implements Strike. A board that has power again has its outputs off, which is rest; a line without a timer may still be on.
func (l EnergiseToUnlock) Rest(ctx context.Context) error {
	if l.Coil.Returns() {
		return nil
	}
	return l.Lock(ctx)
}

// SelfLocking implements Strike.
func (l EnergiseToUnlock) SelfLocking() bool { return l.Coil.Returns() }

// EnergiseToLock is a lock that is unlocked without power (通電時施錠): energised at rest, and off for the time of a release. A loss of
// power unlocks it by its nature, and so does a board that had none: Rest energises it again.
type EnergiseToLock struct{ Coil Coil }

// Release implements Strike.
func (l EnergiseToLock) Release(ctx context.Context, d time.Duration) error {
	return flash(ctx, l.Coil, false, d)
}

// Keep implements Strike.
func (l EnergiseToLock) Keep(ctx context.Context, d time.Duration) error { return l.Release(ctx, d) }

// Lock implements Strike.
func (l EnergiseToLock) Lock(ctx context.Context) error {
	return trouble(l.Coil.Set(ctx, true), "lock the strike")
}

// Rest implements Strike.
func (l EnergiseToLock) Rest(ctx context.Context) error {
	return trouble(l.Coil.Settle(ctx, true), "put the strike to rest")
}

// SelfLocking implements Strike.
func (l EnergiseToLock) SelfLocking() bool { return l.Coil.Returns() }

// Pulse is a lock that a pulse unlocks and another one locks (瞬時通電施解錠). It stays as it is in between, so it is SelfLocking only when it
// locks by itself. Its outputs must count their own time.
type Pulse struct {
	Unlocks    Coil
	Locks      Coil // nil: none, which needs AutoRelock
	AutoRelock bool // the lock itself locks after its time, or when the door has closed
}

// Release implements Strike. The end of it is a Lock, or the lock's own.
func (l Pulse) Release(ctx context.Context, d time.Duration) error {
	if err := checkRelease(d); err != nil {
		return err
	}
	return trouble(l.Unlocks.Flash(ctx, true, PulseFor), "release the strike")
}

// Keep implements Strike. A lock that stays unlocked is spared the pulse.
func (l Pulse) Keep(ctx context.Context, d time.Duration) error {
	if !l.AutoRelock {
		return nil
	}
	return l.Release(ctx, d)
}

// Lock implements Strike.
func (l Pulse) Lock(ctx context.Context) error {
	if l.Locks == nil {
		return nil
	}
	return trouble(l.Locks.Flash(ctx, true, PulseFor), "lock the strike")
}

// Rest implements Strike: a program that died may have left it unlocked.
func (l Pulse) Rest(ctx context.Context) error { return l.Lock(ctx) }

// SelfLocking implements Strike.
func (l Pulse) SelfLocking() bool { return l.AutoRelock }

func flash(ctx context.Context, c Coil, on bool, d time.Duration) error {
	if err := checkRelease(d); err != nil {
		return err
	}
	return trouble(c.Flash(ctx, on, d), "release the strike")
}

// checkRelease also refuses a release of 0, which to some boards means for ever.
func checkRelease(d time.Duration) error {
	if d <= 0 || d > MaxRelease {
		return fault.New(fault.Invalid, "output.release", fmt.Sprintf("release for %v", d))
	}
	return nil
}

func trouble(err error, doing string) error { return fault.Wrap(fault.KindOf(err), err, doing) }
