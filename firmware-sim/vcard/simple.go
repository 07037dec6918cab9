package vcard

import (
	"bytes"
	"crypto/rand"
)

// Status words.
var (
	ok         = []byte{0x90, 0x00}
	noFile     = []byte{0x6A, 0x82}
	unknown    = []byte{0x6D, 0x00}
	noResponse = []byte{0x64, 0x01}
)

var getData = []byte{0xFF, 0xCA, 0x00, 0x00, 0x00}

// sonyKind is the question by which Sony's readers tell what kind of card they see.
var sonyKind = []byte{0xFF, 0xCA, 0xF3, 0x00, 0x00}

func with(data []byte, status []byte) Reply {
	return Reply{Data: append(append([]byte(nil), data...), status...)}
}

// storageATR is what readers make up for a card without a processor: PC/SC part 3, 3.1.3.2.3.2.
func storageATR(standard byte, name uint16) []byte {
	return check([]byte{
		0x3B, 0x8F, 0x80, 0x01, 0x80, 0x4F, 0x0C, 0xA0, 0x00, 0x00, 0x03, 0x06, standard, byte(name >> 8), byte(name), 0, 0, 0, 0,
	})
}

func check(atr []byte) []byte {
	var x byte
	for _, b := range atr[1:] {
		x ^= b
	}
	return append(atr, x)
}

// TypeA is a card of ISO/IEC 14443 type A that is nothing but a number.
type TypeA struct{ UID []byte }

// Reset gives the ATR of a MIFARE Classic card of 1 KiB, or of MIFARE Ultralight when the UID has seven bytes.
func (c TypeA) Reset() []byte {
	if len(c.UID) == 7 {
		return storageATR(0x03, 0x0003)
	}
	return storageATR(0x03, 0x0001)
}

// Answer tells the UID.
func (c TypeA) Answer(command []byte) Reply {
	switch {
	case bytes.Equal(command, getData):
		return with(c.UID, ok)
	case bytes.Equal(command, sonyKind):
		return with([]byte{0x01}, ok)
	}
	return with(nil, unknown)
}

// Phone is a telephone with a card emulated as type A: another UID, beginning with 08, each time the field comes on (ISO/IEC 14443-3, 6.5.4).
type Phone struct{ uid [4]byte }

// Reset draws the UID.
func (p *Phone) Reset() []byte {
	_, _ = rand.Read(p.uid[:]) // never fails
	p.uid[0] = 0x08
	return check([]byte{0x3B, 0x80, 0x80, 0x01})
}

// Answer tells the UID.
func (p *Phone) Answer(command []byte) Reply { return TypeA{p.uid[:]}.Answer(command) }

// TypeB is a card of ISO/IEC 14443 type B with another PUPI each time, as マイナンバーカード.
type TypeB struct{ pupi [4]byte }

// Reset draws the PUPI. The ATR tells application data, protocol information and buffer length.
func (b *TypeB) Reset() []byte {
	_, _ = rand.Read(b.pupi[:]) // never fails
	return check([]byte{0x3B, 0x88, 0x80, 0x01, 0, 0, 0, 0, 0xF7, 0x71, 0x85, 0x00})
}

// Answer tells the PUPI, as readers do.
func (b *TypeB) Answer(command []byte) Reply {
	switch {
	case bytes.Equal(command, getData):
		return with(b.pupi[:], ok)
	case bytes.Equal(command, sonyKind):
		return with([]byte{0x08}, ok)
	}
	return with(nil, unknown)
}
