// Package vcard is virtual cards: what a card and the reader under it answer to APDUs, and the connection by which a virtual card lies on a virtual PC/SC
// reader (vsmartcard's vpcd: over TCP, each message with its length in two bytes, big endian). It speaks the dialects of the readers that
// reader/pcsc/apdu names, and shares no code with it.
package vcard

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Card answers what a reader is told to send. Reset is called when the reader powers it, and gives its ATR.
type Card interface {
	Reset() (atr []byte)
	Answer(command []byte) Reply
}

// Reply is what comes back for a command.
type Reply struct {
	Data    []byte        // with the status bytes
	After   time.Duration // how long it takes
	Removed bool          // the card is pulled away instead
}

// Control codes of vpcd: messages of one byte. Only the question for the ATR is answered.
const (
	powerOff = 0
	powerOn  = 1
	reset    = 2
	askATR   = 4
)

// Held is a card on a reader.
type Held struct {
	conn net.Conn
	seen chan struct{}
	once sync.Once
	done chan struct{}
	err  error // why it ended, once done is closed
}

// Dialer opens connections; net.Dialer is one.
type Dialer interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// Hold puts a card on the virtual reader that listens at an address. pcscd looks for cards every 400 ms.
func Hold(ctx context.Context, d Dialer, address string, c Card) (*Held, error) {
	conn, err := d.DialContext(ctx, "tcp4", address)
	if err != nil {
		return nil, fmt.Errorf("no virtual reader: %w", err)
	}
	h := &Held{conn: conn, seen: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(h.done)
		h.err = h.serve(c)
		_ = conn.Close() // whoever noticed first
	}()
	return h, nil
}

// Seen is closed when the reader has asked for the card's ATR: before that a removal goes unnoticed.
func (h *Held) Seen() <-chan struct{} { return h.seen }

// Gone is closed when the card is off the reader.
func (h *Held) Gone() <-chan struct{} { return h.done }

// Remove takes the card away.
func (h *Held) Remove() {
	_ = h.conn.Close() // it may be gone already
	<-h.done
}

// Tap holds a card to a reader until it was seen and left time for it to be read.
func Tap(ctx context.Context, d Dialer, address string, c Card, stay time.Duration) error {
	h, err := Hold(ctx, d, address, c)
	if err != nil {
		return err
	}
	defer h.Remove()
	select {
	case <-h.Seen():
	case <-h.Gone():
		return fmt.Errorf("the reader took no card: %w", h.err)
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-time.After(stay):
	case <-h.Gone():
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

func (h *Held) serve(c Card) error {
	var atr []byte
	for {
		m, err := h.receive()
		if err != nil {
			return err
		}
		if len(m) != 1 {
			if err := h.answer(c.Answer(m)); err != nil {
				return err
			}
			continue
		}
		switch m[0] {
		case powerOn, reset:
			atr = c.Reset()
		case askATR:
			if atr == nil {
				atr = c.Reset()
			}
			err = h.send(atr)
			h.once.Do(func() { close(h.seen) })
		case powerOff:
		}
		if err != nil {
			return err
		}
	}
}

var errRemoved = errors.New("the card was pulled away")

func (h *Held) answer(r Reply) error {
	if r.After > 0 {
		timer := time.NewTimer(r.After)
		defer timer.Stop()
		<-timer.C
	}
	if r.Removed {
		return errRemoved
	}
	return h.send(r.Data)
}

func (h *Held) send(b []byte) error {
	_, err := h.conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...))
	return err
}

func (h *Held) receive() ([]byte, error) {
	var head [2]byte
	if err := h.read(head[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(head[:]))
	return b, h.read(b)
}

// read acknowledges at once what comes: the driver sends length and message apart, and waits some 40 ms between them for the
// acknowledgement of a receiver that takes its time (Nagle's algorithm against delayed acknowledgement).
func (h *Held) read(b []byte) error {
	if tcp, ok := h.conn.(*net.TCPConn); ok {
		raw, err := tcp.SyscallConn()
		if err != nil {
			return err
		}
		if err := raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) }); err != nil {
			return err // the option itself only makes it faster
		}
	}
	_, err := io.ReadFull(h.conn, b)
	return err
}
