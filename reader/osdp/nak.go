package osdp

import (
	"errors"
	"fmt"
)

// NakCode says why a device refused.
type NakCode byte

// NAK codes.
const (
	NakNone      NakCode = 0
	NakCheck     NakCode = 1 // bad check bytes; this package's devices stay silent instead
	NakLength    NakCode = 2
	NakUnknown   NakCode = 3 // command not implemented, or more than the device has
	NakSequence  NakCode = 4 // restart with number 0 and a new handshake
	NakNoSession NakCode = 5 // block type or key not supported, handshake failed
	NakSecurity  NakCode = 6 // clear where a session is needed, session lost, MAC wrong
	NakBioType   NakCode = 7
	NakBioFormat NakCode = 8
	NakRecord    NakCode = 9 // a record that cannot be processed
)

// Nak is a refusal. Detail is what some devices add behind the code.
type Nak struct {
	Code   NakCode
	Detail []byte
}

// Append writes the payload of a NAK reply.
func (n Nak) Append(dst []byte) []byte { return append(append(dst, byte(n.Code)), n.Detail...) }

// ParseNak reads a NAK reply.
func ParseNak(data []byte) (Nak, error) {
	if len(data) < 1 {
		return Nak{}, fmt.Errorf("NAK: %w", ErrLength)
	}
	return Nak{Code: NakCode(data[0]), Detail: tail(data, 1)}, nil
}

// AnswerNak returns the clear refusal of a command.
func (f Frame) AnswerNak(code NakCode) Frame { return f.Answer(ReplyNak, []byte{byte(code)}) }

// tail copies what follows the first n bytes; nothing is nil.
func tail(b []byte, n int) []byte { return append([]byte(nil), b[n:]...) }

// wantLen refuses a payload that is not exactly n bytes.
func wantLen(what string, data []byte, n int) error {
	if len(data) != n {
		return fmt.Errorf("%s: %w: %d bytes, want %d", what, ErrLength, len(data), n)
	}
	return nil
}

// records splits a payload into records of size bytes, at least one.
func records(what string, data []byte, size int) ([][]byte, error) {
	if len(data) == 0 || len(data)%size != 0 {
		return nil, fmt.Errorf("%s: %w: %d bytes are not records of %d", what, ErrLength, len(data), size)
	}
	var rs [][]byte
	for ; len(data) > 0; data = data[size:] {
		rs = append(rs, data[:size:size])
	}
	return rs, nil
}

// NakFor returns the code with which a device answers a command that a parser of this package refused.
func NakFor(err error) NakCode {
	switch {
	case errors.Is(err, ErrLength):
		return NakLength
	case errors.Is(err, ErrValue):
		return NakRecord
	default:
		return NakSecurity
	}
}
