package pki

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"

	"kanmon/internal/fault"
)

// MakeCSR asks for a certificate for a name; the signature proves that the asker has the key.
func MakeCSR(key SigningKey, name string) ([]byte, error) {
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: name}}, key.Private())
	return der, fault.Wrap(fault.Internal, err, "make a certificate request")
}

// maxCSR bounds a request; ours have some 200 bytes.
const maxCSR = 4096

// ParseCSR reads a request (DER) and checks its signature, that it is for an Ed25519 key and that its name can be a controller's.
// Whatever else it asks for is not granted.
func ParseCSR(der []byte) (name string, public ed25519.PublicKey, err error) {
	if len(der) > maxCSR {
		return "", nil, fault.New(fault.TooLarge, "enrol.csr", "certificate request too large")
	}
	r, err := x509.ParseCertificateRequest(der)
	if err == nil {
		err = r.CheckSignature()
	}
	if err != nil {
		return "", nil, fault.New(fault.Invalid, "enrol.csr", "certificate request: "+err.Error())
	}
	public, ok := r.PublicKey.(ed25519.PublicKey)
	if !ok {
		return "", nil, fault.New(fault.Invalid, "enrol.csr", "certificate request for a key that is not Ed25519")
	}
	if !validName.MatchString(r.Subject.CommonName) {
		return "", nil, fault.New(fault.Invalid, "enrol.csr", fmt.Sprintf("certificate request for the name %.40q", r.Subject.CommonName))
	}
	return r.Subject.CommonName, public, nil
}
