package pki

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"time"

	"kanmon/internal/fault"
)

// Lives of certificates.
const (
	DeviceLife  = 180 * 24 * time.Hour
	ServerLife  = 397 * 24 * time.Hour
	authority   = 20 * 365 * 24 * time.Hour
	backDated   = time.Hour // clocks differ
	certificate = "CERTIFICATE"
)

// CA is the device authority of a site. It prints masked.
type CA struct {
	hidden
	key  func() *ecdsa.PrivateKey
	cert *x509.Certificate
}

// NewCA makes an authority, self-signed for twenty years, that may not make others.
func NewCA(site string, now time.Time) (*CA, error) {
	if !validName.MatchString(site) {
		return nil, fault.New(fault.Invalid, "pki.name", fmt.Sprintf("%.40q names no site", site))
	}
	return makeCA(site, "", now.Add(-backDated), now)
}

func makeCA(site, suffix string, begin, now time.Time) (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "make the authority's key")
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "Kanmon " + site + " device CA" + suffix, Organization: []string{site}},
		NotBefore: begin, NotAfter: now.Add(authority),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "make the authority")
	}
	cert, err := x509.ParseCertificate(der)
	return newCA(key, cert), fault.Wrap(fault.Internal, err, "make the authority")
}

func newCA(key *ecdsa.PrivateKey, cert *x509.Certificate) *CA {
	return &CA{key: func() *ecdsa.PrivateKey { return key }, cert: cert}
}

// validName is the form of the names of sites and controllers in topics.
var validName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

func serial() *big.Int {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[0] &= 0x7f           // positive
	return new(big.Int).SetBytes(b[:])
}

// Bytes are the authority's certificate and key, to be sealed.
func (ca *CA) Bytes() ([]byte, error) {
	key, err := x509.MarshalPKCS8PrivateKey(ca.key())
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "marshal the authority")
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), ca.PEM()...), nil
}

// ParseCA reads what Bytes gave.
func ParseCA(b []byte) (*CA, error) {
	pair, err := tls.X509KeyPair(b, b)
	if err != nil {
		return nil, fault.New(fault.Invalid, "pki.ca", "what is kept as the device authority is no certificate with its key")
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !pair.Leaf.IsCA {
		return nil, fault.New(fault.Invalid, "pki.ca", "what is kept as the device authority is none")
	}
	return newCA(key, pair.Leaf), nil
}

// Certificate is the authority's own.
func (ca *CA) Certificate() *x509.Certificate { return ca.cert }

// PEM is the authority's certificate as others import it.
func (ca *CA) PEM() []byte { return EncodeCertificate(ca.cert) }

// Pool holds the authority alone.
func (ca *CA) Pool() *x509.CertPool { return Pool(ca.cert) }

// Pin is what a token carries: the first 32 hex digits of the SHA-256 of the certificate.
func (ca *CA) Pin() string { return Pin(ca.cert) }

// Pin of a certificate: the first 32 hex digits of the SHA-256 of its DER.
func Pin(c *x509.Certificate) string {
	h := sha256.Sum256(c.Raw)
	return hex.EncodeToString(h[:16])
}

// Pool of some authorities.
func Pool(certificates ...*x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range certificates {
		p.AddCert(c)
	}
	return p
}

// EncodeCertificate writes PEM.
func EncodeCertificate(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: certificate, Bytes: c.Raw})
}

// EncodeCertificates writes PEM, one after the other.
func EncodeCertificates(list []*x509.Certificate) []byte {
	var b []byte
	for _, c := range list {
		b = append(b, EncodeCertificate(c)...)
	}
	return b
}

// ParseCertificates reads certificates in PEM, at least one, and nothing else.
func ParseCertificates(b []byte) ([]*x509.Certificate, error) {
	var list []*x509.Certificate
	for len(bytes.TrimSpace(b)) > 0 {
		block, rest := pem.Decode(b)
		if block == nil {
			return nil, fault.New(fault.Invalid, "pki.certificate", "not certificates in PEM")
		}
		c, err := ParseCertificate(pem.EncodeToMemory(block))
		if err != nil {
			return nil, err
		}
		list, b = append(list, c), rest
	}
	if len(list) == 0 {
		return nil, fault.New(fault.Invalid, "pki.certificate", "no certificate in PEM")
	}
	return list, nil
}

// ParseCertificate reads one certificate in PEM and nothing behind it.
func ParseCertificate(b []byte) (*x509.Certificate, error) {
	block, rest := pem.Decode(b)
	if block == nil || block.Type != certificate || len(bytes.TrimSpace(rest)) > 0 {
		return nil, fault.New(fault.Invalid, "pki.certificate", "not one certificate in PEM")
	}
	c, err := x509.ParseCertificate(block.Bytes)
	return c, fault.Wrap(fault.Invalid, err, "certificate")
}

// IssueDevice makes a client certificate for a controller, or for the centre at a broker: CN is the name, O the site, for
// DeviceLife, for nothing but being a TLS client.
func (ca *CA) IssueDevice(name string, public ed25519.PublicKey, now time.Time) (*x509.Certificate, error) {
	if !validName.MatchString(name) || len(public) != ed25519.PublicKeySize {
		return nil, fault.New(fault.Invalid, "pki.name", fmt.Sprintf("a certificate for %.40q and a key of %d bytes", name, len(public)))
	}
	return ca.issue(&x509.Certificate{
		Subject:   pkix.Name{CommonName: name, Organization: ca.cert.Subject.Organization},
		NotBefore: now.Add(-backDated), NotAfter: now.Add(DeviceLife), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, public, now)
}

// deskPrefix is before the name of a desk in its certificate. No controller can have such a name, so that a broker lets none in by it.
const deskPrefix = "desk."

// IssueDesk makes a client certificate for a desk, which is one for DeviceLife as a controller's is: CN is "desk." and the name.
func (ca *CA) IssueDesk(name string, public ed25519.PublicKey, now time.Time) (*x509.Certificate, error) {
	if !validName.MatchString(name) || len(public) != ed25519.PublicKeySize {
		return nil, fault.New(fault.Invalid, "pki.name", fmt.Sprintf("a certificate for %.40q and a key of %d bytes", name, len(public)))
	}
	return ca.issue(&x509.Certificate{
		Subject:   pkix.Name{CommonName: deskPrefix + name, Organization: ca.cert.Subject.Organization},
		NotBefore: now.Add(-backDated), NotAfter: now.Add(DeviceLife), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, public, now)
}

// DeskName is the name of the desk whose certificate it is, and its key.
func DeskName(c *x509.Certificate) (name string, public ed25519.PublicKey, ok bool) {
	name, ok = strings.CutPrefix(c.Subject.CommonName, deskPrefix)
	public, is := c.PublicKey.(ed25519.PublicKey)
	return name, public, ok && is && validName.MatchString(name)
}

// issue signs a certificate, which ends with the authority at the latest: one that outlives it helps nobody, and is not renewed in time.
func (ca *CA) issue(template *x509.Certificate, public any, now time.Time) (*x509.Certificate, error) {
	if !now.Before(ca.cert.NotAfter) {
		return nil, fault.New(fault.Conflict, "pki.ca_ended", "the device authority ended "+ca.cert.NotAfter.Format(time.DateOnly))
	}
	if template.NotAfter.After(ca.cert.NotAfter) {
		template.NotAfter = ca.cert.NotAfter
	}
	template.SerialNumber, template.KeyUsage, template.BasicConstraintsValid = serial(), x509.KeyUsageDigitalSignature, true
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, public, ca.key())
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "issue a certificate")
	}
	c, err := x509.ParseCertificate(der)
	return c, fault.Wrap(fault.Internal, err, "issue a certificate")
}
