package osdp

import (
	"errors"
	"fmt"
	"log/slog"
)

// Keys that are no digit. Digits are ASCII.
const (
	KeyClear = 0x7F // * or clear
	KeyEnter = 0x0D // # or enter
)

// Keypad is a KEYPAD reply: keys pressed at one reader, one or many. They may be a PIN and are masked when formatted.
type Keypad struct {
	Reader byte
	keys   hidden
}

const keypadHead = 2

// NewKeypad takes key presses: at least one, at most 255.
func NewKeypad(reader byte, keys []byte) (Keypad, error) {
	if len(keys) < 1 || len(keys) > 0xFF {
		return Keypad{}, fmt.Errorf("KEYPAD: %w: %d keys", ErrLength, len(keys))
	}
	return Keypad{Reader: reader, keys: hide(keys)}, nil
}

// Append writes the payload of a KEYPAD reply.
func (k Keypad) Append(dst []byte) []byte {
	keys := k.Reveal()
	return append(append(dst, k.Reader, byte(len(keys))), keys...)
}

// ParseKeypad reads a KEYPAD reply.
func ParseKeypad(data []byte) (Keypad, error) {
	if len(data) < keypadHead || int(data[1]) != len(data)-keypadHead {
		return Keypad{}, fmt.Errorf("KEYPAD: %w: %d bytes", ErrLength, len(data))
	}
	return NewKeypad(data[0], data[keypadHead:])
}

// Reveal returns a copy of the key presses, for the one place that collects a PIN.
func (k Keypad) Reveal() []byte { return k.keys.reveal() }

// String masks the keys and their number.
func (k Keypad) String() string { return fmt.Sprintf("keys(at reader %d, masked)", k.Reader) }

// LogValue masks the keys in logs.
func (k Keypad) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText refuses: a PIN is never written out by accident.
func (Keypad) MarshalText() ([]byte, error) {
	return nil, errors.New("osdp: key presses are not marshalled")
}
