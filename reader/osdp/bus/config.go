package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"kanmon/internal/fault"
	"kanmon/reader/osdp"
	"kanmon/reader/osdp/bus/internal/exchange"
)

// Port is one opening of the serial line; *serialport.Port is one. Received delivers bytes as they come and is
// closed when the line is lost; Err then says why. Write hands bytes to the line and does not take for ever.
type Port = exchange.Port

// Config describes one line. Open, Devices, Rand, Log and Emit are required.
type Config struct {
	// Open waits until the line is there and returns it; it is called again when the line was lost. An
	// error other than that of ctx ends Run: it means that the line can never open.
	Open func(ctx context.Context) (Port, error)
	// Devices on the line.
	Devices []Device
	// Baud is the rate of the line in bits per second, from which the time of a frame on the wire is
	// reckoned. Zero means 9600, which is right for a pseudo terminal too.
	Baud int
	// PollGap is how long a device that had nothing to say is left in peace before its next POLL, counted
	// from its reply. With several devices the line is shared inside this time. Zero means 10 ms.
	PollGap time.Duration
	// Timing holds all other times and counts; zero fields have their defaults.
	Timing Timing
	// Rand gives RND.A: crypto/rand.Reader. Run refuses to start when it cannot be read.
	Rand io.Reader
	// Log must not be nil.
	Log *slog.Logger
	// Emit takes every event, one at a time, in order, on the goroutine that serves the line: until it
	// returns no device is polled. It must only hand the event on, must never wait, and must not call Do.
	Emit func(Event)
}

// Device is one peripheral device.
type Device struct {
	// Name by which events and commands call it, unique on the line.
	Name string
	// Address on the line, 0 to 126, unique on the line.
	Address byte
	// Key is the SCBK of this device and of no other. There is no way to run a device without one.
	Key osdp.Key
	// Pending is the key that is to take the place of Key, or none. It must be on disk before Run: it is given to the device in a
	// session under Key, and may have been in an earlier run. KeyProven says that the device has it.
	Pending osdp.Key
}

// Timing holds the times and counts of a line. The defaults are those of DefaultTiming.
type Timing struct {
	Reply         time.Duration // from the end of a command to the first byte of its reply
	InterByte     time.Duration // longest pause inside a frame; serial adapters deliver in lumps
	Repeats       int           // how often an unanswered frame is sent again at once
	Busy          time.Duration // pause before a frame answered with BUSY is sent again
	BusyLimit     int           // so many BUSY to one frame, and the device counts as silent
	Probe         time.Duration // between two tries to reach a silent device
	Offline       time.Duration // without an authentic reply for so long a device is offline
	Command       time.Duration // a command not done by then fails: a strike must not open late
	HandshakeWait time.Duration // after a failed handshake, doubling …
	HandshakeMax  time.Duration // … up to this
	RekeyAfter    time.Duration // age at which a session is replaced
	RekeyFrames   int           // frames after which a session is replaced
	AlarmEvery    time.Duration // the same alarm of one device is repeated no sooner
	KeyOffers     int           // how often a device that does not take its pending key is given it
	KeyWait       time.Duration // after the first offer, doubling
}

// DefaultTiming returns the times and counts used where a Timing leaves them zero.
func DefaultTiming() Timing {
	return Timing{
		Reply: osdp.ReplyTimeout, InterByte: 50 * time.Millisecond, Repeats: 2,
		Busy: 200 * time.Millisecond, BusyLimit: 20,
		Probe: time.Second, Offline: osdp.OfflineAfter, Command: 2 * time.Second,
		HandshakeWait: time.Second, HandshakeMax: time.Minute,
		RekeyAfter: 4 * time.Hour, RekeyFrames: 250_000,
		AlarmEvery: time.Minute, KeyOffers: 5, KeyWait: time.Minute,
	}
}

func (t Timing) withDefaults() Timing {
	d := DefaultTiming()
	return Timing{
		Reply: cmp.Or(t.Reply, d.Reply), InterByte: cmp.Or(t.InterByte, d.InterByte), Repeats: cmp.Or(t.Repeats, d.Repeats),
		Busy: cmp.Or(t.Busy, d.Busy), BusyLimit: cmp.Or(t.BusyLimit, d.BusyLimit),
		Probe: cmp.Or(t.Probe, d.Probe), Offline: cmp.Or(t.Offline, d.Offline), Command: cmp.Or(t.Command, d.Command),
		HandshakeWait: cmp.Or(t.HandshakeWait, d.HandshakeWait), HandshakeMax: cmp.Or(t.HandshakeMax, d.HandshakeMax),
		RekeyAfter: cmp.Or(t.RekeyAfter, d.RekeyAfter), RekeyFrames: cmp.Or(t.RekeyFrames, d.RekeyFrames),
		AlarmEvery: cmp.Or(t.AlarmEvery, d.AlarmEvery), KeyOffers: cmp.Or(t.KeyOffers, d.KeyOffers), KeyWait: cmp.Or(t.KeyWait, d.KeyWait),
	}
}

func (c Config) validate() error {
	switch {
	case c.Open == nil, c.Rand == nil, c.Log == nil, c.Emit == nil:
		return errors.New("Open, Rand, Log and Emit are required")
	case len(c.Devices) == 0:
		return errors.New("a line without devices")
	case c.Baud < 0, c.PollGap < 0:
		return errors.New("a negative rate or poll gap")
	}
	names, addresses := map[string]bool{}, map[byte]string{}
	for i, d := range c.Devices {
		if d.Name == "" || names[d.Name] {
			return fmt.Errorf("device %q: no name, or twice", d.Name)
		}
		if d.Address > osdp.MaxAddress {
			return fmt.Errorf("device %q: address %d is above %d", d.Name, d.Address, osdp.MaxAddress)
		}
		if other, taken := addresses[d.Address]; taken {
			return fmt.Errorf("device %q: address %d is that of %q", d.Name, d.Address, other)
		}
		if err := c.validateKey(i); err != nil {
			return err
		}
		names[d.Name], addresses[d.Address] = true, d.Name
	}
	return nil
}

// validateKey refuses what would make a session worthless: no key, the public default, a key two devices share.
func (c Config) validateKey(i int) error {
	d := c.Devices[i]
	if d.Key.IsZero() || d.Key.IsDefault() || d.Pending.IsDefault() || d.Pending.Equal(d.Key) {
		return fmt.Errorf("device %q: it needs a key of its own, and another one to change to", d.Name)
	}
	for _, other := range c.Devices[:i] {
		if d.shares(other) {
			return fmt.Errorf("devices %q and %q have the same key", other.Name, d.Name)
		}
	}
	return nil
}

func (c Config) checked() (Config, error) {
	if err := c.validate(); err != nil {
		return c, fault.Wrap(fault.Invalid, err, "osdp line")
	}
	c.Baud = cmp.Or(c.Baud, 9600)
	c.PollGap = cmp.Or(c.PollGap, 10*time.Millisecond)
	c.Timing = c.Timing.withDefaults()
	return c, nil
}
