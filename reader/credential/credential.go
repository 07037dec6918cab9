// Package credential turns what a reader read into a credential: the triple (format, bit length, value).
// The same digits in two formats are two credentials. What is no identifier is refused by its reason. A Credential is a secret: it cannot be
// printed, logged or marshalled, not even as a field of something that is; what leaves are its keyed hashes (Key, Forms) and its Shape.
package credential

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"unique"

	"kanmon/internal/access"
)

// MaxBits bounds a credential.
const MaxBits = access.MaxBits

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
	at     string // of a verdict: the terminal whose word it is
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

// Shape is what of the read is no secret.
func (c Credential) Shape() access.Shape {
	n := c.reveal()
	return access.Shape{Format: string(n.format), Bits: int(n.bits), Parity: parityOf(&n)}
}

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

// At is a verdict as the word of one terminal ("controller/reader"): two terminals may know two people by one name. What was read of a card is the same
// wherever it was read.
func (c Credential) At(terminal string) Credential {
	n := c.reveal()
	if n.format != Verdict {
		return c
	}
	n.at = terminal
	return n.seal()
}

// Key is the keyed hash by which the registers know the credential, its form under the site's first key:
// HMAC-SHA256(key, format || 0x00 || bit count as two bytes, big endian || value || terminal of a verdict).
func (c Credential) Key(k HashKey) access.Key {
	n := c.reveal()
	m := hmac.New(sha256.New, k.first())
	m.Write([]byte(n.format))
	m.Write([]byte{0})
	m.Write(binary.BigEndian.AppendUint16(nil, n.bits))
	m.Write(n.bytes())
	m.Write([]byte(n.at))
	return access.Key(m.Sum(nil))
}

// Forms are all keyed hashes of the credential, newest first.
func (c Credential) Forms(k HashKey) []access.Key { return k.Forms(c.Key(k)) }
