package pki

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"strings"

	"kanmon/internal/fault"
)

// Introduction is what a controller is told at its enrolment and cannot check otherwise. The authority signs it, whose pin the token carried:
// HTTPS alone may stand on any authority that the machine trusts. It names the controller's key, so that an older one cannot be shown again.
type Introduction struct {
	Site        string
	Controller  ed25519.PublicKey
	CommandKeys []ed25519.PublicKey
	HashKey     []byte // the credential hash key as it was sealed to the controller
}

func (i Introduction) digest() []byte {
	hash := sha256.Sum256(i.HashKey)
	lines := []string{"kanmon introduction v1", i.Site, hex.EncodeToString(i.Controller), hex.EncodeToString(hash[:])}
	for _, k := range i.CommandKeys {
		lines = append(lines, hex.EncodeToString(k))
	}
	sum := sha256.Sum256([]byte(strings.Join(append(lines, ""), "\n")))
	return sum[:]
}

// Introduce signs an introduction (ECDSA over SHA-256, ASN.1). No certificate begins as an introduction does.
func (ca *CA) Introduce(i Introduction) ([]byte, error) {
	sig, err := ecdsa.SignASN1(rand.Reader, ca.key(), i.digest())
	return sig, fault.Wrap(fault.Internal, err, "introduce the command keys")
}

// Verify checks an introduction by the authority's certificate. An error is fault.Denied.
func (i Introduction) Verify(authority *x509.Certificate, sig []byte) error {
	public, ok := authority.PublicKey.(*ecdsa.PublicKey)
	if !ok || !ecdsa.VerifyASN1(public, i.digest(), sig) {
		return fault.New(fault.Denied, "pki.introduction", "the command keys are not signed by the authority that the token names")
	}
	return nil
}
