// Package serialreader simulates a serial reader of any profile (reader/line/frame): it holds a card's number in the reader's own frames,
// answers polls, and knows by the bytes that it is sent what it shows. What goes wrong on a line is one call.
package serialreader

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"kanmon/reader"
	"kanmon/reader/credential"
	"kanmon/reader/line/frame"
)

// Config of one reader.
type Config struct {
	Name    string
	Profile frame.Profile
	Address int
}

// Device is one simulated reader, safe for concurrent use. It has one line at a time (Run).
type Device struct {
	config Config
	codec  *frame.Codec

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at every change
	line    io.Writer     // nil: no line
	waiting []onWay       // that a poll fetches
	state   Snapshot
	buf     []byte // what was received and is no command yet
}

// New makes a reader.
func New(c Config) (*Device, error) {
	codec, err := frame.Compile(c.Profile, c.Address)
	if err != nil {
		return nil, fmt.Errorf("serial reader %q: %w", c.Name, err)
	}
	return &Device{config: c, codec: codec, changed: make(chan struct{}), state: Snapshot{LED: off}}, nil
}

// Name of the reader in the configuration.
func (d *Device) Name() string { return d.config.Name }

// Snapshot is what can be seen of a reader.
type Snapshot struct {
	LED     string // off, red, green, amber
	Shows   int    // answers shown since the start
	Polls   int    // answered since the start
	Line    bool   // it has one
	Muted   bool
	Waiting int // cards that no poll has fetched yet
}

const off = "off"

// onWay is a card's frame on its way.
type onWay struct {
	frame []byte
	once  bool // it is sent once, taken or not
}

// Snapshot of the reader now.
func (d *Device) Snapshot() Snapshot {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.snapshot()
}

func (d *Device) snapshot() Snapshot {
	s := d.state
	s.Waiting, s.Line = len(d.waiting), d.line != nil
	return s
}

// Await returns the first snapshot for which ok holds, looking at every change.
func (d *Device) Await(ctx context.Context, ok func(Snapshot) bool) (Snapshot, error) {
	for {
		d.mu.Lock()
		s, changed := d.snapshot(), d.changed
		d.mu.Unlock()
		if ok(s) {
			return s, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return s, fmt.Errorf("serial reader %s: %w", d.config.Name, ctx.Err())
		}
	}
}

func (d *Device) wake() {
	close(d.changed)
	d.changed = make(chan struct{})
}

// Mute makes the reader fall silent as if its cable were pulled, or come back.
func (d *Device) Mute(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state.Muted = on
	d.wake()
}

// Broken is a way in which a frame is broken on the line.
type Broken string

// Ways. The empty one is none.
const (
	Truncated Broken = "truncated" // the second half is missing
	Flipped   Broken = "flipped"   // one bit is wrong
	Short     Broken = "short"     // a byte in the middle is lost, as one with wrong parity is
)

// Present holds a card to the reader, whose frame is broken on the way as how says.
func (d *Device) Present(c credential.Credential, how Broken) error {
	body, err := bodyOf(d.config.Profile.Card, c)
	if err != nil {
		return fmt.Errorf("serial reader %s: %w", d.config.Name, err)
	}
	b, err := how.apply(d.codec.Frame(body))
	if err != nil {
		return err
	}
	return d.send(onWay{b, how != ""})
}

func (how Broken) apply(b []byte) ([]byte, error) {
	middle := len(b) / 2
	switch how {
	case "":
	case Truncated:
		return b[:middle], nil
	case Flipped:
		b[middle] ^= 1
	case Short:
		return append(b[:middle], b[middle+1:]...), nil
	default:
		return nil, fmt.Errorf("a frame is broken as truncated, flipped or short, not as %q", how)
	}
	return b, nil
}

// Send puts bytes on the line as they are: at once, or as the answer to the next poll where the reader is polled.
func (d *Device) Send(b []byte) error { return d.send(onWay{b, true}) }

func (d *Device) send(c onWay) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.state.Muted:
		return nil // nobody hears it
	case d.codec.Every() > 0:
		d.waiting = append(d.waiting, c)
		return nil
	case d.line == nil:
		return errors.New("serial reader " + d.config.Name + " has no line")
	}
	_, err := d.line.Write(c.frame)
	return err
}

// Run speaks on a line until reading it fails: end ctx and close the line to end it. The error is nil when ctx has ended.
func (d *Device) Run(ctx context.Context, line io.ReadWriter) error {
	d.plug(line)
	defer d.plug(nil)
	b := make([]byte, 1024)
	for {
		n, err := line.Read(b)
		if err == nil {
			err = d.received(b[:n])
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("line of serial reader %s: %w", d.config.Name, err)
		}
	}
}

func (d *Device) plug(line io.Writer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.line, d.buf = line, nil
	d.wake()
}

// received finds commands in what comes. Bytes of none are passed over.
func (d *Device) received(b []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.buf = append(d.buf, b...)
	for len(d.buf) > 0 {
		used, err := d.command()
		if err != nil {
			return err
		}
		if used == 0 {
			return nil // half a command
		}
		d.buf = d.buf[used:]
	}
	return nil
}

// command carries out the command at the front, and says how many bytes are done with.
func (d *Device) command() (used int, err error) {
	half := false
	for _, c := range d.commands() {
		if bytes.HasPrefix(d.buf, c.bytes) {
			return len(c.bytes), c.do()
		}
		half = half || bytes.HasPrefix(c.bytes, d.buf)
	}
	if half {
		return 0, nil
	}
	return 1, nil
}

type command struct {
	bytes []byte
	do    func() error
}

// commands are those that the reader's profile has.
func (d *Device) commands() []command {
	var all []command
	add := func(b []byte, do func() error) {
		if len(b) > 0 {
			all = append(all, command{b, do})
		}
	}
	for f, colour := range colours {
		add(d.codec.Show(f), func() error { return d.show(colour) })
	}
	if d.codec.Every() > 0 {
		add(d.codec.Poll(), d.answer)
		add(d.codec.Taken(), d.taken)
	}
	return all
}

var colours = map[reader.Feedback]string{
	reader.ShowGranted: "green", reader.ShowDenied: "red", reader.ShowTrouble: "amber", reader.ShowEnterPIN: "amber", reader.ShowWait: "amber",
}

func (d *Device) show(colour string) error {
	if d.state.Muted {
		return nil
	}
	d.state.LED = colour
	d.state.Shows++
	d.wake()
	return nil
}

// answer answers a poll: with the oldest card, again and again until it is taken where the profile has a word for that; or that there is none.
func (d *Device) answer() error {
	if d.state.Muted {
		return nil
	}
	d.state.Polls++
	defer d.wake()
	b := d.codec.Frame(make([]byte, d.config.Profile.Frame.Fixed))
	if len(d.waiting) > 0 {
		b = d.waiting[0].frame
		if d.waiting[0].once || d.codec.Taken() == nil {
			d.waiting = d.waiting[1:]
		}
	}
	_, err := d.line.Write(b)
	return err
}

func (d *Device) taken() error {
	if len(d.waiting) > 0 && !d.state.Muted {
		d.waiting = d.waiting[1:]
		d.wake()
	}
	return nil
}
