package pki

import (
	"crypto"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// hidden is embedded by what holds a secret, which then cannot be printed, logged or marshalled. The secret itself stands behind a
// function: package fmt prints the fields of an unexported field without asking their methods, and follows a pointer there under a verb
// that does not fit (%s); a function is an address under all of them.
type hidden struct{}

const masked = "[secret]"

// Format masks the secret under every verb.
func (hidden) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, masked) }

// LogValue masks the secret.
func (hidden) LogValue() slog.Value { return slog.StringValue(masked) }

// MarshalText refuses.
func (hidden) MarshalText() ([]byte, error) { return nil, errors.New("a secret is not marshalled") }

// hiddenSigner lets crypto/tls and crypto/x509 sign with a key that a printed tls.Certificate does not show.
type hiddenSigner struct {
	hidden
	key func() crypto.Signer
}

func hide(key crypto.Signer) hiddenSigner {
	return hiddenSigner{key: func() crypto.Signer { return key }}
}

// shown is the key itself, for what encodes it.
func shown(key crypto.PrivateKey) crypto.PrivateKey {
	if h, ok := key.(hiddenSigner); ok {
		return h.key()
	}
	return key
}

// Public implements crypto.Signer.
func (s hiddenSigner) Public() crypto.PublicKey { return s.key().Public() }

// Sign implements crypto.Signer.
func (s hiddenSigner) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return s.key().Sign(random, digest, opts)
}
