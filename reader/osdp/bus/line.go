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

// quiet throws away what came unasked and waits until the line has rested for two characters.
func (l *line) quiet(ctx context.Context) error {
	for {
		select {
		case b, ok := <-l.port.Received():
			if !ok {
				return l.lost()
			}
			l.discard(b)
			continue
		default:
		}
		rest := time.Until(l.busyTo.Add(l.wire(2)))
		if rest <= 0 {
			l.decoder.Gap()
			for _, ok := l.decoder.Next(); ok; _, ok = l.decoder.Next() {
			}
			l.decoder.Reset()
			return ctx.Err()
		}
		if err := l.idle(ctx, rest, nil); err != nil {
			return err
		}
	}
}

// discard lets the decoder count what is thrown away.
func (l *line) discard(b []byte) {
	l.busyTo = time.Now()
	_, _ = l.decoder.Write(b)
	for _, ok := l.decoder.Next(); ok; _, ok = l.decoder.Next() {
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
		select {
		case <-ctx.Done():
			return osdp.Frame{}, 0, ctx.Err()
		case b, ok := <-l.port.Received():
			if !ok {
				return osdp.Frame{}, 0, l.lost()
			}
			l.busyTo = time.Now()
			_, _ = l.decoder.Write(b)
		case <-timer.C:
			l.decoder.Gap()
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

// judge looks for the reply among the frames that are complete.
func (l *line) judge(command osdp.Frame) (osdp.Frame, osdp.Match) {
	for f, ok := l.decoder.Next(); ok; f, ok = l.decoder.Next() {
		if m := osdp.JudgeReply(command, f); m != osdp.MatchForeign {
			return f, m
		}
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
