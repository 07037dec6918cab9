// Package line is the driver of a serial reader whose frames a profile describes (package frame). The reader speaks by itself or is polled.
//
// What such a reader sends can be read and repeated by whoever reaches the wire: whatever the profile says, its numbers are worth no more than
// access.TrustNumber. A frame that is broken is a card that could not be read, and is reported as that; no error says what was in it.
package line

import (
	"context"
	"log/slog"
	"time"

	"kanmon/internal/fault"
	"kanmon/reader"
	"kanmon/reader/line/frame"
)

// reopen is the pause before a line that was lost is opened again.
const reopen = 500 * time.Millisecond

// Port is an open serial line.
type Port interface {
	Write(b []byte) error
	Received() <-chan []byte // closed when the line is lost
	Close() error
}

// Config of one reader, on a line of its own.
type Config struct {
	Name string
	// Open opens the line. It waits until the line is there or ctx is done; an error says that it never will be.
	Open  func(context.Context) (Port, error)
	Codec *frame.Codec
	Sink  reader.Sink
	Log   *slog.Logger
}

// Reader is one reader. It implements reader.Driver.
type Reader struct {
	cfg    Config
	shows  chan show
	health health // what the sink was told last
}

type health uint8

const (
	unknown health = iota
	up
	down
)

// show is an answer to a person on its way to the reader.
type show struct {
	frame []byte
	done  chan error // there is room: nobody may be waiting any more
}

// New makes a reader.
func New(cfg Config) *Reader { return &Reader{cfg: cfg, shows: make(chan show)} }

// Run talks to the reader until ctx ends, and opens the line again when it was lost.
func (r *Reader) Run(ctx context.Context) error {
	for {
		port, err := r.cfg.Open(ctx)
		if ctx.Err() != nil {
			if err == nil {
				_ = port.Close() // opened too late
			}
			break
		}
		if err != nil {
			return fault.Wrap(fault.KindOf(err), err, "open the line of reader "+r.cfg.Name)
		}
		lost := r.talk(ctx, port)
		_ = port.Close() // what is left of the line is of no use
		if !r.pause(ctx, lost) {
			break
		}
	}
	return nil
}

// pause tells that the line was lost, and waits before it is opened again; false when ctx has ended.
func (r *Reader) pause(ctx context.Context, lost error) bool {
	if ctx.Err() != nil {
		return false
	}
	r.cfg.Log.WarnContext(ctx, "line of a serial reader lost", "error", lost)
	r.down(lost.Error())
	select {
	case <-ctx.Done():
		return false
	case <-time.After(reopen):
		return true
	}
}

// Show sends what the profile has for an answer. While the line is away it waits for it, no longer than ctx.
func (r *Reader) Show(ctx context.Context, f reader.Feedback) error {
	b := r.cfg.Codec.Show(f)
	if b == nil {
		return nil
	}
	s := show{frame: b, done: make(chan error, 1)}
	select {
	case r.shows <- s:
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, ctx.Err(), "reader "+r.cfg.Name+" takes nothing")
	}
	select {
	case err := <-s.done:
		return fault.Wrap(fault.Unavailable, err, "show at reader "+r.cfg.Name)
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, ctx.Err(), "show at reader "+r.cfg.Name)
	}
}

func (r *Reader) up() {
	if r.health != up {
		r.health = up
		r.cfg.Sink.Up(r.cfg.Name)
	}
}

func (r *Reader) down(detail string) {
	if r.health != down {
		r.health = down
		r.cfg.Sink.Down(r.cfg.Name, detail)
	}
}
