package apdu

import (
	"bytes"
	"errors"
	"fmt"
)

// Dialect is how a reader takes commands for FeliCa cards.
type Dialect string

// Dialects.
const (
	Transparent Dialect = "transparent" // PC/SC transparent session; also the empty one
	Direct      Dialect = "direct"      // the command as the data of FF 00 00 00
	File        Dialect = "file"        // FF A4 and FF B0; the reader chooses the system
)

// AnySystem is the system code that every FeliCa card answers to.
const AnySystem uint16 = 0xFFFF

// Service says what is read of a FeliCa card without encryption.
type Service struct {
	System, Service uint16
	Blocks          []byte // numbers, 1 to 4 of them
	From, Length    int    // which bytes of the blocks, put together; Length 0: all from From; at most 28
}

// Check finds what cannot be read.
func (s Service) Check(d Dialect) error {
	size := 16 * len(s.Blocks)
	switch {
	case len(s.Blocks) < 1 || len(s.Blocks) > maxBlocks:
		return fmt.Errorf("%d blocks, want 1–%d", len(s.Blocks), maxBlocks)
	case s.From < 0 || s.Length < 0 || s.From >= size || s.Length > size-s.From || s.to()-s.From > maxChosen:
		return fmt.Errorf("bytes from %d, %d of them, of %d: want 1–%d", s.From, s.Length, size, maxChosen)
	case s.Service&0x01 == 0:
		return fmt.Errorf("service %04X asks for authentication", s.Service)
	case d != "" && d != Transparent && d != Direct && d != File:
		return fmt.Errorf("%.20q is transparent, direct or file", d)
	case d == File && s.System != AnySystem:
		return errors.New("a reader that is spoken to by files chooses the system itself: FFFF")
	}
	return nil
}

// to is where the chosen bytes end.
func (s Service) to() int {
	if s.Length > 0 {
		return s.From + s.Length
	}
	return 16 * len(s.Blocks)
}

// maxChosen is what a credential takes (credential.MaxService).
const maxChosen = 28

// maxBlocks is how many blocks every FeliCa card gives at once: FeliCa Lite gives four.
const maxBlocks = 4

// Plan is what is to be read.
type Plan struct {
	Service *Service // nil: the number
	By      Dialect
}

// Card is what a card gave. What it gave is a secret until it is a credential.
type Card struct {
	Technology Technology
	Number     []byte // UID or IDm
	Memory     []byte // of the service; nil: the number is all there is
}

// ErrNoCard says that what is there is not a card with a number of ours.
var ErrNoCard = errors.New("neither ISO/IEC 14443 nor FeliCa")

// Read reads a card. A card of type B gives its technology and nothing else: its number is another each time. What goes wrong on the way to the service is an error, and
// never the number instead; only a card that says by itself that it has no such service, or no such system, gives its number.
func Read(t Transmit, atr []byte, plan Plan) (Card, error) {
	a, err := ParseATR(atr)
	if err != nil {
		return Card{}, err
	}
	c := Card{Technology: a.Technology()}
	if c.Technology == Other {
		return Card{}, ErrNoCard
	}
	if c.Technology != FeliCa && plan.By == File {
		if c.Technology, err = t.kind(); err != nil {
			return Card{}, err
		}
	}
	if c.Technology == TypeB {
		return c, nil
	}
	if c.Number, err = t.number(); err != nil {
		return Card{}, err
	}
	if err := c.checkNumber(); err != nil {
		return Card{}, err
	}
	if c.Technology == FeliCa && plan.Service != nil {
		c.Memory, err = t.service(c.Number, plan)
	}
	if err != nil {
		return Card{}, err
	}
	return c, nil
}

func (c Card) checkNumber() error {
	n := len(c.Number)
	if c.Technology == FeliCa && n == 8 || c.Technology == TypeA && (n == 4 || n == 7 || n == 10) {
		return nil
	}
	return fmt.Errorf("%w: a number of %d bytes", ErrGarbage, n)
}

// kind asks a Sony reader what kind of card it sees, which is more than its ATR tells.
func (t Transmit) kind() (Technology, error) {
	b, err := t.ask("kind of card", 0xFF, 0xCA, 0xF3, 0x00, 0x00)
	if err != nil {
		return Other, err
	}
	switch {
	case bytes.Equal(b, []byte{0x01}), bytes.Equal(b, []byte{0x07}):
		return TypeA, nil
	case bytes.Equal(b, []byte{0x02}), bytes.Equal(b, []byte{0x08}):
		return TypeB, nil
	case bytes.Equal(b, []byte{0x04}):
		return FeliCa, nil
	}
	return Other, ErrNoCard
}

// service gives the chosen bytes, or nil when the card has no such service.
func (t Transmit) service(idm []byte, plan Plan) ([]byte, error) {
	var blocks []byte
	var err error
	switch plan.By {
	case File:
		blocks, err = t.readFile(*plan.Service)
	case Direct:
		blocks, err = felica{t.direct}.read(idm, *plan.Service)
	default:
		blocks, err = t.inSession(func(f felica) ([]byte, error) { return f.read(idm, *plan.Service) })
	}
	if err != nil || blocks == nil {
		return nil, err
	}
	return blocks[plan.Service.From:plan.Service.to()], nil
}

// readFile reads a service as Sony's readers show it: each service a file, each block 16 bytes of it.
func (t Transmit) readFile(s Service) ([]byte, error) {
	_, err := t.ask("select service", 0xFF, 0xA4, 0x00, 0x01, 0x02, byte(s.Service), byte(s.Service>>8))
	if errors.Is(err, StatusError(noFile)) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []byte
	for _, n := range s.Blocks {
		b, err := t.ask("read block", 0xFF, 0xB0, 0x00, n, 0x00)
		if err != nil {
			return nil, err
		}
		if len(b) != 16 {
			return nil, fmt.Errorf("%w: a block of %d bytes", ErrGarbage, len(b))
		}
		all = append(all, b...)
	}
	return all, nil
}
