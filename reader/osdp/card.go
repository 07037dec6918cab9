package osdp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
)

// CardFormat says how a reader obtained the bits. The same card may come with either, so it is no part of the
// card's identity.
type CardFormat byte

// Card formats.
const (
	CardBits    CardFormat = 0 // unspecified
	CardWiegand CardFormat = 1
)

// RawCard is a RAW reply: one card held to one reader. Its bits are masked when formatted.
type RawCard struct {
	Reader byte
	Format CardFormat
	count  int
	bits   hidden
}

// NewRawCard takes count bits, left aligned: the first bit is the most significant of the first byte. Bits behind
// the count are cleared. No bits, and a number of bytes that does not fit the count, are ErrLength.
func NewRawCard(reader byte, format CardFormat, count int, bits []byte) (RawCard, error) {
	if count < 1 || count > 0xFFFF || len(bits) != (count+7)/8 {
		return RawCard{}, fmt.Errorf("RAW: %w: %d bytes for %d bits", ErrLength, len(bits), count)
	}
	own := bytes.Clone(bits)
	if rest := count % 8; rest != 0 {
		own[len(own)-1] &= 0xFF << (8 - rest)
	}
	return RawCard{Reader: reader, Format: format, count: count, bits: hide(own)}, nil
}

const rawHead = 4

// Append writes the payload of a RAW reply. The zero RawCard writes one of no bits, which every parser refuses.
func (c RawCard) Append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint16(append(dst, c.Reader, byte(c.Format)), uint16(c.count))
	return append(dst, c.bits.reveal()...)
}

// ParseRawCard reads a RAW reply.
func ParseRawCard(data []byte) (RawCard, error) {
	if len(data) < rawHead {
		return RawCard{}, fmt.Errorf("RAW: %w: %d bytes", ErrLength, len(data))
	}
	if CardFormat(data[1]) > CardWiegand {
		return RawCard{}, fmt.Errorf("RAW: %w: format %d", ErrValue, data[1])
	}
	return NewRawCard(data[0], CardFormat(data[1]), int(binary.LittleEndian.Uint16(data[2:])), data[rawHead:])
}

// Reveal returns the bit count and a copy of the left-aligned bits, for the one place that identifies the card.
func (c RawCard) Reveal() (count int, bits []byte) {
	return c.count, c.bits.reveal()
}

// String names the reader and masks the bits; their count is no secret on the line.
func (c RawCard) String() string {
	return fmt.Sprintf("card(%d bits at reader %d, masked)", c.count, c.Reader)
}

// LogValue masks the bits in logs.
func (c RawCard) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText refuses: a card number is never written out by accident.
func (RawCard) MarshalText() ([]byte, error) {
	return nil, errors.New("osdp: a card is not marshalled")
}
