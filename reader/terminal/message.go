package terminal

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"kanmon/internal/fault"
)

// MaxMessage bounds a message, in bytes.
const MaxMessage = 4096

// maxID bounds the name of a message, in bytes.
const maxID = 64

// Verdict is what a terminal says.
type Verdict string

// Verdicts.
const (
	Accepted Verdict = "accepted" // it is the subject
	Rejected Verdict = "rejected" // somebody was there whom it does not know
	Alive    Verdict = "alive"    // nobody is there, and the terminal works
)

// Message is one message of a terminal.
type Message struct {
	ID      string    `json:"id"`                // 1–64 printable ASCII characters; never used again
	At      time.Time `json:"at"`                // by the terminal's clock
	Verdict Verdict   `json:"verdict"`           //
	Subject string    `json:"subject,omitempty"` // with accepted: the name under which the terminal knows the person
}

const secretBytes = 32

// Secret is what a terminal signs with. It masks itself.
type Secret struct {
	key func() []byte // a function is printed as an address
}

// ParseSecret reads 64 hex digits.
func ParseSecret(text string) (Secret, error) {
	b, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != secretBytes || bytes.Count(b, b[:1]) == len(b) {
		return Secret{}, fault.BadField("secret_file", "terminal.secret", "a terminal's secret is 64 hex digits drawn at random")
	}
	return Secret{func() []byte { return b }}, nil
}

// Equal reports whether two secrets are the same.
func (s Secret) Equal(other Secret) bool {
	return s.key != nil && other.key != nil && hmac.Equal(s.key(), other.key())
}

const secretMask = "secret(masked)"

// String masks the secret.
func (Secret) String() string { return secretMask }

// Format masks the secret under every verb of package fmt.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, secretMask) }

// LogValue masks the secret in logs.
func (Secret) LogValue() slog.Value { return slog.StringValue(secretMask) }

const signedBy = "sha256="

// Sign is the signature of a message's bytes: "sha256=" and the hex of their HMAC-SHA256.
func (s Secret) Sign(body []byte) string {
	return signedBy + hex.EncodeToString(s.mac(body))
}

func (s Secret) mac(body []byte) []byte {
	m := hmac.New(sha256.New, s.key())
	m.Write(body)
	return m.Sum(nil)
}

// Open reads a message that the secret signed. Errors: Unauthenticated "terminal.signature", Invalid "terminal.message". They repeat nothing of what was sent.
func (s Secret) Open(body []byte, signature string) (Message, error) {
	got, err := hex.DecodeString(strings.TrimPrefix(signature, signedBy))
	if s.key == nil || err != nil || !strings.HasPrefix(signature, signedBy) || !hmac.Equal(got, s.mac(body)) {
		return Message{}, fault.New(fault.Unauthenticated, "terminal.signature", "not signed with the terminal's secret")
	}
	if len(body) > MaxMessage {
		return Message{}, fault.New(fault.TooLarge, "terminal.message", fmt.Sprintf("a message of %d bytes", len(body)))
	}
	return parse(body)
}

func parse(body []byte) (Message, error) {
	var m Message
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields() // a template that somebody sends along is refused, not dropped
	if d.Decode(&m) != nil || d.More() {
		return Message{}, fault.New(fault.Invalid, "terminal.message", "not a message of a terminal")
	}
	return m, m.check()
}

func (m Message) check() error {
	bad := func(field, why string) error { return fault.BadField(field, "terminal.message", why) }
	switch {
	case len(m.ID) < 1 || len(m.ID) > maxID || strings.ContainsFunc(m.ID, func(r rune) bool { return r < '!' || r > '~' }):
		return bad("id", "want 1–64 printable ASCII characters")
	case m.At.IsZero():
		return bad("at", "want the time, RFC 3339")
	case m.Verdict != Accepted && m.Verdict != Rejected && m.Verdict != Alive:
		return bad("verdict", "want accepted, rejected or alive")
	case (m.Subject != "") != (m.Verdict == Accepted):
		return bad("subject", "want a subject with accepted, and with nothing else")
	}
	return nil
}
