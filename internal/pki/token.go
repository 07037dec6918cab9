package pki

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"time"

	"kanmon/internal/fault"
)

// TokenTime is how long a token may be used.
const TokenTime = 24 * time.Hour

const tokenLetters = "abcdefghjkmnpqrstuvwxyz23456789z" // 32 places; z twice keeps the choice a whole number of bits

// Token lets one controller enrol once: a secret of 20 letters (95 bits or more) and the pin of the authority that the controller must
// find at the other end. It prints masked; Reveal gives the text to the one person who carries it.
type Token struct {
	hidden
	text func() tokenText
}

type tokenText struct{ secret, pin string }

// NewToken makes a token with the pin of an authority (CA.Pin).
func NewToken(pin string) Token {
	var b [20]byte
	_, _ = rand.Read(b[:]) // never fails
	for i := range b {
		b[i] = tokenLetters[b[i]%32]
	}
	return token(string(b[:]), pin)
}

func token(secret, pin string) Token {
	return Token{text: func() tokenText { return tokenText{secret, pin} }}
}

var tokenForm = regexp.MustCompile(`^[a-hjkmnp-z2-9]{20}\.[0-9a-f]{32}$`)

// ParseToken reads the text of Reveal, also in capitals, with hyphens left out or blanks around.
func ParseToken(text string) (Token, error) {
	text = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(text)), "-", "")
	if !tokenForm.MatchString(text) {
		return Token{}, fault.New(fault.Invalid, "enrol.token", "not an enrolment token")
	}
	return token(text[:20], text[21:]), nil
}

// Reveal is the text that is shown once: xxxxx-xxxxx-xxxxx-xxxxx.<pin>.
func (t Token) Reveal() string {
	if t.IsZero() {
		return ""
	}
	s := t.text().secret
	return s[:5] + "-" + s[5:10] + "-" + s[10:15] + "-" + s[15:] + "." + t.text().pin
}

// IsZero reports that there is no token.
func (t Token) IsZero() bool { return t.text == nil }

// Pin is the authority's.
func (t Token) Pin() string {
	if t.IsZero() {
		return ""
	}
	return t.text().pin
}

// Hash is what the centre keeps: hex SHA-256 of the secret, whose entropy makes a slow hash needless.
func (t Token) Hash() string {
	if t.IsZero() {
		return ""
	}
	h := sha256.Sum256([]byte("kanmon enrolment token v1\n" + t.text().secret))
	return hex.EncodeToString(h[:])
}
