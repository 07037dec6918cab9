// Package readers joins the readers that are not on an OSDP line to the controller: it runs their drivers, turns what they find into inputs of the
// core, and shows answers. The card number ends here: from here on there are only its keyed hashes.
package readers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"kanmon/controller/core"
	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/reader"
	"kanmon/reader/credential"
)

// Config of a Set. All fields are required.
type Config struct {
	Controller string                    // its name, with which a terminal is known at the centre
	Post       func(core.Input)          // never waits
	Key        func() credential.HashKey // under which cards are hashed by now
	Log        *slog.Logger
}

// Set is a controller's readers that are not on an OSDP line. It is the reader.Sink of their drivers.
type Set struct {
	cfg     Config
	names   []string // in the order in which they were added
	drivers map[string]reader.Driver

	mu    sync.Mutex
	lying map[string]core.Presented // the card that a reader presented last, until it is taken
	left  map[string]bool           // readers in which a card was left
	ended map[string]bool           // readers whose driver ended, and that have not been up since
}

var _ reader.Sink = (*Set)(nil)

// New is a set without a reader.
func New(cfg Config) *Set {
	return &Set{
		cfg: cfg, drivers: map[string]reader.Driver{}, lying: map[string]core.Presented{}, left: map[string]bool{}, ended: map[string]bool{},
	}
}

// Add takes the driver of a reader, before Run. The name is unique on the controller.
func (s *Set) Add(name string, d reader.Driver) {
	s.names = append(s.names, name)
	s.drivers[name] = d
}

// Has reports whether a reader is one of these.
func (s *Set) Has(name string) bool { return s.drivers[name] != nil }

// Show answers the person at a reader.
func (s *Set) Show(ctx context.Context, name string, f reader.Feedback) error {
	d, there := s.drivers[name]
	if !there {
		return fault.New(fault.NotFound, "controller.device", fmt.Sprintf("no reader %q", name))
	}
	return d.Show(ctx, f)
}

// Run runs every driver until ctx ends, and returns when all have ended. A driver that ends before, or panics, is down and begins anew: one reader
// never takes another one, or a door, with it.
func (s *Set) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for _, name := range s.names {
		all.Go(func() { s.keep(ctx, name) })
	}
	all.Wait()
	<-ctx.Done() // also without a reader
	return nil
}

// again is the pause before a driver that ended begins anew.
const again = time.Second

func (s *Set) keep(ctx context.Context, name string) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
		err := s.drive(ctx, name)
		if ctx.Err() != nil {
			return
		}
		s.cfg.Log.ErrorContext(ctx, "the driver of a reader ended", "reader", name, "error", err)
		if !s.endedBefore(name, true) { // a port that can never be had is one event, not one a second
			s.Down(name, fmt.Sprintf("the driver ended: %v", err))
		}
		pause.Reset(again)
	}
}

func (s *Set) drive(ctx context.Context, name string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
			s.cfg.Log.ErrorContext(ctx, "the driver of a reader panicked", "reader", name, "stack", string(debug.Stack()))
		}
	}()
	return s.drivers[name].Run(ctx)
}

// Present hashes a card and hands it on.
func (s *Set) Present(p reader.Presentation) {
	if p.Credential.IsZero() {
		s.Fail(p.Reader, fault.New(fault.Invalid, "credential.none", "nothing was read"))
		return
	}
	shown := p.Credential.At(s.cfg.Controller + "/" + p.Reader)
	shape, forms := shown.Shape(), shown.Forms(s.cfg.Key())
	in := core.Presented{
		Reader: p.Reader, Key: forms[0], Older: forms[1:], Trust: access.Least(p.Trust, access.Proves(shape.Format)), Shape: shape,
	}
	s.mu.Lock()
	s.lying[p.Reader] = in
	s.mu.Unlock()
	s.cfg.Post(in)
}

// Fail hands on that a card could not be read.
func (s *Set) Fail(name string, err error) {
	why := err.Error()
	if code := fault.CodeOf(err); code != "" {
		why = code + ": " + why
	}
	s.cfg.Post(core.ReadFailed{Reader: name, Detail: why, Noise: errors.Is(err, reader.ErrNoise)})
}

// Left notes that a card has been in a reader for too long: whose, where it was presented (R75-2).
func (s *Set) Left(name string, after time.Duration) {
	in := core.Noted{Event: event.Event{Kind: event.CardLeft, Device: name, Reader: name, Detail: fmt.Sprintf("for %d s", int(after.Seconds()))}}
	s.mu.Lock()
	s.left[name] = true
	if card, known := s.lying[name]; known {
		in.Card = &card
	}
	s.mu.Unlock()
	s.cfg.Post(in)
}

// Removed notes that a card that was left is gone. Of another nothing follows.
func (s *Set) Removed(name string) {
	s.mu.Lock()
	was := s.left[name]
	delete(s.left, name)
	delete(s.lying, name)
	s.mu.Unlock()
	if was {
		s.cfg.Post(core.Noted{Event: event.Event{Kind: event.CardTaken, Device: name, Reader: name}})
	}
}

// endedBefore remembers whether a driver ended, and returns what was known before.
func (s *Set) endedBefore(name string, ended bool) (before bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before = s.ended[name]
	s.ended[name] = ended
	return before
}

// Up hands on that a reader works.
func (s *Set) Up(name string) {
	s.endedBefore(name, false)
	s.cfg.Post(core.DeviceUp{Device: name})
}

// Down hands on that a reader does not.
func (s *Set) Down(name, detail string) { s.cfg.Post(core.DeviceDown{Device: name, Detail: detail}) }
