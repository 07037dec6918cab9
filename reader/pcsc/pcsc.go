// Package pcsc watches PC/SC readers: cards that come and go, readers and daemons that do. It is the only importer of ebfe/scard.
//
// Each reader has one goroutine that calls PC/SC, on a context of its own, with finite waits; it never has a second one in a call, so a call that hangs
// (a daemon that is stopped, a driver that waits for ever) holds that goroutine and nothing else. A watchdog outside of those calls says that the
// reader is down meanwhile, and what a call that came back too late gave is thrown away. Whatever goes wrong, the context is made anew, until Run's ctx ends.
//
// On Linux the program needs libpcsclite1 and a running pcscd, and libpcsclite-dev to be built; on Windows neither, nor cgo.
package pcsc

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/reader"
	"kanmon/reader/credential"
	"kanmon/reader/pcsc/apdu"
)

// Event is what a reader has to say.
type Event interface{ event() }

// Card is a card that was read.
type Card struct {
	Credential credential.Credential
	Trust      access.Trust // what this read can prove
	At         time.Time    // when PC/SC showed the card
	// Lay: the card was there when the reader was first seen, or seen again after it was lost. Nobody held it there just now, so no door opens for it.
	Lay bool
}

// Failed is a card that could not be read, or is no identifier (credential.*).
type Failed struct{ Err error }

// Removed says that the card is gone.
type Removed struct{}

// Left says that a card has lain on the reader longer than the set time. It comes once a card.
type Left struct{ For time.Duration }

// Up says that the reader is there, under its name in PC/SC.
type Up struct{ Name string }

// Down says that the reader, or PC/SC as a whole, is not to be reached.
type Down struct{ Detail string }

func (Card) event()    {}
func (Failed) event()  {}
func (Removed) event() {}
func (Left) event()    {}
func (Up) event()      {}
func (Down) event()    {}

// Config of one reader.
type Config struct {
	// Pattern is the reader's name in PC/SC; * stands for any characters, as for the numbers at the end. Of several readers the first that is
	// not watched yet is taken.
	Pattern string
	Plan    apdu.Plan
	Signs   apdu.Model
	// LeftAfter is how long a card may lie there; 0: for ever.
	LeftAfter time.Duration
	// ReadTime is how long the reading of a card may take; 0: 2 s. What comes later is thrown away.
	ReadTime time.Duration
	// Emit takes what happens, in order. It must not wait.
	Emit func(Event)
	Log  *slog.Logger
	on   daemon // nil: the machine's PC/SC
}

func (c Config) checked() (Config, error) {
	if c.Pattern == "" || c.Emit == nil || c.Log == nil {
		return c, fault.New(fault.Invalid, "pcsc.config", "a PC/SC reader needs a pattern, Emit and Log")
	}
	if !c.Signs.Known() {
		return c, fault.BadField("signs", "pcsc.signs", fmt.Sprintf("signs %.20q", string(c.Signs)))
	}
	if c.LeftAfter < 0 || c.ReadTime < 0 {
		return c, fault.BadField("left_after", "pcsc.time", "a time before 0")
	}
	if s := c.Plan.Service; s != nil {
		if err := s.Check(c.Plan.By); err != nil {
			return c, fault.BadField("felica", "pcsc.felica", err.Error())
		}
	}
	if c.ReadTime == 0 {
		c.ReadTime = 2 * time.Second
	}
	if c.on == nil {
		c.on = winscard{}
	}
	return c, nil
}

// Reader is one PC/SC reader.
type Reader struct {
	cfg     Config
	dog     dog
	showing chan struct{} // one at a time

	mu     sync.Mutex // also keeps events in order
	name   string     // in PC/SC; empty: down
	told   bool       // that it is down, or up
	since  time.Time  // when the card came; zero: none
	left   bool       // told of it
	darkAt time.Time  // when signs go out; zero: they are
}

// New checks the configuration and returns a Reader that Run sets to work.
func New(c Config) (*Reader, error) {
	c, err := c.checked()
	if err != nil {
		return nil, err
	}
	return &Reader{cfg: c, showing: make(chan struct{}, 1)}, nil
}

const (
	lookEvery = 50 * time.Millisecond
	// patience is how long Run waits at its end for a call that hangs.
	patience = 3 * time.Second
)

// Run watches the reader until ctx ends. If PC/SC holds a call even then it returns fault.Unavailable after three seconds; the goroutine in the call ends
// with it, whenever PC/SC answers or goes away. Run is called once.
func (r *Reader) Run(ctx context.Context) error {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			r.guarded(ctx)
		}
	}()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return r.end(ended)
		case now := <-tick.C:
			r.look(ctx, now)
		}
	}
}

func (r *Reader) end(ended <-chan struct{}) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for range 2 { // the watch, and what is being shown
		select {
		case <-ended:
			ended = nil
		case r.showing <- struct{}{}:
		case <-timer.C:
			return fault.New(fault.Unavailable, "pcsc.hangs", "PC/SC holds a call: "+r.dog.doing())
		}
	}
	return nil
}

// look does what comes with time: a call that hangs, a card that was left, signs that go out.
func (r *Reader) look(ctx context.Context, now time.Time) {
	if what, reading, late := r.dog.bark(now); late {
		if reading {
			r.emit(Failed{fault.New(fault.Unavailable, "pcsc.slow", "the card or its reader does not answer")})
		}
		r.down("PC/SC does not answer: " + what)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if d := now.Sub(r.since); !r.since.IsZero() && !r.left && r.cfg.LeftAfter > 0 && d >= r.cfg.LeftAfter {
		r.left = true
		r.cfg.Emit(Left{d})
	}
	if !r.darkAt.IsZero() && !now.Before(r.darkAt) {
		r.darkAt = time.Time{}
		r.dark(ctx)
	}
}

func (r *Reader) emit(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cfg.Emit(e)
}

// up tells that the reader is there, once.
func (r *Reader) up(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.name != name {
		r.name, r.told = name, true
		r.cfg.Emit(Up{name})
	}
}

// down tells that it is not, once. What lay on it is not known any more.
func (r *Reader) down(detail string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.since, r.left = time.Time{}, false
	if r.name != "" || !r.told {
		r.name, r.told = "", true
		r.cfg.Emit(Down{detail})
	}
}

// lies notes a card that came.
func (r *Reader) lies(at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.since, r.left = at, false
}

// removed tells that the card is gone.
func (r *Reader) removed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.since, r.left = time.Time{}, false
	r.cfg.Emit(Removed{})
}

// sign is what a reader of two colours can show of an answer.
func sign(f reader.Feedback) apdu.Sign {
	switch f {
	case reader.ShowGranted:
		return apdu.Sign{Green: true, Beep: true}
	case reader.ShowDenied:
		return apdu.Sign{Red: true, Beep: true}
	case reader.ShowTrouble:
		return apdu.Sign{Red: true, Green: true}
	case reader.ShowEnterPIN, reader.ShowWait:
		return apdu.Sign{Red: true, Green: true, Beep: true}
	}
	return apdu.Sign{}
}

// shownFor is how long an answer is shown.
const shownFor = 1500 * time.Millisecond

// Show shows an answer as far as the reader's model can. It goes on a context of its own, for which a call that waits for cards is no obstacle.
func (r *Reader) Show(ctx context.Context, f reader.Feedback) error {
	commands := r.cfg.Signs.Escape(sign(f))
	if len(commands) == 0 {
		return nil
	}
	select {
	case r.showing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	done := make(chan error, 1)
	go func() {
		defer func() { <-r.showing }()
		done <- r.show(commands)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *Reader) show(commands [][]byte) error {
	r.mu.Lock()
	name := r.name
	r.mu.Unlock()
	if name == "" {
		return fault.New(fault.Unavailable, "pcsc.down", "the reader is not there")
	}
	s, err := r.cfg.on.open()
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "show")
	}
	defer s.close()
	answers, err := s.escape(name, commands)
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "show")
	}
	if i := slices.IndexFunc(answers, func(a []byte) bool { return !r.cfg.Signs.Shown(a) }); i >= 0 {
		return fault.New(fault.Unavailable, "pcsc.signs", fmt.Sprintf("the reader refused sign %d", i))
	}
	r.mu.Lock()
	r.darkAt = time.Now().Add(shownFor)
	r.mu.Unlock()
	return nil
}

// dark puts the signs out, unless others are being shown.
func (r *Reader) dark(ctx context.Context) {
	select {
	case r.showing <- struct{}{}:
	default:
		return
	}
	go func() {
		defer func() { <-r.showing }()
		s, err := r.cfg.on.open()
		if err != nil {
			return // the reader is down, or about to be
		}
		defer s.close()
		r.mu.Lock()
		name := r.name
		r.mu.Unlock()
		if _, err := s.escape(name, r.cfg.Signs.Escape(apdu.Sign{})); err != nil {
			r.cfg.Log.DebugContext(ctx, "signs stay lit", "error", err)
		}
	}()
}
