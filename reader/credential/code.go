package credential

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"kanmon/internal/access"
	"kanmon/internal/fault"
)

// MaxDigits bounds what is taken from a keypad at once.
const MaxDigits = 16

// Code is what a person typed: a PIN (入室用パスワード), or their number. It is a secret, as a Credential is: what leaves are its keyed hashes.
type Code struct {
	digits func() string // a function is printed as an address
}

// NewCode takes 1 to MaxDigits ASCII digits.
func NewCode(digits string) (Code, error) {
	if len(digits) < 1 || len(digits) > MaxDigits {
		return Code{}, fault.BadField("pin", "credential.pin", fmt.Sprintf("%d digits, want 1–%d", len(digits), MaxDigits))
	}
	for _, r := range digits {
		if r < '0' || r > '9' {
			return Code{}, fault.BadField("pin", "credential.pin", "a PIN is digits")
		}
	}
	return Code{func() string { return digits }}, nil
}

// Len is how many digits it has.
func (c Code) Len() int { return len(c.Reveal()) }

// Number returns the digits of what was typed as a person's number, which is no secret.
func (c Code) Number() string { return c.Reveal() }

// Reveal returns the digits for the one place that hands them over: the answer to who had a PIN drawn.
func (c Code) Reveal() string {
	if c.digits == nil {
		return ""
	}
	return c.digits()
}

const pinDomain = "kanmon pin v1\n"

// Key is the keyed hash by which the registers know a PIN in a scope (access.PersonScope, access.AreaScope), its form under the site's first key:
// HMAC-SHA256(key, "kanmon pin v1\n" || scope || 0x00 || digits).
func (c Code) Key(k HashKey, scope string) access.Key {
	m := hmac.New(sha256.New, k.first())
	m.Write([]byte(pinDomain))
	m.Write([]byte(scope))
	m.Write([]byte{0})
	m.Write([]byte(c.Reveal()))
	return access.Key(m.Sum(nil))
}

// Under is the code as a door compares it: hashed under a key in whatever scope the policy asks for.
func (c Code) Under(k HashKey) HashedCode { return HashedCode{c, k} }

// HashedCode implements access.Code.
type HashedCode struct {
	code Code
	key  HashKey
}

// Forms are all keyed hashes of the code in a scope, newest first.
func (h HashedCode) Forms(scope string) []access.Key { return h.key.Forms(h.code.Key(h.key, scope)) }

// Number is what was typed, where it is a person's number.
func (h HashedCode) Number() string { return h.code.Number() }

const codeMask = "code(masked)"

// String masks the digits and how many they are.
func (Code) String() string { return codeMask }

// Format masks the digits under every verb of package fmt.
func (Code) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, codeMask) }

// LogValue masks the digits in logs.
func (Code) LogValue() slog.Value { return slog.StringValue(codeMask) }

// MarshalText refuses: a PIN is never written out by accident.
func (Code) MarshalText() ([]byte, error) { return nil, errors.New("a PIN is not marshalled") }

// Format masks the digits under every verb of package fmt.
func (HashedCode) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, codeMask) }

// LogValue masks the digits in logs.
func (HashedCode) LogValue() slog.Value { return slog.StringValue(codeMask) }

// MarshalText refuses.
func (HashedCode) MarshalText() ([]byte, error) { return nil, errors.New("a PIN is not marshalled") }
