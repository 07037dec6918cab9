package mqtt

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// Secret is a password that cannot be printed, logged or marshalled. It sits behind a pointer so that even a
// struct around it prints an address.
type Secret struct{ value *string }

// NewSecret hides s.
func NewSecret(s string) Secret { return Secret{&s} }

func (s Secret) reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Format masks the secret under every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "secret(masked)") }

// LogValue masks the secret in logs.
func (Secret) LogValue() slog.Value { return slog.StringValue("secret(masked)") }

// MarshalText refuses.
func (Secret) MarshalText() ([]byte, error) { return nil, errors.New("a secret is not marshalled") }
