package line

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/reader"
	"kanmon/reader/line/frame"
)

var errLost = fault.New(fault.Unavailable, "line.lost", "the serial line is lost")

// session is one opening of the line.
type session struct {
	*Reader
	port  Port
	dec   *frame.Decoder
	asked bool   // a poll is out: a reader on two wires must not be spoken to
	echo  []byte // what was sent and has to come back first, where the wire does that
	fails failures
	gap   *time.Timer
	alive *time.Timer
	more  *time.Timer // to tell of failures that were held back
}

// talk uses one opening of the line until it is lost.
func (r *Reader) talk(ctx context.Context, port Port) error {
	s := &session{Reader: r, port: port, dec: r.cfg.Codec.Decoder(), gap: stopped(), alive: stopped(), more: stopped()}
	defer s.stop()
	if s.cfg.Codec.Alive() == 0 {
		r.up() // its silence says nothing
	} else {
		s.alive.Reset(s.cfg.Codec.Alive())
	}
	return s.loop(ctx, s.ticks())
}

func stopped() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

func (s *session) stop() {
	for _, t := range []*time.Timer{s.gap, s.alive, s.more} {
		t.Stop()
	}
	s.tell()
}

// tell tells of the failures that were held back.
func (s *session) tell() {
	if err := s.fails.flush(); err != nil {
		s.cfg.Sink.Fail(s.cfg.Name, noted(err))
	}
}

// ticks says when to poll: never, where the reader speaks by itself.
func (s *session) ticks() <-chan time.Time {
	if every := s.cfg.Codec.Every(); every > 0 {
		return time.Tick(every)
	}
	return nil
}

func (s *session) loop(ctx context.Context, tick <-chan time.Time) error {
	for {
		shows := s.shows
		if s.asked {
			shows = nil
		}
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case b, ok := <-s.port.Received():
			if !ok {
				return errLost
			}
			err = s.received(b)
		case <-s.gap.C:
			err = s.silence()
		case <-s.alive.C:
			s.down(fmt.Sprintf("nothing valid came for %v", s.cfg.Codec.Alive()))
		case <-s.more.C:
			s.tell()
		case <-tick:
			err = s.ask()
		case one := <-shows:
			err = s.show(one)
		}
		if err != nil {
			return err
		}
	}
}

func (s *session) write(b []byte) error {
	if s.cfg.Codec.Echo() {
		s.echo = append(s.echo, b...)
	}
	return s.port.Write(b)
}

// ask polls. An answer to a person that waited goes first, in the place of one poll.
func (s *session) ask() error {
	select {
	case one := <-s.shows:
		s.asked = false
		return s.show(one)
	default:
	}
	s.asked = true
	s.echo = nil // what has not come back by now will not
	return s.write(s.cfg.Codec.Poll())
}

func (s *session) show(one show) error {
	err := s.write(one.frame)
	one.done <- err
	return err
}

func (s *session) received(b []byte) error {
	b = s.withoutEcho(b)
	s.dec.Write(b)
	err := s.frames()
	s.gap.Stop()
	if s.dec.Waiting() {
		s.gap.Reset(s.cfg.Codec.Gap())
	}
	return err
}

// withoutEcho takes off what the wire gave back. The first byte that is another ends that.
func (s *session) withoutEcho(b []byte) []byte {
	n := 0
	for n < len(b) && n < len(s.echo) && b[n] == s.echo[n] {
		n++
	}
	if s.echo = s.echo[n:]; n < len(b) {
		s.echo = nil
	}
	return b[n:]
}

// silence gives up what is not whole; whole frames may lie within it.
func (s *session) silence() error {
	for s.dec.Waiting() {
		if f, broken := s.dec.Gap(); broken {
			s.fail(f.Err)
		}
		if err := s.frames(); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) frames() error {
	for {
		f, ok := s.dec.Next()
		if !ok {
			return nil
		}
		s.asked = false
		if f.Err != nil {
			s.fail(f.Err)
			continue
		}
		s.heard()
		if err := s.read(f.Body); err != nil {
			return err
		}
		clear(f.Body) // it may have been a card's number
	}
}

// heard notes a sign of life.
func (s *session) heard() {
	s.up()
	if d := s.cfg.Codec.Alive(); d > 0 {
		s.alive.Reset(d)
	}
}

func (s *session) read(body []byte) error {
	c, card, err := s.cfg.Codec.Read(body)
	switch {
	case !card:
		return nil
	case err != nil:
		s.fail(err)
	default:
		s.cfg.Sink.Present(reader.Presentation{Reader: s.cfg.Name, Credential: c, Trust: access.TrustNumber, At: time.Now()})
	}
	if taken := s.cfg.Codec.Taken(); taken != nil {
		return s.write(bytes.Clone(taken))
	}
	return nil
}

// fail tells of a card that could not be read; of a bad cable, which fails many times a second, once in failEvery.
func (s *session) fail(err error) {
	if wait := s.fails.add(err, time.Now()); wait > 0 {
		s.more.Reset(wait)
		return
	}
	s.tell()
}

// noted marks what says nothing of a card: a frame that is not whole, or another device's. What is wrong within a whole frame is a card that cannot be read.
func noted(err error) error {
	for _, broken := range []error{frame.ErrTruncated, frame.ErrLength, frame.ErrCheck, frame.ErrEnd, frame.ErrAddress} {
		if errors.Is(err, broken) {
			return fmt.Errorf("%w: %w", reader.ErrNoise, err)
		}
	}
	return err
}
