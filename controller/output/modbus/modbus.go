// Package modbus is the part of Modbus RTU that relay boards speak: one coil written, coils read. It is pure.
//
// Sources: MODBUS Application Protocol Specification V1.1b3, 6.1 (read coils), 6.5 (write single coil) and 7 (exceptions);
// MODBUS over Serial Line V1.02, 2.5.1 (frame: unit, function, data, CRC with the low byte first).
package modbus

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Functions, and the bit that marks an exception.
const (
	readCoils = 0x01
	writeCoil = 0x05
	exception = 0x80
)

// On and Off are what a coil is written with.
const (
	On  uint16 = 0xFF00
	Off uint16 = 0x0000
)

// Errors of a reply.
var (
	ErrCheck    = errors.New("wrong check bytes")
	ErrMismatch = errors.New("reply to something else")
)

// RefusedError is a board's refusal: 1 unknown function, 2 unknown address, 3 impossible value, 4 its own failure.
type RefusedError byte

// Error names the exception.
func (e RefusedError) Error() string { return fmt.Sprintf("the board refuses: exception %d", byte(e)) }

// CRC is CRC-16/MODBUS: polynomial 0x8005 reflected, beginning with 0xFFFF.
func CRC(b []byte) uint16 {
	crc := uint16(0xFFFF)
	for _, c := range b {
		crc ^= uint16(c)
		for range 8 {
			odd := crc&1 == 1
			crc >>= 1
			if odd {
				crc ^= 0xA001
			}
		}
	}
	return crc
}

// Request is one question to a board, as it goes over the line.
type Request []byte

// WriteCoil sets one coil. Boards give other values than On and Off, and other addresses, a meaning of their own.
func WriteCoil(unit byte, coil, value uint16) Request { return request(unit, writeCoil, coil, value) }

// ReadCoils asks for count coils from the first one on, at most 2000.
func ReadCoils(unit byte, first, count uint16) Request { return request(unit, readCoils, first, count) }

func request(unit, function byte, a, b uint16) Request {
	f := binary.BigEndian.AppendUint16([]byte{unit, function}, a)
	f = binary.BigEndian.AppendUint16(f, b)
	return seal(f)
}

func seal(f []byte) []byte { return binary.LittleEndian.AppendUint16(f, CRC(f)) }

// replyHead is how many bytes a reply has at least before its length is known.
const replyHead = 5

// Await is how many bytes the reply needs of which b has come, at least: a caller reads on until it has as many as this.
func (r Request) Await(b []byte) int {
	switch {
	case len(b) < replyHead || b[1]&exception != 0:
		return replyHead
	case b[1] == readCoils:
		return replyHead + int(b[2])
	default:
		return len(r)
	}
}

// Reply reads the reply to a request, all of it and nothing else. coils are those that were asked for, nil after a write.
func (r Request) Reply(b []byte) (coils []bool, err error) {
	if len(b) < replyHead || len(b) != r.Await(b) {
		return nil, fmt.Errorf("%d bytes: %w", len(b), ErrMismatch)
	}
	body, check := b[:len(b)-2], binary.LittleEndian.Uint16(b[len(b)-2:])
	switch {
	case CRC(body) != check:
		return nil, ErrCheck
	case b[0] != r[0] || b[1]&^exception != r[1]:
		return nil, fmt.Errorf("unit %d, function %d: %w", b[0], b[1], ErrMismatch)
	case b[1]&exception != 0:
		return nil, RefusedError(b[2])
	case b[1] == writeCoil:
		return nil, r.echoed(b)
	}
	return r.coils(body[3:])
}

func (r Request) echoed(b []byte) error {
	if string(b) != string(r) {
		return fmt.Errorf("confirmed % x for % x: %w", b, []byte(r), ErrMismatch)
	}
	return nil
}

func (r Request) coils(data []byte) ([]bool, error) {
	count := int(binary.BigEndian.Uint16(r[4:]))
	if len(data) != (count+7)/8 {
		return nil, fmt.Errorf("%d bytes of %d coils: %w", len(data), count, ErrMismatch)
	}
	coils := make([]bool, count)
	for i := range coils {
		coils[i] = data[i/8]>>(i%8)&1 == 1
	}
	return coils, nil
}
