package bus

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"kanmon/reader/osdp"
)

// wire is a line in memory with devices on it. It is a Port that can be opened again and again, and it holds
// every controller to the promises that must never break, whatever the devices do.
type wire struct {
	t       *testing.T
	devices []*pd
	delay   time.Duration // from a command to its reply
	echo    bool          // the adapter hears itself

	// command and reply may drop or change what passes; nil passes everything. They see raw frames.
	command func(n int, f osdp.Frame, raw []byte) [][]byte
	reply   func(n int, f osdp.Frame, raw []byte) [][]byte

	mu     sync.Mutex
	open   *opening
	absent bool // the device node is gone
	sent   []sentFrame
	rnds   map[string]bool
	n      int // frames in either direction
}

type sentFrame struct {
	at time.Time
	f  osdp.Frame
	b  []byte
}

type opening struct {
	w        *wire
	received chan []byte
	quit     chan struct{}
	once     sync.Once
}

func newWire(t *testing.T, devices ...*pd) *wire {
	t.Helper()
	return &wire{t: t, devices: devices, delay: 3 * time.Millisecond, rnds: map[string]bool{}}
}

// Open waits for the line like serialport.Await.
func (w *wire) Open(ctx context.Context) (Port, error) {
	for {
		w.mu.Lock()
		if !w.absent {
			w.open = &opening{w: w, received: make(chan []byte, 256), quit: make(chan struct{})}
			w.mu.Unlock()
			return w.open, nil
		}
		w.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (w *wire) setAbsent(absent bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.absent = absent
	if absent && w.open != nil {
		w.open.shut()
	}
}

func (o *opening) Received() <-chan []byte { return o.received }
func (o *opening) Err() error              { return errors.New("hung up") }

func (o *opening) Close() error {
	o.w.mu.Lock()
	defer o.w.mu.Unlock()
	o.shut()
	return nil
}

// shut ends the opening; only with w.mu, so that nothing is delivered meanwhile.
func (o *opening) shut() { o.once.Do(func() { close(o.quit); close(o.received) }) }

// deliver puts bytes on the line towards the controller.
func (o *opening) deliver(b []byte) {
	o.w.mu.Lock()
	defer o.w.mu.Unlock()
	select {
	case <-o.quit:
	default:
		o.received <- b
	}
}

// Write takes one frame of the controller.
func (o *opening) Write(b []byte) error {
	select {
	case <-o.quit:
		return io.ErrClosedPipe
	default:
	}
	o.w.transmitted(o, bytes.Clone(b))
	return nil
}

func (w *wire) transmitted(o *opening, b []byte) {
	f, err := osdp.ParseFrame(bytes.TrimLeft(b, "\xff"))
	if err != nil {
		w.t.Errorf("the controller sent % x: %v", b, err)
		return
	}
	w.police(f)
	w.mu.Lock()
	w.sent = append(w.sent, sentFrame{at: time.Now(), f: f, b: b})
	w.n++
	n := w.n
	w.mu.Unlock()
	if w.echo {
		o.deliver(b)
	}
	commands := [][]byte{b}
	if w.command != nil {
		commands = w.command(n, f, b)
	}
	for _, c := range commands {
		for _, d := range w.devices {
			if r := d.receive(c); r != nil {
				w.answer(o, d, r)
			}
		}
	}
}

func (w *wire) answer(o *opening, d *pd, r []byte) {
	w.mu.Lock()
	w.n++
	n := w.n
	w.mu.Unlock()
	replies := [][]byte{r}
	if w.reply != nil {
		f, err := osdp.ParseFrame(bytes.TrimLeft(r, "\xff"))
		if err != nil {
			w.t.Errorf("device %d sent % x: %v", d.address, r, err)
		}
		replies = w.reply(n, f, r)
	}
	for i, b := range replies {
		time.AfterFunc(w.delay*time.Duration(i+1), func() { o.deliver(b) })
	}
}

// police checks what holds for every frame a controller ever sends (R47-1; attacks O-1, O-3, O-5, O-11).
func (w *wire) police(f osdp.Frame) {
	known, pending := false, false
	for _, d := range w.devices {
		known = known || d.address == f.Address
		pending = pending || d.address == f.Address && !d.pending.IsZero()
	}
	switch {
	case f.Reply || !known:
		w.t.Errorf("sent to nobody: %v", f)
	case f.Checksum || !f.MayBeClear() && !f.Block.Secured():
		w.t.Errorf("sent in clear or with a checksum: %v", f)
	case f.Code == osdp.CmdKeySet && (!pending || f.Block != osdp.SCS17):
		w.t.Errorf("a key left the controller: %v", f)
	case (f.Block == osdp.SCS11 || f.Block == osdp.SCS13) && f.BlockData[0] != 1:
		w.t.Errorf("the default key was offered: %v", f)
	}
	if f.Code == osdp.CmdChallenge {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.rnds[string(f.Data)] = true
	}
}

func (w *wire) transmissions() []sentFrame {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]sentFrame(nil), w.sent...)
}

// asked is the last command.
func (w *wire) asked() osdp.Frame {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent[len(w.sent)-1].f
}

func (w *wire) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = nil
}
