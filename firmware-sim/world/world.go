// Package world is what stands around the simulated devices: doors with strikes, contacts and exit buttons, and
// people who hold cards to readers and walk through doors that let them.
package world

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"kanmon/firmware-sim/control"
	"kanmon/firmware-sim/pd"
	"kanmon/firmware-sim/vreader"
	"kanmon/reader/credential"
)

// Door says which device carries what of one door.
type Door struct {
	ID      string `json:"id"`
	Reader  string `json:"reader"`
	PCSC    string `json:"pcsc,omitempty"` // the virtual PC/SC reader, when it is at this door too
	Device  string `json:"device"`         // the I/O device on the secure side
	Strike  int    `json:"strike"`         // its output
	Contact int    `json:"contact"`        // its input, active while the door stands open
	Button  int    `json:"button"`         // its input, active while the exit button is pressed
}

// How quick the people of this world are.
const (
	answerWithin = 3 * time.Second        // longer, and the person gives up
	reachFor     = 300 * time.Millisecond // from green light to pushing the door
	walkThrough  = 1500 * time.Millisecond
	pressFor     = 500 * time.Millisecond
)

// World is safe for concurrent use.
type World struct {
	devices map[string]*pd.Device
	doors   []Door

	mu    sync.Mutex
	cards map[string]credential.Credential

	pcsc  string          // the virtual PC/SC reader; empty: none
	pcscd *vreader.Daemon // its daemon

	people sync.WaitGroup // those still walking
	noise  func([]byte) error
}

// New makes a world. Every door must name devices that are there.
func New(devices []*pd.Device, doors []Door, cards map[string]string) (*World, error) {
	w := &World{devices: map[string]*pd.Device{}, doors: doors, cards: map[string]credential.Credential{}}
	for _, d := range devices {
		w.devices[d.Name()] = d
	}
	for _, d := range doors {
		if err := w.check(d); err != nil {
			return nil, err
		}
	}
	for name, text := range cards {
		c, err := credential.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("card %q: %w", name, err)
		}
		w.cards[name] = c
	}
	return w, nil
}

// check refuses a door that hangs on what is not there.
func (w *World) check(d Door) error {
	if w.devices[d.Reader] == nil || w.devices[d.Device] == nil {
		return fmt.Errorf("door %s: no device %q or %q on the line", d.ID, d.Reader, d.Device)
	}
	io := w.devices[d.Device].Snapshot()
	if !within(d.Strike, io.Outputs) || !within(d.Contact, io.Inputs) || !within(d.Button, io.Inputs) {
		return fmt.Errorf("door %s: %s has %d outputs and %d inputs", d.ID, d.Device, len(io.Outputs), len(io.Inputs))
	}
	return nil
}

func within(n int, pins []bool) bool { return n >= 0 && n < len(pins) }

// Device by name, or nil.
func (w *World) Device(name string) *pd.Device { return w.devices[name] }

// Wait returns when everybody has walked through.
func (w *World) Wait() { w.people.Wait() }

// Handle does what a command asks.
func (w *World) Handle(ctx context.Context, r control.Request) control.Answer {
	a, err := w.handle(ctx, r)
	if err != nil {
		a.Error = err.Error()
	}
	return a
}

func (w *World) handle(ctx context.Context, r control.Request) (control.Answer, error) {
	switch r.Op {
	case control.Tap:
		if w.pcsc != "" && r.Reader == w.pcsc {
			return w.tapPCSC(ctx, r)
		}
		return w.tap(ctx, r)
	case control.Hold:
		_, _, err := w.hold(r)
		return control.Answer{}, err
	case control.State:
		return control.Answer{Lines: w.state()}, nil
	case control.Noise:
		return control.Answer{}, w.disturb()
	case control.Unplug, control.Plug, control.Tamper:
		return control.Answer{}, w.device(r)
	case control.Open, control.Close, control.Exit:
		return control.Answer{}, w.door(ctx, r)
	default:
		return control.Answer{}, fmt.Errorf("unknown operation %q", r.Op)
	}
}

// disturb puts half a frame, start bytes and other rubbish on the line.
func (w *World) disturb() error {
	if w.noise == nil {
		return errors.New("this world has no line")
	}
	return w.noise([]byte("\x00\x11\x53\x81\x10\x00\x06\x50\x53\x53\xff\xff\x53\x01\xff\xff\xde\xad\xbe\xef"))
}

func (w *World) device(r control.Request) error {
	d := w.devices[r.Device]
	if d == nil {
		return fmt.Errorf("no device %q; there are %s", r.Device, strings.Join(slices.Sorted(maps.Keys(w.devices)), ", "))
	}
	switch r.Op {
	case control.Unplug:
		d.Mute(true)
	case control.Plug:
		d.Mute(false)
	default:
		d.SetTamper(true)
	}
	return nil
}

func (w *World) door(ctx context.Context, r control.Request) error {
	i := slices.IndexFunc(w.doors, func(d Door) bool { return d.ID == r.Door })
	if i < 0 {
		return fmt.Errorf("no door %q", r.Door)
	}
	d := w.doors[i]
	io := w.devices[d.Device]
	switch r.Op {
	case control.Open:
		io.SetInput(d.Contact, true)
	case control.Close:
		io.SetInput(d.Contact, false)
	default:
		io.SetInput(d.Button, true)
		pause(ctx, pressFor)
		io.SetInput(d.Button, false)
	}
	return nil
}

func (w *World) card(name string) (credential.Credential, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c, ok := w.cards[name]; ok {
		return c, nil
	}
	return credential.Credential{}, fmt.Errorf("no card %q; there are %s", name, strings.Join(slices.Sorted(maps.Keys(w.cards)), ", "))
}

// tap holds a card to a reader and watches for the answer: the light, the beeps and the strike.
func (w *World) tap(ctx context.Context, r control.Request) (control.Answer, error) {
	began := time.Now()
	rd, before, err := w.hold(r)
	if err != nil {
		return control.Answer{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	shown, err := rd.Await(ctx, func(s pd.Snapshot) bool { return s.Shows > before.Shows && s.Beeps > before.Beeps })
	if err != nil {
		return control.Answer{}, fmt.Errorf("the reader showed nothing within %v", answerWithin)
	}
	a := control.Answer{LED: shown.LED, Beeps: shown.Beeps - before.Beeps, AfterMS: time.Since(began).Milliseconds()}
	if d, ok := w.behind(r.Reader); ok && shown.LED == "green" {
		io := w.devices[d.Device]
		_, err := io.Await(ctx, func(s pd.Snapshot) bool { return s.Outputs[d.Strike] })
		a.Released = err == nil
		if a.Released && !r.Stay {
			through := context.WithoutCancel(ctx) // the person is through the door whatever the terminal does
			w.people.Go(func() { walk(through, io, d) })
		}
	}
	return a, nil
}

// hold holds a card to a reader, and returns the reader with what it showed before.
func (w *World) hold(r control.Request) (*pd.Device, pd.Snapshot, error) {
	rd := w.devices[r.Reader]
	if rd == nil {
		return nil, pd.Snapshot{}, fmt.Errorf("no reader %q", r.Reader)
	}
	c, err := w.card(r.Card)
	if err != nil {
		return nil, pd.Snapshot{}, err
	}
	before := rd.Snapshot()
	bits, data := c.Reveal()
	return rd, before, rd.Present(bits, data)
}

func (w *World) behind(reader string) (Door, bool) {
	i := slices.IndexFunc(w.doors, func(d Door) bool { return d.Reader == reader })
	if i < 0 {
		return Door{}, false
	}
	return w.doors[i], true
}

// walk pushes the door, goes through and lets it fall shut.
func walk(ctx context.Context, io *pd.Device, d Door) {
	pause(ctx, reachFor)
	if !io.Snapshot().Outputs[d.Strike] {
		return // too slow: locked again
	}
	io.SetInput(d.Contact, true)
	pause(ctx, walkThrough)
	io.SetInput(d.Contact, false)
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

func (w *World) state() []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(w.devices)) {
		s := w.devices[name].Snapshot()
		lines = append(lines, fmt.Sprintf("%-6s secure=%-5v led=%-5s outputs=%v inputs=%v", name, s.Secure, s.LED, s.Outputs, s.Inputs))
	}
	return lines
}
