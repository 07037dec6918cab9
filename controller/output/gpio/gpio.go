// Package gpio drives lines of a GPIO character device: outputs that locks hang on, inputs from contacts and buttons. It speaks the Linux
// GPIO interface, version 2 (uapi_linux.go).
//
// A GPIO line has no timer, and what it does when the program that holds it dies depends on the chip's driver. So an output does not
// lock by itself (Line.Returns), unless a watchdog or a time relay behind it does.
package gpio

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"kanmon/controller/inputs"
	"kanmon/internal/fault"
)

// Times of the lines. Debounce is the kernel's; IEC 60839-11-1 wants signals of more than 400 ms seen.
const (
	Debounce = 10 * time.Millisecond
	Look     = 20 * time.Millisecond // how often the inputs are read
	reopen   = time.Second
)

// MostLines is the highest number of a line, plus one, and how many one chip may be asked for.
const MostLines = 64

// Output is one line that drives something.
type Output struct {
	Line     int
	Rest     bool // its state at the start, at the end, and when nothing drives it
	Watchdog bool // hardware behind it returns to rest by itself when the line is not driven anew
}

// Config of one chip.
type Config struct {
	Path    string // of the character device, such as /dev/gpiochip0
	Outputs []Output
	Inputs  []int // lines
	PullUp  bool  // of all inputs, by the chip's own resistors
	Up      func()
	Down    func(detail string)
	// Report is given all inputs by their line, when they are first read and when one changes. Lines that are no inputs are Unknown.
	Report func([]inputs.Level)
	Log    *slog.Logger

	open func(Config) (handle, error) // nil: the kernel's
}

// handle is one request of lines. Bits of values are in the order of Config.lines.
type handle interface {
	Set(mask, values uint64) error
	Get(mask uint64) (values uint64, err error)
	Close() error
}

// lines in the order in which they are asked for: outputs, then inputs.
func (c Config) lines() []int {
	var all []int
	for _, o := range c.Outputs {
		all = append(all, o.Line)
	}
	return append(all, c.Inputs...)
}

func (c Config) outputMask() uint64 { return 1<<len(c.Outputs) - 1 }
func (c Config) inputMask() uint64  { return (1<<len(c.lines()) - 1) &^ c.outputMask() }

func (c Config) rest() (values uint64) {
	for i, o := range c.Outputs {
		if o.Rest {
			values |= 1 << i
		}
	}
	return values
}

// Chip is one GPIO chip. Run has to be running for its lines to work.
type Chip struct {
	cfg Config

	mu sync.Mutex
	h  handle // nil: not open
}

// New makes a chip.
func New(cfg Config) (*Chip, error) {
	seen := map[int]bool{}
	for _, n := range cfg.lines() {
		if n < 0 || n >= MostLines || seen[n] {
			return nil, fault.BadField("gpio", "gpio.line", fmt.Sprintf("GPIO line %d twice or out of range", n))
		}
		seen[n] = true
	}
	if len(seen) == 0 {
		return nil, fault.BadField("gpio", "gpio.lines", "a GPIO chip of which no line is used")
	}
	if cfg.open == nil {
		cfg.open = request
	}
	return &Chip{cfg: cfg}, nil
}

// Run holds the lines until ctx ends, and asks for them again when they are lost. At the end the outputs are put to rest.
func (c *Chip) Run(ctx context.Context) error {
	for said := ""; ; {
		if err := c.hold(ctx); ctx.Err() == nil && err.Error() != said {
			said = err.Error()
			c.cfg.Log.WarnContext(ctx, "GPIO lines are not there", "chip", c.cfg.Path, "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(reopen):
		}
	}
}

// hold uses one request of the lines, until it fails or ctx ends.
func (c *Chip) hold(ctx context.Context) error {
	h, err := c.cfg.open(c.cfg)
	if err != nil {
		return err
	}
	c.swap(h)
	c.cfg.Up()
	err = c.look(ctx, h)
	c.swap(nil)
	_ = h.Set(c.cfg.outputMask(), c.cfg.rest()) // a chip that is gone has no outputs to put to rest
	_ = h.Close()
	if ctx.Err() == nil {
		c.cfg.Down(err.Error())
	}
	return err
}

func (c *Chip) swap(h handle) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.h = h
}

// look reads the inputs again and again.
func (c *Chip) look(ctx context.Context, h handle) error {
	tick := time.NewTicker(Look)
	defer tick.Stop()
	mask := c.cfg.inputMask() | c.cfg.outputMask() // outputs too: it tells that the chip is still there
	for last, first := uint64(0), true; ; {
		now, err := h.Get(mask)
		if err != nil {
			return err
		}
		if now &= c.cfg.inputMask(); (first || now != last) && len(c.cfg.Inputs) > 0 {
			c.cfg.Report(c.levels(now))
		}
		last, first = now, false
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (c *Chip) levels(values uint64) []inputs.Level {
	most := 0
	for _, n := range c.cfg.Inputs {
		most = max(most, n+1)
	}
	all := make([]inputs.Level, most)
	for i := range all {
		all[i] = inputs.Unknown
	}
	for i, n := range c.cfg.Inputs {
		all[n] = inputs.Inactive
		if values>>(len(c.cfg.Outputs)+i)&1 == 1 {
			all[n] = inputs.Active
		}
	}
	return all
}

// drive sets one output.
func (c *Chip) drive(line int, on ...bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, o := range c.cfg.Outputs {
		if o.Line == line {
			return c.set(i, on)
		}
	}
	return fault.New(fault.Invalid, "gpio.line", fmt.Sprintf("GPIO line %d is no output", line))
}

func (c *Chip) set(i int, on []bool) error {
	if c.h == nil {
		return fault.New(fault.Unavailable, "gpio.closed", "the GPIO chip is not open")
	}
	for _, state := range on {
		var values uint64
		if state {
			values = 1 << i
		}
		if err := c.h.Set(1<<i, values); err != nil {
			return err
		}
	}
	return nil
}

// Line is one output.
type Line struct {
	Chip     *Chip
	Number   int
	Watchdog bool // as in Output
}

// Set energises or releases what hangs on the line.
func (l Line) Set(_ context.Context, on bool) error { return l.Chip.drive(l.Number, on) }

// Flash is Set: nothing counts the time. Hardware that does is started by an edge.
func (l Line) Flash(_ context.Context, on bool, _ time.Duration) error {
	if l.Watchdog {
		return l.Chip.drive(l.Number, !on, on)
	}
	return l.Chip.drive(l.Number, on)
}

// Settle is Set.
func (l Line) Settle(ctx context.Context, on bool) error { return l.Set(ctx, on) }

// Returns reports whether hardware behind the line ends a release when the program dies.
func (l Line) Returns() bool { return l.Watchdog }
