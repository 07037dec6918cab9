package pcsc

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"kanmon/internal/fault"
	"kanmon/reader/pcsc/apdu"
)

const (
	waitTime  = 500 * time.Millisecond // of one wait for a change: also how long Run may take to end
	callTime  = 3 * time.Second        // more than any call takes that comes back at all
	firstRest = 100 * time.Millisecond // before PC/SC is tried again
	longRest  = 2 * time.Second
)

// watch is the one goroutine that calls PC/SC for this reader, but for Show.
func (r *Reader) watch(ctx context.Context) {
	for rest := firstRest; ctx.Err() == nil; rest = min(2*rest, longRest) {
		began := time.Now()
		err := r.attempt(ctx)
		if ctx.Err() != nil {
			return
		}
		r.cfg.Log.DebugContext(ctx, "PC/SC reader", "pattern", r.cfg.Pattern, "error", err)
		r.down(brief(err))
		if time.Since(began) > longRest {
			rest = firstRest
		}
		select {
		case <-ctx.Done():
		case <-time.After(rest):
		}
	}
}

// guarded is watch, and what a card, a reader or a daemon brings it to fall over is one reader's trouble: nobody above this goroutine could catch it.
func (r *Reader) guarded(ctx context.Context) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		r.cfg.Log.ErrorContext(ctx, "the watch of a PC/SC reader panicked", "pattern", r.cfg.Pattern, "stack", string(debug.Stack()))
		r.down("the watch of the reader panicked")
		select {
		case <-ctx.Done():
		case <-time.After(longRest):
		}
	}()
	r.watch(ctx)
}

// attempt opens a context, finds the reader and serves it until something goes wrong.
func (r *Reader) attempt(ctx context.Context) error {
	s, err := r.open()
	if err != nil {
		return err
	}
	defer func() { _ = r.dog.watch("release", false, callTime, func() error { s.close(); return nil }) }()
	var names []string
	err = r.dog.watch("list readers", false, callTime, func() (err error) { names, err = s.readers(); return err })
	if err != nil {
		return fmt.Errorf("list readers: %w", err)
	}
	name, err := claims.take(r.cfg.Pattern, names)
	if err != nil {
		return err
	}
	defer claims.drop(name)
	return r.serve(ctx, s, name)
}

func (r *Reader) open() (s session, err error) {
	err = r.dog.watch("establish", false, callTime, func() (err error) { s, err = r.cfg.on.open(); return err })
	if errors.Is(err, errLate) && s != nil {
		s.close()
	}
	if err != nil {
		return nil, fmt.Errorf("no PC/SC: %w", err)
	}
	return s, nil
}

// serve follows one reader.
func (r *Reader) serve(ctx context.Context, s session, name string) error {
	var known state
	for first := true; ctx.Err() == nil; first = false {
		var now state
		err := r.dog.watch("wait for a card", false, waitTime+callTime, func() (err error) { now, err = s.wait(name, known, waitTime); return err })
		if err == nil {
			err = now.check()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		r.up(name)
		if err := r.changed(s, name, known, now, first); err != nil {
			return err
		}
		known = now
	}
	return nil
}

// changed tells what became of the card. A count of changes that went on while a card was there before and is there now says that it was taken away between.
func (r *Reader) changed(s session, name string, was, now state, first bool) error {
	swapped := was.present() && now.present() && was.changes() != now.changes()
	if !first && was.present() && (!now.present() || swapped) {
		r.removed()
	}
	if !now.present() || (!first && was.present() && !swapped) {
		return nil
	}
	at := time.Now()
	r.lies(at)
	return r.read(s, name, now, at, first)
}

// read reads the card that lies there. Its error is that PC/SC came back too late: then the watchdog has told already.
func (r *Reader) read(s session, name string, now state, at time.Time, lay bool) error {
	var c Card
	err := r.dog.watch("read a card", true, r.cfg.ReadTime, func() (err error) { c, err = r.readCard(s, name, now); return err })
	switch {
	case errors.Is(err, errLate):
		return err
	case err != nil:
		r.emit(Failed{err})
	default:
		c.At, c.Lay = at, lay
		r.emit(c)
	}
	return nil
}

func (r *Reader) readCard(s session, name string, now state) (Card, error) {
	if now.mute() {
		return Card{}, fault.New(fault.Unavailable, "pcsc.mute", "the card does not answer the reader")
	}
	k, err := s.connect(name)
	if err != nil {
		return Card{}, fault.Wrap(fault.Unavailable, err, "connect")
	}
	defer k.close()
	got, err := apdu.Read(k.transmit, []byte(now.atr), r.cfg.Plan)
	if err != nil {
		return Card{}, fault.Wrap(fault.Unavailable, err, "read")
	}
	return identify(got, r.cfg.Plan)
}

// detailLimit bounds what a report says of an error of PC/SC.
const detailLimit = 120

func brief(err error) string {
	s := err.Error()
	return strings.ToValidUTF8(s[:min(len(s), detailLimit)], "")
}

// claims are the readers that are watched in this process. Two goroutines must not wait on the same one: the library keeps one buffer a name.
var claims = claimed{names: map[string]bool{}}

type claimed struct {
	mu    sync.Mutex
	names map[string]bool
}

// take claims the first of the names that fits and is free.
func (c *claimed) take(pattern string, names []string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range names {
		if !c.names[n] && fits(pattern, n) {
			c.names[n] = true
			return n, nil
		}
	}
	return "", fmt.Errorf("%w: none of %d fits", errGone, len(names))
}

func (c *claimed) drop(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.names, name)
}

// fits matches a name with a pattern in which * stands for any characters. Brackets are plain: names of readers are full of them.
func fits(pattern, name string) bool {
	part := strings.Split(pattern, "*")
	if len(part) == 1 {
		return pattern == name
	}
	if !strings.HasPrefix(name, part[0]) {
		return false
	}
	name = name[len(part[0]):]
	for _, p := range part[1 : len(part)-1] {
		_, rest, found := strings.Cut(name, p)
		if !found {
			return false
		}
		name = rest
	}
	return strings.HasSuffix(name, part[len(part)-1])
}
