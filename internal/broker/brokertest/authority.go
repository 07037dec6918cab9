package brokertest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"
)

// Authority signs the certificates of a test. It is made with crypto/x509 alone, on purpose: it stands apart from the product's own.
type Authority struct {
	tb          testing.TB
	key         *ecdsa.PrivateKey
	Certificate *x509.Certificate
	ListEnds    time.Time // of revocation lists

	mu      sync.Mutex
	serial  int64
	revoked []x509.RevocationListEntry
	issued  map[string][]*big.Int // serial numbers, by common name
}

// NewAuthority makes one with a fresh key.
func NewAuthority(tb testing.TB) *Authority {
	tb.Helper()
	a := &Authority{tb: tb, serial: 1, ListEnds: time.Now().Add(time.Hour), issued: map[string][]*big.Int{}}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, SubjectKeyId: []byte{1, 2, 3, 4},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		tb.Fatal(err)
	}
	if a.Certificate, err = x509.ParseCertificate(der); err != nil {
		tb.Fatal(err)
	}
	return a
}

// Pool holds the authority's certificate alone.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.Certificate)
	return pool
}

// Device is a certificate for a client of this name, with an Ed25519 key as devices have. changes may spoil it.
func (a *Authority) Device(name string, changes ...func(*x509.Certificate)) tls.Certificate {
	a.tb.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		a.tb.Fatal(err)
	}
	template := a.template(name, x509.ExtKeyUsageClientAuth)
	for _, change := range changes {
		change(template)
	}
	return a.sign(template, key)
}

// Server is a certificate for a server on this machine's own addresses.
func (a *Authority) Server() tls.Certificate {
	a.tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.tb.Fatal(err)
	}
	template := a.template("broker", x509.ExtKeyUsageServerAuth)
	template.IPAddresses, template.DNSNames = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, []string{"localhost"}
	return a.sign(template, key)
}

func (a *Authority) template(name string, usage x509.ExtKeyUsage) *x509.Certificate {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.serial++
	serial := big.NewInt(a.serial)
	a.issued[name] = append(a.issued[name], serial)
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name, Organization: []string{Site}}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{usage}, BasicConstraintsValid: true,
	}
}

func (a *Authority) sign(template *x509.Certificate, key crypto.Signer) tls.Certificate {
	a.tb.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, a.Certificate, key.Public(), a.key)
	if err != nil {
		a.tb.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// Revoke puts all certificates of a name on the revocation list.
func (a *Authority) Revoke(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, serial := range a.issued[name] {
		a.revoked = append(a.revoked, x509.RevocationListEntry{SerialNumber: serial, RevocationTime: time.Now()})
	}
	delete(a.issued, name)
}

// RevocationList is the present one, as PEM.
func (a *Authority) RevocationList() []byte {
	a.tb.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(time.Now().UnixNano()), ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: a.ListEnds, RevokedCertificateEntries: a.revoked,
	}, a.Certificate, a.key)
	if err != nil {
		a.tb.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
}

// PEM is the authority's certificate.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate.Raw})
}

// pemOf is a certificate and its key as files hold them.
func pemOf(tb testing.TB, c tls.Certificate) (certificate, key []byte) {
	tb.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		tb.Fatal(err)
	}
	for _, b := range c.Certificate {
		certificate = append(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: b})...)
	}
	return certificate, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}
