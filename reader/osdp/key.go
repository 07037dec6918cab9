package osdp

import (
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
)

// KeySize is the size of every key in bytes.
const KeySize = 16

// Key is the base key (SCBK) that one device shares with its controller. The zero value is no key. A Key is
// masked when formatted, also inside another struct, and cannot be marshalled.
type Key struct {
	b         hidden
	isDefault bool
}

// NewKey takes a key of 16 bytes and refuses with ErrWeakKey one that could be guessed; see the weak function.
func NewKey(b []byte) (Key, error) {
	if len(b) != KeySize {
		return Key{}, fmt.Errorf("%w: key of %d bytes, want %d", ErrLength, len(b), KeySize)
	}
	k := [KeySize]byte(b)
	if why := weak(k); why != "" {
		return Key{}, fmt.Errorf("%w: %s", ErrWeakKey, why)
	}
	return Key{b: hide(k[:])}, nil
}

// ParseKey takes a key as 32 hex digits, with white space around it.
func ParseKey(s string) (Key, error) {
	b, err := hex.DecodeString(strings.TrimSpace(s))
	if err != nil {
		return Key{}, fmt.Errorf("%w: key is not hex", ErrValue) // the cause would quote a digit of the key
	}
	return NewKey(b)
}

// GenerateKey draws a key from a random source, crypto/rand.Reader in a program.
func GenerateKey(random io.Reader) (Key, error) {
	var b [KeySize]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return Key{}, fmt.Errorf("draw key: %w", err)
	}
	return NewKey(b[:])
}

// DefaultKey returns SCBK-D, which everybody knows: a session under it proves nothing and hides nothing. NewKey
// refuses it, so it cannot come in by configuration; only code that commissions a device may ask for it here.
func DefaultKey() Key {
	var k [KeySize]byte
	for i := range k {
		k[i] = 0x30 + byte(i)
	}
	return Key{b: hide(k[:]), isDefault: true}
}

// IsZero reports that there is no key.
func (k Key) IsZero() bool { return k.b == nil }

// IsDefault reports SCBK-D.
func (k Key) IsDefault() bool { return k.isDefault }

// Equal compares in constant time.
func (k Key) Equal(other Key) bool {
	return subtle.ConstantTimeCompare(k.b.reveal(), other.b.reveal()) == 1
}

// SharedKey reports whether two devices have a key in common; the zero key is none.
func SharedKey(one, other []Key) bool {
	return slices.ContainsFunc(one, func(k Key) bool { return !k.IsZero() && slices.ContainsFunc(other, k.Equal) })
}

// Reveal returns a copy of the key's bytes, for the one place that must store them.
func (k Key) Reveal() []byte { return k.b.reveal() }

const maskedKey = "key(masked)"

// String masks the key.
func (Key) String() string { return maskedKey }

// Format masks the key in every verb.
func (Key) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, maskedKey) }

// LogValue masks the key in logs.
func (Key) LogValue() slog.Value { return slog.StringValue(maskedKey) }

// MarshalText refuses: a key is never written out by accident.
func (Key) MarshalText() ([]byte, error) { return nil, errors.New("osdp: a key is not marshalled") }
