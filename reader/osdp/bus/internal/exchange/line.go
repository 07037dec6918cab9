// Package exchange does single exchanges on an open serial line: a command out, its reply in, noise thrown away.
// It knows no device and no session.
package exchange

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kanmon/reader/osdp"
)

// How an exchange ends without a reply.
var (
	// ErrSilence: no reply in time.
	ErrSilence = errors.New("no reply")
	// ErrLost: the port is of no use any more.
	ErrLost = errors.New("osdp line lost")
)

// Port is one opening of the serial line; *serialport.Port is one.
type Port interface {
	// Received delivers bytes as they come and is closed when the line is lost.
	Received() <-chan []byte
	// Err says why it was lost.
	Err() error
	// Write hands bytes to the line and does not take for ever.
	Write([]byte) error
	// Close ends this opening.
	Close() error
}

// Line is an open line. It is for one goroutine.
type Line struct {
	port    Port
	baud    int
	reply   time.Duration // to the first byte
	gap     time.Duration // inside a frame
	decoder *osdp.Decoder
	busyTo  time.Time // the last byte seen, in either direction, is over by then
	foreign uint64    // whole frames that were no reply to what was asked
}

// New takes an open port, its rate in bits per second, how long the first byte of a reply may take after the
// command has left, and how long a pause inside a frame may be.
func New(p Port, baud int, reply, gap time.Duration) *Line {
	return &Line{port: p, baud: baud, reply: reply, gap: gap, decoder: osdp.NewDecoder(0)}
}

// Counts returns what the decoder counted, and the whole frames that were no reply to what was asked since the
// last call.
func (l *Line) Counts() (received osdp.Stats, foreign uint64) {
	foreign, l.foreign = l.foreign, 0
	return l.decoder.Stats(), foreign
}

func (l *Line) wire(bytes int) time.Duration { return osdp.TransmitTime(bytes, l.baud) }

func (l *Line) lost() error { return fmt.Errorf("%w: %w", ErrLost, l.port.Err()) }

// Idle waits for an order, for at most the given time. What comes in unasked is noise.
func (l *Line) Idle(ctx context.Context, wait time.Duration, wake <-chan struct{}) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wake:
			return nil
		case <-timer.C:
			return nil
		case b, ok := <-l.port.Received():
			if !ok {
				return l.lost()
			}
			l.discard(b)
		}
	}
}

// Rest is how long the line must still be silent before the next frame: two characters.
func (l *Line) Rest(now time.Time) time.Duration { return l.busyTo.Add(l.wire(2)).Sub(now) }

// mostLumps is more than a port holds. What still comes after that is thrown away by Ask, which ends.
const mostLumps = 256

// Clear throws away what came unasked, so that it is not taken for the answer to what is asked now.
func (l *Line) Clear() error {
	for n, more := 0, true; more && n < mostLumps; n++ {
		select {
		case b, ok := <-l.port.Received():
			if !ok {
				return l.lost()
			}
			l.discard(b)
		default:
			more = false
		}
	}
	l.decoder.Gap()
	l.skip()
	l.decoder.Reset()
	return nil
}

// discard lets the decoder count what is thrown away.
func (l *Line) discard(b []byte) {
	l.busyTo = time.Now()
	_, _ = l.decoder.Write(b)
	l.skip()
}

func (l *Line) skip() {
	for _, ok := l.decoder.Next(); ok; _, ok = l.decoder.Next() {
		l.foreign++
	}
}

// Ask sends a frame and waits for its reply. The first byte must come within the reply timeout after the frame
// has left; from then on the line may be busy for as long as the longest frame takes.
func (l *Line) Ask(ctx context.Context, command osdp.Frame, raw []byte) (osdp.Frame, osdp.Match, error) {
	if err := l.port.Write(raw); err != nil {
		return osdp.Frame{}, 0, fmt.Errorf("%w: %w", ErrLost, err)
	}
	sent := time.Now().Add(l.wire(len(raw)))
	l.busyTo = sent
	first := sent.Add(l.reply)
	last := first.Add(l.wire(osdp.MaxFrame))
	timer := time.NewTimer(time.Until(first))
	defer timer.Stop()
	for {
		if err := l.receive(ctx, timer.C); err != nil {
			return osdp.Frame{}, 0, err
		}
		if f, match := l.judge(command); match != 0 {
			return f, match, nil
		}
		wake, now := l.until(first, last), time.Now()
		if !now.Before(wake) {
			return osdp.Frame{}, 0, ErrSilence
		}
		timer.Reset(wake.Sub(now))
	}
}

// receive feeds the decoder with what comes next, or tells it of a gap. Bytes that are there count before a
// timer that has run out: on a busy machine both may be waiting.
func (l *Line) receive(ctx context.Context, gap <-chan time.Time) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case b, ok := <-l.port.Received():
		return l.take(b, ok)
	case <-gap:
	}
	select {
	case b, ok := <-l.port.Received():
		return l.take(b, ok)
	default:
		l.decoder.Gap()
		return nil
	}
}

func (l *Line) take(b []byte, ok bool) error {
	if !ok {
		return l.lost()
	}
	l.busyTo = time.Now()
	_, _ = l.decoder.Write(b)
	return nil
}

// judge looks for the reply among the frames that are complete. Every command carries a CRC, so a reply with the
// one-byte checksum, which noise hits easily, is none.
func (l *Line) judge(command osdp.Frame) (osdp.Frame, osdp.Match) {
	for f, ok := l.decoder.Next(); ok; f, ok = l.decoder.Next() {
		if m := osdp.JudgeReply(command, f); m != osdp.MatchForeign && !f.Checksum {
			return f, m
		}
		l.foreign++
	}
	return osdp.Frame{}, 0
}

// until is how long to wait for more: inside a frame for its next byte, otherwise for a first byte.
func (l *Line) until(first, last time.Time) time.Time {
	if !l.decoder.Pending() {
		return first
	}
	at := l.busyTo.Add(l.gap)
	if at.After(last) {
		return last
	}
	return at
}
