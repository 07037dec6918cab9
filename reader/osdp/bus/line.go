package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kanmon/reader/osdp"
)

var (
	errSilence  = errors.New("no reply")
	errLineLost = errors.New("osdp line lost")
)

// line does single exchanges on an open port.
type line struct {
	port    Port
	baud    int
	timing  Timing
	decoder *osdp.Decoder
	busyTo  time.Time // the last byte seen, in either direction, is over by then
	foreign uint64    // whole frames that were no reply to what was asked
}

func newLine(p Port, c Config) *line {
	return &line{port: p, baud: c.Baud, timing: c.Timing, decoder: osdp.NewDecoder(0)}
}

func (l *line) wire(bytes int) time.Duration { return osdp.TransmitTime(bytes, l.baud) }

func (l *line) lost() error { return fmt.Errorf("%w: %w", errLineLost, l.port.Err()) }

// idle waits for an order, for at most the given time. What comes in unasked is noise.
func (l *line) idle(ctx context.Context, wait time.Duration, wake <-chan struct{}) error {
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

// rest is how long the line must still be silent before the next frame: two characters.
func (l *line) rest(now time.Time) time.Duration { return l.busyTo.Add(l.wire(2)).Sub(now) }

// clear throws away what came unasked, so that it is not taken for the answer to what is asked now.
func (l *line) clear() error {
	for {
		select {
		case b, ok := <-l.port.Received():
			if !ok {
				return l.lost()
			}
			l.discard(b)
		default:
			l.decoder.Gap()
			l.skip()
			l.decoder.Reset()
			return nil
		}
	}
}

// discard lets the decoder count what is thrown away.
func (l *line) discard(b []byte) {
	l.busyTo = time.Now()
	_, _ = l.decoder.Write(b)
	l.skip()
}

func (l *line) skip() {
	for _, ok := l.decoder.Next(); ok; _, ok = l.decoder.Next() {
		l.foreign++
	}
}

// ask sends a frame and waits for its reply. The first byte must come within the reply timeout after the frame
// has left; from then on the line may be busy for as long as the longest frame takes.
func (l *line) ask(ctx context.Context, command osdp.Frame, raw []byte) (osdp.Frame, osdp.Match, error) {
	if err := l.port.Write(raw); err != nil {
		return osdp.Frame{}, 0, fmt.Errorf("%w: %w", errLineLost, err)
	}
	sent := time.Now().Add(l.wire(len(raw)))
	l.busyTo = sent
	first := sent.Add(l.timing.Reply)
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
			return osdp.Frame{}, 0, errSilence
		}
		timer.Reset(wake.Sub(now))
	}
}

// receive feeds the decoder with what comes next, or tells it of a gap. Bytes that are there count before a
// timer that has run out: on a busy machine both may be waiting.
func (l *line) receive(ctx context.Context, gap <-chan time.Time) error {
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

func (l *line) take(b []byte, ok bool) error {
	if !ok {
		return l.lost()
	}
	l.busyTo = time.Now()
	_, _ = l.decoder.Write(b)
	return nil
}

// judge looks for the reply among the frames that are complete. Every command carries a CRC, so a reply with the
// one-byte checksum, which noise hits easily, is none.
func (l *line) judge(command osdp.Frame) (osdp.Frame, osdp.Match) {
	for f, ok := l.decoder.Next(); ok; f, ok = l.decoder.Next() {
		if m := osdp.JudgeReply(command, f); m != osdp.MatchForeign && !f.Checksum {
			return f, m
		}
		l.foreign++
	}
	return osdp.Frame{}, 0
}

// until is how long to wait for more: inside a frame for its next byte, otherwise for a first byte.
func (l *line) until(first, last time.Time) time.Time {
	if !l.decoder.Pending() {
		return first
	}
	at := l.busyTo.Add(l.timing.InterByte)
	if at.After(last) {
		return last
	}
	return at
}
