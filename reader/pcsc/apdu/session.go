package apdu

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Data objects of a transparent session (PC/SC part 3 supplement, tables 3 to 6).
const (
	tagStart    = 0x81
	tagEnd      = 0x82
	tagProtocol = 0x8F // standard and layer
	tagSend     = 0x95
	tagReceived = 0x97
	tagError    = 0xC0 // which object failed, and a status
)

// exchangeTime is how long a card may take for one frame. FeliCa cards answer a read of four blocks within some 10 ms.
const exchangeTime = 50 * time.Millisecond

// inSession runs a function on a FeliCa card in a transparent session, which ends whatever happens: a reader left in one sees no more cards.
func (t Transmit) inSession(do func(felica) ([]byte, error)) (_ []byte, err error) {
	if _, err := t.object("begin session", 0x00, 0, tagStart, 0x00); err != nil {
		return nil, err
	}
	defer func() {
		if _, ending := t.object("end session", 0x00, 0, tagEnd, 0x00); err == nil {
			err = ending
		}
	}()
	if _, err := t.object("switch protocol", 0x02, 0, tagProtocol, 0x02, 0x03, 0x00); err != nil {
		return nil, err
	}
	return do(felica{t.transparent})
}

// transparent carries a frame in a session.
func (t Transmit) transparent(doing string, frame []byte) ([]byte, error) {
	timer := append([]byte{0x5F, 0x46, 0x04}, binary.LittleEndian.AppendUint32(nil, uint32(exchangeTime.Microseconds()))...)
	return t.object(doing, 0x01, tagReceived, append(append(timer, tagSend, byte(len(frame))), frame...)...)
}

// object sends data objects and gives the one wanted of the answer; want 0: none.
func (t Transmit) object(doing string, p2, want byte, objects ...byte) ([]byte, error) {
	b, err := t.ask(doing, append(append([]byte{0xFF, 0xC2, 0x00, p2, byte(len(objects))}, objects...), 0x00)...)
	if err != nil {
		return nil, err
	}
	found, err := pick(b, want)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	return found, nil
}

// pick finds an object, and the error of another.
func pick(b []byte, want byte) (found []byte, err error) {
	for len(b) > 0 {
		var tag byte
		var value []byte
		if tag, value, b, err = nextObject(b); err != nil {
			return nil, err
		}
		if tag == tagError && len(value) == 3 {
			if s := StatusError(value[1])<<8 | StatusError(value[2]); s != fine {
				return nil, s
			}
		}
		if tag == want {
			found = value
		}
	}
	if want != 0 && found == nil {
		return nil, fmt.Errorf("%w: object %02X is missing", ErrGarbage, want)
	}
	return found, nil
}

// nextObject takes a data object with a length of one to three bytes (ISO/IEC 8825-1, 8.1.3). Of tags of two bytes the second is skipped.
func nextObject(b []byte) (tag byte, value, rest []byte, err error) {
	cut := func() (byte, []byte, []byte, error) {
		return 0, nil, nil, fmt.Errorf("%w: a data object is cut", ErrGarbage)
	}
	tag, b = b[0], b[1:]
	if tag&0x1F == 0x1F {
		if len(b) == 0 {
			return cut()
		}
		tag, b = 0, b[1:]
	}
	if len(b) == 0 {
		return cut()
	}
	n := int(b[0])
	b = b[1:]
	if more := n - 0x80; more >= 0 {
		if more < 1 || more > 2 || len(b) < more {
			return cut()
		}
		n = 0
		for _, c := range b[:more] {
			n = n<<8 | int(c)
		}
		b = b[more:]
	}
	if len(b) < n {
		return cut()
	}
	return tag, b[:n:n], b[n:], nil
}
