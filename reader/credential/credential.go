// Package credential turns what a reader read into a credential: the triple (format, bit length, value).
// The same digits in two formats are two credentials. A Credential is a secret: it cannot be printed,
// logged or marshalled; what leaves is its keyed hash (Key).
package credential

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"kanmon/internal/access"
	"kanmon/internal/fault"
)

// Format names how the bits were obtained.
type Format string

// Formats.
const (
	// Bits are card bits as the reader sent them (OSDP RAW of either format code, Wiegand): left aligned,
	// first bit the most significant of the first byte.
	Bits Format = "bits"
)

// MaxBits bounds a credential.
const MaxBits = 256

// Credential is one card number. It is comparable.
type Credential struct {
	format Format
	bits   uint16
	value  [MaxBits / 8]byte
}

// FromBits takes bits as an OSDP RAW reply carries them. Bits past the count are masked off, not trusted.
func FromBits(count int, data []byte) (Credential, error) {
	if count < 1 || count > MaxBits {
		return Credential{}, fault.BadField("bits", "credential.bits", fmt.Sprintf("%d bits", count))
	}
	if len(data) != (count+7)/8 {
		return Credential{}, fault.BadField("bits", "credential.length", fmt.Sprintf("%d bytes for %d bits", len(data), count))
	}
	c := Credential{format: Bits, bits: uint16(count)} //nolint:gosec // bounded above
	copy(c.value[:], data)
	if rest := count % 8; rest != 0 {
		c.value[len(data)-1] &= 0xFF << (8 - rest)
	}
	return c, nil
}

// Parse reads the written form "bits:26:bdd93740": format, bit count, hex of the left-aligned bytes.
func Parse(s string) (Credential, error) {
	part := strings.Split(strings.TrimSpace(s), ":")
	if len(part) != 3 || Format(part[0]) != Bits {
		return Credential{}, fault.BadField("credential", "credential.form", "want bits:<count>:<hex>")
	}
	n, err := strconv.Atoi(part[1])
	if err != nil {
		return Credential{}, fault.BadField("credential", "credential.bits", "bit count is not a number")
	}
	b, err := hex.DecodeString(part[2])
	if err != nil {
		return Credential{}, fault.BadField("credential", "credential.hex", "value is not hex")
	}
	return FromBits(n, b)
}

// Reveal returns the bit count and the left-aligned bytes, for the one place that must write them to a line.
func (c Credential) Reveal() (count int, data []byte) {
	return int(c.bits), append([]byte(nil), c.value[:(int(c.bits)+7)/8]...)
}

// IsZero reports a credential that was never read.
func (c Credential) IsZero() bool { return c.bits == 0 }

const mask = "credential(masked)"

// String masks the number.
func (c Credential) String() string { return mask }

// GoString masks the number in %#v.
func (c Credential) GoString() string { return mask }

// LogValue masks the number in logs.
func (c Credential) LogValue() slog.Value { return slog.StringValue(mask) }

// MarshalText refuses: a card number is never written out by accident.
func (c Credential) MarshalText() ([]byte, error) {
	return nil, errors.New("a credential is not marshalled")
}

// HashKey is the site's credential hash key (docs/architecture.md, Keys).
type HashKey struct{ key [32]byte }

// NewHashKey takes 32 bytes from the key store.
func NewHashKey(b []byte) (HashKey, error) {
	if len(b) != 32 {
		return HashKey{}, fault.New(fault.Invalid, "key.length", fmt.Sprintf("credential hash key of %d bytes, want 32", len(b)))
	}
	return HashKey{key: [32]byte(b)}, nil
}

// String masks the key.
func (HashKey) String() string { return "key(masked)" }

// GoString masks the key.
func (HashKey) GoString() string { return "key(masked)" }

// LogValue masks the key.
func (HashKey) LogValue() slog.Value { return slog.StringValue("key(masked)") }

// Key is the keyed hash by which policy and registers know the credential:
// HMAC-SHA256(key, format || 0x00 || bit count as two bytes, big endian || value).
func (c Credential) Key(k HashKey) access.Key {
	m := hmac.New(sha256.New, k.key[:])
	m.Write([]byte(c.format))
	m.Write([]byte{0})
	m.Write(binary.BigEndian.AppendUint16(nil, c.bits))
	m.Write(c.value[:(int(c.bits)+7)/8])
	return access.Key(m.Sum(nil))
}
