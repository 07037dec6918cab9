// Package credential turns what a reader read into a credential: the triple (format, bit length, value).
// The same digits in two formats are two credentials. A Credential is a secret: it cannot be printed,
// logged or marshalled, not even as a field of something that is; what leaves are its keyed hashes (Key, Forms).
package credential

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"unique"

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

// Credential is one card number. It is comparable: equal numbers are equal Credentials.
//
// The number lies behind two handles. Package fmt does not ask the methods of an unexported field, and under a verb that
// does not fit it follows one pointer; behind the second it shows an address.
type Credential struct {
	number unique.Handle[unique.Handle[number]]
}

type number struct {
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
	n := number{format: Bits, bits: uint16(count)}
	copy(n.value[:], data)
	if rest := count % 8; rest != 0 {
		n.value[len(data)-1] &= 0xFF << (8 - rest)
	}
	return Credential{unique.Make(unique.Make(n))}, nil
}

// Parse reads the written form "bits:26:bdd93740": format, bit count, hex of the left-aligned bytes. Its errors do not
// repeat what was written.
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
// A credential that was never read has none.
func (c Credential) Reveal() (count int, data []byte) {
	n := c.reveal()
	return int(n.bits), append([]byte(nil), n.bytes()...)
}

func (c Credential) reveal() number {
	if c.IsZero() {
		return number{}
	}
	return c.number.Value().Value()
}

func (n *number) bytes() []byte { return n.value[:(int(n.bits)+7)/8] }

// IsZero reports a credential that was never read.
func (c Credential) IsZero() bool { return c == Credential{} }

const mask = "credential(masked)"

// String masks the number.
func (Credential) String() string { return mask }

// Format masks the number under every verb of package fmt.
func (Credential) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, mask) }

// LogValue masks the number in logs.
func (Credential) LogValue() slog.Value { return slog.StringValue(mask) }

// MarshalText refuses: a card number is never written out by accident.
func (Credential) MarshalText() ([]byte, error) {
	return nil, errors.New("a credential is not marshalled")
}

// Key is the keyed hash by which the registers know the credential, its form under the site's first key:
// HMAC-SHA256(key, format || 0x00 || bit count as two bytes, big endian || value).
func (c Credential) Key(k HashKey) access.Key {
	n := c.reveal()
	m := hmac.New(sha256.New, k.first())
	m.Write([]byte(n.format))
	m.Write([]byte{0})
	m.Write(binary.BigEndian.AppendUint16(nil, n.bits))
	m.Write(n.bytes())
	return access.Key(m.Sum(nil))
}

// Forms are all keyed hashes of the credential, newest first.
func (c Credential) Forms(k HashKey) []access.Key { return k.Forms(c.Key(k)) }
