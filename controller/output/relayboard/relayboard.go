// Package relayboard drives a Modbus RTU relay board with timers of its own: "flash on" and "flash off", function 05 at the coil's address
// plus 0x0200 and 0x0400 with the delay in units of 100 ms (as Waveshare's boards have them, development protocol V2). The board then
// counts the time of a release, so that a program that dies leaves a locked door. A board without them refuses the command.
//
// A Board is one board on a line of its own. It is asked for its relays every Heartbeat, so that its loss is known before somebody stands
// at the door.
package relayboard

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"kanmon/controller/output/modbus"
	"kanmon/internal/fault"
)

// Times of the line.
const (
	Heartbeat    = time.Second
	ReplyTimeout = 300 * time.Millisecond // from the end of the request to the end of the reply
	tries        = 3                      // of one command; each is harmless to repeat
	reopen       = time.Second
)

// Addresses above those of the coils, and the longest time.
const (
	flashOn  = 0x0200
	flashOff = 0x0400
	maxDelay = 0x7FFF // units of 100 ms
)

// Port is an open serial line.
type Port interface {
	Write(b []byte) error
	Received() <-chan []byte // closed when the line is lost
	Close() error
}

// Config of one board.
type Config struct {
	Unit   byte // Modbus address, 1–247 and 255 (many boards' own)
	Relays int  // how many it has, 1–32
	Open   func(context.Context) (Port, error)
	Up     func()              // it answers, for the first time or again
	Down   func(detail string) // it does not any more
	Log    *slog.Logger
}

// Board is one board. Run has to be running for its coils to work.
type Board struct {
	cfg    Config
	orders chan order
}

type order struct {
	patient func() error // the caller's; an error when it is over
	request modbus.Request
	done    chan error
}

// New makes a board.
func New(cfg Config) (*Board, error) {
	if cfg.Unit == 0 || (cfg.Unit > 247 && cfg.Unit != 255) {
		return nil, fault.BadField("address", "relayboard.unit", fmt.Sprintf("relay board: address %d, want 1–247 or 255", cfg.Unit))
	}
	if cfg.Relays < 1 || cfg.Relays > 32 {
		return nil, fault.BadField("relays", "relayboard.relays", fmt.Sprintf("relay board: %d relays, want 1–32", cfg.Relays))
	}
	return &Board{cfg: cfg, orders: make(chan order)}, nil
}

// Run talks to the board until ctx ends, and opens the line again when it was lost.
func (b *Board) Run(ctx context.Context) error {
	for {
		port, err := b.cfg.Open(ctx)
		if ctx.Err() != nil {
			if err == nil {
				_ = port.Close() // opened too late
			}
			break
		}
		if err != nil {
			return fault.Wrap(fault.KindOf(err), err, "open the relay board's line")
		}
		b.talk(ctx, port)
		_ = port.Close() // what is left of the line is of no use
		if !b.pause(ctx, reopen) {
			break
		}
	}
	return nil
}

// pause lets orders wait; they end with their callers' patience.
func (b *Board) pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// talk uses one opening of the line, until it is lost.
func (b *Board) talk(ctx context.Context, port Port) {
	l := &line{port: port}
	up := false
	tick := time.NewTimer(0)
	defer tick.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case o := <-b.orders:
			err = l.command(o.patient, o.request)
			o.done <- err
		case <-tick.C:
			tick.Reset(Heartbeat)
			err = l.command(ctx.Err, modbus.ReadCoils(b.cfg.Unit, 0, uint16(b.cfg.Relays)))
		}
		up = b.judge(up, err)
		if l.lost {
			return
		}
	}
}

// judge tells when the board begins or ceases to answer. A refusal is an answer.
func (b *Board) judge(up bool, err error) bool {
	switch answers := fault.KindOf(err) != fault.Unavailable; {
	case answers && !up:
		b.cfg.Up()
	case !answers && up:
		b.cfg.Log.Warn("relay board does not answer", "unit", b.cfg.Unit, "error", err)
		b.cfg.Down(err.Error())
	}
	return fault.KindOf(err) != fault.Unavailable
}

func (b *Board) write(ctx context.Context, coil int, at, value uint16) error {
	if coil < 0 || coil >= b.cfg.Relays {
		return fault.New(fault.Invalid, "relayboard.coil", fmt.Sprintf("relay %d of %d", coil, b.cfg.Relays))
	}
	o := order{patient: ctx.Err, request: modbus.WriteCoil(b.cfg.Unit, at+uint16(coil), value), done: make(chan error, 1)}
	select {
	case b.orders <- o:
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, ctx.Err(), "the relay board was not reached")
	}
	return <-o.done // within the bounds of tries
}

// Coil is one relay, counted from 0.
type Coil struct {
	Board  *Board
	Number int
}

// Set energises or releases the relay.
func (c Coil) Set(ctx context.Context, on bool) error {
	value := modbus.Off
	if on {
		value = modbus.On
	}
	return c.Board.write(ctx, c.Number, 0, value)
}

// Flash puts the relay into a state for a time that the board counts, and then into the other.
func (c Coil) Flash(ctx context.Context, on bool, d time.Duration) error {
	const unit = 100 * time.Millisecond
	delay := (d + unit - 1) / unit
	if delay < 1 || delay > maxDelay {
		return fault.New(fault.Invalid, "relayboard.delay", fmt.Sprintf("a delay of %v", d))
	}
	at := uint16(flashOff)
	if on {
		at = flashOn
	}
	return c.Board.write(ctx, c.Number, at, uint16(delay))
}

// Settle is Set: the board has one state for each relay.
func (c Coil) Settle(ctx context.Context, on bool) error { return c.Set(ctx, on) }

// Returns is true: the board counts.
func (Coil) Returns() bool { return true }
