// Package pd simulates OSDP peripherals: readers and I/O devices on one line. It speaks through the codec of
// package osdp and knows nothing of the controller's bus; what it shows (lights, beeps, outputs) can be watched,
// and what happens to it (a card, a pressed button, an opened cover, a pulled cable) is one call.
package pd

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"kanmon/reader/osdp"
)

// Config of one device. A device always has its own key: there is no install mode here.
type Config struct {
	Name    string
	Address byte
	Key     osdp.Key // at the start; KEYSET replaces it
	// KeepKey stores a key that the controller has given, before the device says that it has it and uses it. An error refuses the
	// key. It may be nil, for a device that forgets; it must not call the device.
	KeepKey func(osdp.Key) error
	Readers int // 1 for a reader, 0 for an I/O device
	Inputs  int
	Outputs int
	Serial  uint32
	// Energised is called for each OUT record that turns an output on, before it does and before the answer; it may be nil
	// and must not call the device.
	Energised func(output int, at time.Time)
}

// maker is what the simulator calls itself in PDID: no registered maker's number.
var maker = [3]byte{0x4B, 0x4D, 0x4E}

type output struct {
	on    bool      // permanent state
	timed bool      // temporary state
	until time.Time // end of the temporary state; zero: none
}

func (o output) active(now time.Time) bool {
	if now.Before(o.until) {
		return o.timed
	}
	return o.on
}

type report struct {
	code osdp.Code
	data []byte
}

// Device is one simulated peripheral, safe for concurrent use.
type Device struct {
	config Config
	random io.Reader

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at every change

	// application
	inputs  []bool
	outputs []output
	tamper  bool
	power   bool
	muted   bool
	led     osdp.LED
	ledTill time.Time
	shows   int
	beeps   int
	marks   Marks
	queue   []report
	sent    []report // handed to the controller, not yet confirmed by its next number

	// protocol, in session.go
	protocol protocol
}

// New makes a device. Its random source is crypto/rand.Reader outside tests.
func New(c Config, random io.Reader) (*Device, error) {
	if c.Address > osdp.MaxAddress {
		return nil, fmt.Errorf("device %q: address %d", c.Name, c.Address)
	}
	if c.Key.IsZero() || c.Key.IsDefault() {
		return nil, fmt.Errorf("device %q: needs a key of its own", c.Name)
	}
	return &Device{
		config: c, random: random, changed: make(chan struct{}),
		inputs: make([]bool, c.Inputs), outputs: make([]output, c.Outputs), protocol: protocol{key: c.Key},
	}, nil
}

// Name of the device in the configuration.
func (d *Device) Name() string { return d.config.Name }

// Snapshot is what can be seen of a device.
type Snapshot struct {
	LED     string // off, red, green, amber, …
	Shows   int    // LED records taken since the start
	Beeps   int    // tones asked for since the start
	Outputs []bool
	Inputs  []bool
	Secure  bool // a secure session is up
	Muted   bool
	Waiting int // reports the controller has not confirmed yet
}

var colours = [...]string{"off", "red", "green", "amber", "blue", "magenta", "cyan", "white"}

// Snapshot of the device now.
func (d *Device) Snapshot() Snapshot {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.snapshot(time.Now())
}

func (d *Device) snapshot(now time.Time) Snapshot {
	colour := d.led.Permanent.On
	if now.Before(d.ledTill) {
		colour = d.led.Temporary.On
	}
	s := Snapshot{
		LED: colours[colour], Shows: d.shows, Beeps: d.beeps, Secure: d.protocol.session != nil, Muted: d.muted,
		Waiting: len(d.queue) + len(d.sent), Inputs: append([]bool(nil), d.inputs...),
	}
	for _, o := range d.outputs {
		s.Outputs = append(s.Outputs, o.active(now))
	}
	return s
}

// Await returns the first snapshot for which ok holds, looking at every change.
func (d *Device) Await(ctx context.Context, ok func(Snapshot) bool) (Snapshot, error) {
	for {
		d.mu.Lock()
		s, changed := d.snapshot(time.Now()), d.changed
		d.mu.Unlock()
		if ok(s) {
			return s, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return s, fmt.Errorf("device %s: %w", d.config.Name, ctx.Err())
		}
	}
}

// Marks are moments a measurement wants: when the last card report was written to the line, and when the last OUT
// command had been read from it.
type Marks struct{ CardSent, OutputRead time.Time }

// Marks of the device so far.
func (d *Device) Marks() Marks {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.marks
}

// change runs fn under the lock and wakes whoever waits.
func (d *Device) change(fn func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fn()
	d.wake()
}

func (d *Device) wake() {
	close(d.changed)
	d.changed = make(chan struct{})
}

// mostWaiting bounds the reports kept for a controller that does not ask; the oldest go first.
const mostWaiting = 64

func (d *Device) enqueue(code osdp.Code, data []byte) {
	d.queue = append(d.queue, report{code, data})
	d.queue = slices.Delete(d.queue, 0, max(0, len(d.queue)-mostWaiting))
}

// mostBits is more than any card has, and fits into the shortest receive buffer of a controller (osdp.SafeFrame).
const mostBits = 512

// Present holds a card of count bits, left aligned, to the reader.
func (d *Device) Present(count int, bits []byte) error {
	if count > mostBits {
		return fmt.Errorf("present card: %d bits, at most %d", count, mostBits)
	}
	card, err := osdp.NewRawCard(0, osdp.CardBits, count, bits)
	if err != nil {
		return fmt.Errorf("present card: %w", err)
	}
	d.change(func() { d.enqueue(osdp.ReplyRaw, card.Append(nil)) })
	return nil
}

// Type presses keys on the reader's keypad.
func (d *Device) Type(keys string) error {
	pressed, err := osdp.NewKeypad(0, []byte(keys))
	if err != nil {
		return fmt.Errorf("type: %w", err)
	}
	d.change(func() { d.enqueue(osdp.ReplyKeypad, pressed.Append(nil)) })
	return nil
}

// SetInput makes an input active or inactive and reports all inputs.
func (d *Device) SetInput(n int, active bool) {
	d.change(func() {
		d.inputs[n] = active
		d.enqueue(osdp.ReplyInputStatus, d.inputStatus())
	})
}

// SetTamper opens or closes the device's cover.
func (d *Device) SetTamper(on bool) {
	d.change(func() {
		d.tamper = on
		d.enqueue(osdp.ReplyLocalStatus, d.localStatus())
	})
}

// Mute makes the device fall silent as if its cable were pulled, or come back.
func (d *Device) Mute(on bool) { d.change(func() { d.muted = on }) }

func (d *Device) inputStatus() []byte {
	states := make(osdp.InputStatus, len(d.inputs))
	for i, on := range d.inputs {
		if on {
			states[i] = osdp.InputActive
		}
	}
	return states.Append(nil)
}

func (d *Device) localStatus() []byte {
	return osdp.LocalStatus{Tamper: d.tamper, PowerFailure: d.power}.Append(nil)
}
