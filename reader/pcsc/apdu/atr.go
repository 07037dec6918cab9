package apdu

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// Technology is how a card speaks, as far as its ATR tells.
type Technology uint8

// Technologies. Other is a contact card, or one that has no number of ours: ISO/IEC 15693 and what is unknown.
const (
	Other Technology = iota
	TypeA
	TypeB
	FeliCa
)

// maxATR is the length of the longest ATR: TS and 32 characters (ISO/IEC 7816-3, 8.2.1).
const maxATR = 33

// ATR is the answer to reset, which for a card without contacts the reader makes up (PC/SC part 3, 3.1.3.2.3).
type ATR struct {
	Historical []byte
	contacts   bool // it does not have the form that readers give to cards without contacts
}

var errATR = errors.New("no ATR")

// ParseATR takes an ATR apart as ISO/IEC 7816-3, 8.2 has it, and checks its check byte.
func ParseATR(b []byte) (ATR, error) {
	if len(b) < 2 || len(b) > maxATR || (b[0] != 0x3B && b[0] != 0x3F) {
		return ATR{}, fmt.Errorf("%w: %d bytes", errATR, len(b))
	}
	at, check, err := interfaceBytes(b)
	if err != nil {
		return ATR{}, err
	}
	end := at + int(b[1]&0x0F)
	if check {
		end++
	}
	if end != len(b) {
		return ATR{}, fmt.Errorf("%w: %d bytes, %d announced", errATR, len(b), end)
	}
	if check && sum(b[1:]) != 0 {
		return ATR{}, fmt.Errorf("%w: check byte", errATR)
	}
	contactless := bytes.HasPrefix(b[2:], []byte{0x80, 0x01}) && b[1]>>4 == 8 && at == 4
	return ATR{Historical: slices.Clone(b[at : at+int(b[1]&0x0F)]), contacts: !contactless}, nil
}

// interfaceBytes finds where the historical bytes begin, and whether a check byte follows them: when any protocol but T=0 is offered.
func interfaceBytes(b []byte) (at int, check bool, err error) {
	at = 2
	for y := b[1] >> 4; y != 0; {
		next := byte(0)
		for bit := byte(1); bit <= 8; bit <<= 1 {
			if y&bit == 0 {
				continue
			}
			if at >= len(b) {
				return 0, false, fmt.Errorf("%w: cut in its interface bytes", errATR)
			}
			if bit == 8 { // TDi
				next = b[at] >> 4
				check = check || b[at]&0x0F != 0
			}
			at++
		}
		y = next
	}
	if at+int(b[1]&0x0F) > len(b) {
		return 0, false, fmt.Errorf("%w: cut in its historical bytes", errATR)
	}
	return at, check, nil
}

func sum(b []byte) (x byte) {
	for _, c := range b {
		x ^= c
	}
	return x
}

// storage is how the historical bytes of a storage card begin: category 80, an application identifier of 12 bytes, the PC/SC workgroup's RID.
var storage = []byte{0x80, 0x4F, 0x0C, 0xA0, 0x00, 0x00, 0x03, 0x06}

// Names of cards that readers give a standard byte of their own: FeliCa of PC/SC part 3, and of the older ACS readers at 212 and 424 kbit/s.
const (
	nameFeliCa    = 0x003B
	nameFeliCa212 = 0xF011
	nameFeliCa424 = 0xF012
)

// Technology is told by the standard and the name of a storage card (PC/SC part 3 supplement), and for a card of ISO/IEC 14443-4 by its historical
// bytes: of type B they are eight, the application data and protocol information of ATQB and the buffer length of ATTRIB. A card of type A
// whose eight bytes look just like that counts as type B: it is refused rather than taken for what it is not.
func (a ATR) Technology() Technology {
	switch {
	case a.contacts:
		return Other
	case len(a.Historical) == 15 && bytes.HasPrefix(a.Historical, storage):
		return stored(a.Historical[8], uint16(a.Historical[9])<<8|uint16(a.Historical[10]))
	case a.likeATQB():
		return TypeB
	}
	return TypeA
}

func stored(standard byte, name uint16) Technology {
	switch {
	case standard == 0x11 || name == nameFeliCa || name == nameFeliCa212 || name == nameFeliCa424:
		return FeliCa
	case standard >= 0x01 && standard <= 0x03:
		return TypeA
	case standard >= 0x05 && standard <= 0x07:
		return TypeB
	}
	return Other
}

// likeATQB: protocol type 0 or 1 in the sixth byte, and nothing but the buffer length in the last.
func (a ATR) likeATQB() bool {
	h := a.Historical
	return len(h) == 8 && h[5]&0x0E == 0 && h[7]&0x0F == 0
}
