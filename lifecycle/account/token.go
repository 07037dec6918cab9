package account

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"log/slog"
)

// Token is a secret of 256 random bits that stands for a session or for the right to make the first account.
// The database holds only its SHA-256. It cannot be printed, logged or marshalled (like Password);
// Reveal hands it over.
type Token struct{ hidden *string }

const tokenBytes = 32

// NewToken makes one.
func NewToken() Token {
	var b [tokenBytes]byte
	_, _ = rand.Read(b[:]) // crypto/rand never fails: it ends the program first
	return ParseToken(base64.RawURLEncoding.EncodeToString(b[:]))
}

// ParseToken takes a token as a caller presented it; whether it is one shows when it is looked up.
func ParseToken(s string) Token { return Token{hidden: &s} }

// Reveal returns the token for the one place that hands it over: a cookie, a response, a file.
func (t Token) Reveal() string {
	if t.hidden == nil {
		return ""
	}
	return *t.hidden
}

// IsZero reports that there is no token.
func (t Token) IsZero() bool { return t.Reveal() == "" }

// hash is how the database knows the token. A lookup by hash needs no constant-time comparison: who can time
// it learns about SHA-256 of a guess, not about the token.
func (t Token) hash() string {
	sum := sha256.Sum256([]byte(t.Reveal()))
	return hex.EncodeToString(sum[:])
}

const maskToken = "token(masked)"

// String masks the token.
func (Token) String() string { return maskToken }

// GoString masks the token in %#v.
func (Token) GoString() string { return maskToken }

// LogValue masks the token in logs.
func (Token) LogValue() slog.Value { return slog.StringValue(maskToken) }

// MarshalText refuses.
func (Token) MarshalText() ([]byte, error) { return nil, errors.New("a token is not marshalled") }
