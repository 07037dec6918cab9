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
	"net"
	"time"

	"kanmon/internal/fault"
)

// Lives of certificates.
const (
	DeviceLife  = 180 * 24 * time.Hour
	ServerLife  = 397 * 24 * time.Hour // the most that browsers take
	authority   = 20 * 365 * 24 * time.Hour
	backDated   = time.Hour // clocks differ
	certificate = "CERTIFICATE"
)

// CA is the device authority of a site.
type CA struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

// NewCA makes an authority, self-signed for twenty years, that may not make others.
func NewCA(site string, now time.Time) (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "make the authority's key")
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "Kanmon " + site + " device CA", Organization: []string{site}},
		NotBefore: now.Add(-backDated), NotAfter: now.Add(authority),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "make the authority")
	}
	cert, err := x509.ParseCertificate(der)
	return &CA{key, cert}, fault.Wrap(fault.Internal, err, "make the authority")
}

func serial() *big.Int {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[0] &= 0x7f           // positive
	return new(big.Int).SetBytes(b[:])
}

// Bytes are the authority's certificate and key, to be sealed.
func (ca *CA) Bytes() ([]byte, error) {
	key, err := x509.MarshalPKCS8PrivateKey(ca.key)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "marshal the authority")
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), ca.PEM()...), nil
}

// ParseCA reads what Bytes gave.
func ParseCA(b []byte) (*CA, error) {
	pair, err := tls.X509KeyPair(b, b)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "device authority")
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !pair.Leaf.IsCA {
		return nil, fault.New(fault.Invalid, "pki.ca", "what is kept as the device authority is none")
	}
	return &CA{key, pair.Leaf}, nil
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

// ParseCertificate reads one certificate in PEM and nothing behind it.
func ParseCertificate(b []byte) (*x509.Certificate, error) {
	block, rest := pem.Decode(b)
	if block == nil || block.Type != certificate || len(bytes.TrimSpace(rest)) > 0 {
		return nil, fault.New(fault.Invalid, "pki.certificate", "not one certificate in PEM")
	}
	c, err := x509.ParseCertificate(block.Bytes)
	return c, fault.Wrap(fault.Invalid, err, "certificate")
}

// MakeCSR asks for a certificate for a name; the signature proves that the asker has the key.
func MakeCSR(key SigningKey, name string) ([]byte, error) {
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: name}}, key.Private())
	return der, fault.Wrap(fault.Internal, err, "make a certificate request")
}

// maxCSR bounds a request; ours have some 200 bytes.
const maxCSR = 4096

// ParseCSR reads a request (DER) and checks its signature and that it is for an Ed25519 key.
func ParseCSR(der []byte) (name string, public ed25519.PublicKey, err error) {
	if len(der) > maxCSR {
		return "", nil, fault.New(fault.TooLarge, "enrol.csr", "certificate request too large")
	}
	r, err := x509.ParseCertificateRequest(der)
	if err == nil {
		err = r.CheckSignature()
	}
	if err != nil {
		e := fault.New(fault.Invalid, "enrol.csr", "certificate request: "+err.Error())
		return "", nil, e
	}
	public, ok := r.PublicKey.(ed25519.PublicKey)
	if !ok {
		return "", nil, fault.New(fault.Invalid, "enrol.csr", "certificate request for a key that is not Ed25519")
	}
	return r.Subject.CommonName, public, nil
}

// IssueDevice makes a client certificate for a controller, or for the centre at a broker: CN is the name, O the site, for
// DeviceLife, for nothing but being a TLS client.
func (ca *CA) IssueDevice(name string, public ed25519.PublicKey, now time.Time) (*x509.Certificate, error) {
	return ca.issue(&x509.Certificate{
		Subject:   pkix.Name{CommonName: name, Organization: ca.cert.Subject.Organization},
		NotBefore: now.Add(-backDated), NotAfter: now.Add(DeviceLife), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, public)
}

func (ca *CA) issue(template *x509.Certificate, public any) (*x509.Certificate, error) {
	template.SerialNumber, template.KeyUsage, template.BasicConstraintsValid = serial(), x509.KeyUsageDigitalSignature, true
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, public, ca.key)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "issue a certificate")
	}
	c, err := x509.ParseCertificate(der)
	return c, fault.Wrap(fault.Internal, err, "issue a certificate")
}

// IssueServer makes a server's key (P-256) and certificate for ServerLife. The chain holds the authority too, so that a
// controller with a token can find its pin.
func (ca *CA) IssueServer(hosts []string, now time.Time) (*tls.Certificate, error) {
	if len(hosts) == 0 {
		return nil, fault.New(fault.Invalid, "pki.hosts", "a server certificate without a host")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "make a server key")
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: hosts[0]}, NotBefore: now.Add(-backDated), NotAfter: now.Add(ServerLife),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	c, err := ca.issue(template, key.Public())
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{c.Raw, ca.cert.Raw}, PrivateKey: key, Leaf: c}, nil
}

// EncodePair writes a server's certificate chain and key in PEM, to be sealed or for another program.
func EncodePair(pair *tls.Certificate) (chain, key []byte, err error) {
	for _, der := range pair.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: certificate, Bytes: der})...)
	}
	b, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		return nil, nil, fault.Wrap(fault.Internal, err, "marshal a server key")
	}
	return chain, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b}), nil
}

// Revoked is a certificate that ended before its time.
type Revoked struct {
	Serial string // hex, as Serial gives it
	At     time.Time
}

// CRL is a list of revoked certificates in PEM, for brokers of other makers. number must rise from list to list; the list is good
// for a year, since a broker that finds it out of date refuses everybody.
func (ca *CA) CRL(list []Revoked, number int64, now time.Time) ([]byte, error) {
	template := &x509.RevocationList{Number: big.NewInt(number), ThisUpdate: now.Add(-backDated), NextUpdate: now.Add(365 * 24 * time.Hour)}
	for _, r := range list {
		n, ok := new(big.Int).SetString(r.Serial, 16)
		if !ok {
			return nil, fault.New(fault.Invalid, "pki.serial", fmt.Sprintf("serial number %.40q", r.Serial))
		}
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: n, RevocationTime: r.At})
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, ca.cert, ca.key)
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}), fault.Wrap(fault.Internal, err, "make a revocation list")
}

// Serial is a certificate's serial number in lower-case hex.
func Serial(c *x509.Certificate) string { return c.SerialNumber.Text(16) }
