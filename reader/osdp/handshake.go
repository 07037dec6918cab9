package osdp

import (
	"crypto/aes"
	"crypto/subtle"
	"fmt"
	"io"
)

// RND is a random number of a handshake (RND.A of the controller, RND.B of the device). Draw a new one with
// NewRND for every try: a repeated RND.A brings back old session keys, and with them makes replay possible.
type RND [8]byte

// NewRND draws from a random source, crypto/rand.Reader in a program.
func NewRND(random io.Reader) (RND, error) {
	var r RND
	if _, err := io.ReadFull(random, r[:]); err != nil {
		return RND{}, fmt.Errorf("draw random number: %w", err)
	}
	return r, nil
}

// ClientUID is what a device calls itself in a handshake. It travels in clear and makers lay it out differently:
// compare it, do not interpret it.
type ClientUID [8]byte

// What the handshake's blocks carry.
const (
	selectDefault = 0x00 // the default key SCBK-D
	selectOwn     = 0x01 // the device's own key
	rmacAccepted  = 0x01
	rmacAccepted0 = 0x00 // the IEC edition's "accepted"
)

func selector(key Key) byte {
	if key.IsDefault() {
		return selectDefault
	}
	return selectOwn
}

// expect checks the shape of a handshake frame.
func expect(f Frame, reply bool, code Code, block Block, size int) error {
	switch {
	case f.Reply != reply || f.Code != code || f.Block != block || len(f.BlockData) != 1:
		return fmt.Errorf("%v: %w: want %s in block 0x%02X", f, ErrBlock, code.Name(reply), byte(block))
	case len(f.Data) != size:
		return fmt.Errorf("%v: %w: want %d bytes", f, ErrLength, size)
	}
	return nil
}

func sameBlock(a [aes.BlockSize]byte, b []byte) bool { return subtle.ConstantTimeCompare(a[:], b) == 1 }
