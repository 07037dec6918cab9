package pd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"kanmon/reader/osdp"
)

// Wire carries bytes. Received is closed when the line is lost.
type Wire interface {
	Received() <-chan []byte
	Write(b []byte) error
}

// frameGap is the longest pause inside a frame on a line that delivers in lumps. Noise may hide a command for as long, and
// the answer must still come before the controller gives up (osdp.ReplyTimeout).
const frameGap = 100 * time.Millisecond

// ErrLineLost means that the wire hung up.
var ErrLineLost = errors.New("the line hung up")

// Line is one wire with the devices on it.
type Line struct {
	wire    Wire
	devices []*Device
	log     *slog.Logger
}

// NewLine puts devices on a wire. Two devices may not share an address.
func NewLine(w Wire, log *slog.Logger, devices ...*Device) (*Line, error) {
	taken := map[byte]string{}
	for _, d := range devices {
		if other, double := taken[d.config.Address]; double {
			return nil, fmt.Errorf("devices %q and %q have the same address %d", other, d.Name(), d.config.Address)
		}
		taken[d.config.Address] = d.Name()
	}
	return &Line{wire: w, devices: devices, log: log}, nil
}

// Run answers commands until ctx ends (nil) or the line is lost (ErrLineLost).
func (l *Line) Run(ctx context.Context) error {
	dec := osdp.NewDecoder(osdp.MaxFrame)
	gap := time.NewTimer(frameGap)
	defer gap.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-gap.C:
			dec.Gap()
		case b, ok := <-l.wire.Received():
			if !ok {
				return ErrLineLost
			}
			_, _ = dec.Write(b) // never fails
			gap.Reset(frameGap)
		}
		if err := l.drain(dec); err != nil {
			return err
		}
	}
}

func (l *Line) drain(dec *osdp.Decoder) error {
	for {
		f, ok := dec.Next()
		if !ok {
			return nil
		}
		for _, d := range l.devices {
			reply := d.Receive(f, time.Now())
			if reply == nil {
				continue
			}
			if err := l.wire.Write(reply); err != nil {
				return fmt.Errorf("write reply of %s: %w", d.Name(), err)
			}
			d.written(time.Now())
		}
	}
}

// Noise puts bytes on the line that belong to no frame, as a bad cable does.
func (l *Line) Noise(b []byte) error { return l.wire.Write(b) }

// stream makes a Wire of an io.ReadWriter.
type stream struct {
	io.ReadWriter
	received chan []byte
}

// Stream reads rw in a goroutine of its own, which ends when rw.Read fails: end ctx and close rw to end it.
func Stream(ctx context.Context, rw io.ReadWriter) Wire {
	s := &stream{ReadWriter: rw, received: make(chan []byte, 16)}
	go s.read(ctx)
	return s
}

func (s *stream) read(ctx context.Context) {
	defer close(s.received)
	for {
		b := make([]byte, 2*osdp.MaxFrame)
		n, err := s.ReadWriter.Read(b)
		if err != nil {
			return
		}
		select {
		case s.received <- b[:n]:
		case <-ctx.Done():
			return
		}
	}
}

// Received delivers what was read.
func (s *stream) Received() <-chan []byte { return s.received }

// Write hands all of b on.
func (s *stream) Write(b []byte) error {
	_, err := s.ReadWriter.Write(b)
	return err
}
