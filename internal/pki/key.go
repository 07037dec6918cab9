package pki

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"strings"

	"kanmon/internal/fault"
)

// SigningKey is an Ed25519 key that prints masked. The zero SigningKey panics when used. Everything it signs as a message begins with a
// domain of ours ("kanmon …"), which no TLS handshake and no certificate request does.
type SigningKey struct {
	hidden
	key func() ed25519.PrivateKey
}

// NewSigningKey makes a key.
func NewSigningKey() SigningKey {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic("pki: " + err.Error()) // crypto/rand never fails
	}
	return signingKey(private)
}

// ParseSigningKey takes the 32 bytes of Seed.
func ParseSigningKey(seed []byte) (SigningKey, error) {
	if len(seed) != ed25519.SeedSize {
		return SigningKey{}, fault.New(fault.Invalid, "pki.key", fmt.Sprintf("signing key of %d bytes", len(seed)))
	}
	private := ed25519.NewKeyFromSeed(seed)
	return signingKey(private), nil
}

func signingKey(private ed25519.PrivateKey) SigningKey {
	return SigningKey{key: func() ed25519.PrivateKey { return private }}
}

// Seed is the key itself, to be sealed.
func (k SigningKey) Seed() []byte { return k.key().Seed() }

// IsZero reports that there is no key.
func (k SigningKey) IsZero() bool { return k.key == nil }

// Private is the key for crypto/tls and crypto/x509; it prints masked too.
func (k SigningKey) Private() crypto.Signer { return hide(k.key()) }

// TLS joins the key and its certificate for handshakes.
func (k SigningKey) TLS(c *x509.Certificate) *tls.Certificate {
	return &tls.Certificate{Certificate: [][]byte{c.Raw}, PrivateKey: k.Private(), Leaf: c}
}

// Public is the public half.
func (k SigningKey) Public() ed25519.PublicKey {
	return ed25519.PublicKey(k.key()[ed25519.PrivateKeySize-ed25519.PublicKeySize:])
}

// KeyID names the key in messages.
func (k SigningKey) KeyID() string { return KeyID(k.Public()) }

// Sign signs a message (pure Ed25519, RFC 8032).
func (k SigningKey) Sign(message []byte) []byte { return ed25519.Sign(k.key(), message) }

// KeyID is the first 16 hex digits of the SHA-256 of a public key.
func KeyID(public ed25519.PublicKey) string {
	h := sha256.Sum256(public)
	return hex.EncodeToString(h[:8])
}

// Fingerprint of a public key, for two people to compare: SHA-256 of its 32 bytes, in groups of four hex digits.
func Fingerprint(public ed25519.PublicKey) string { return grouped(public) }

// CertificateFingerprint is the SHA-256 of a certificate's DER, in groups of four hex digits.
func CertificateFingerprint(c *x509.Certificate) string { return grouped(c.Raw) }

func grouped(b []byte) string {
	h := sha256.Sum256(b)
	text := hex.EncodeToString(h[:])
	parts := make([]string, 0, len(text)/4)
	for i := 0; i < len(text); i += 4 {
		parts = append(parts, text[i:i+4])
	}
	return strings.Join(parts, " ")
}

// BoxKey is an X25519 key that receives secrets; it says nothing of who sealed them. It prints masked. The zero BoxKey panics when used.
type BoxKey struct {
	hidden
	key func() *ecdh.PrivateKey
}

// NewBoxKey makes a key.
func NewBoxKey() BoxKey {
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		panic("pki: " + err.Error()) // crypto/rand never fails
	}
	return boxKey(private)
}

// ParseBoxKey takes what Bytes gave.
func ParseBoxKey(b []byte) (BoxKey, error) {
	private, err := ecdh.X25519().NewPrivateKey(b)
	if err != nil {
		return BoxKey{}, fault.Wrap(fault.Invalid, err, "box key")
	}
	return boxKey(private), nil
}

func boxKey(private *ecdh.PrivateKey) BoxKey {
	return BoxKey{key: func() *ecdh.PrivateKey { return private }}
}

// Bytes is the key itself, to be sealed.
func (k BoxKey) Bytes() []byte { return k.key().Bytes() }

// Public is the 32 bytes that others seal to.
func (k BoxKey) Public() []byte { return k.key().PublicKey().Bytes() }

// SealTo encrypts a secret to a box key (HPKE base mode: X25519, HKDF-SHA256, AES-256-GCM). It opens only with the same info.
func SealTo(public []byte, info string, secret []byte) ([]byte, error) {
	to, err := ecdh.X25519().NewPublicKey(public)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "box key")
	}
	recipient, err := hpke.NewDHKEMPublicKey(to)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "box key")
	}
	sealed, err := hpke.Seal(recipient, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte(info), secret)
	return sealed, fault.Wrap(fault.Invalid, err, "seal to a box key")
}

// Open decrypts what SealTo made for this key.
func (k BoxKey) Open(info string, sealed []byte) ([]byte, error) {
	private, err := hpke.NewDHKEMPrivateKey(k.key())
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "box key")
	}
	secret, err := hpke.Open(private, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte(info), sealed)
	return secret, fault.Wrap(fault.Invalid, err, "open what was sealed to the box key")
}
