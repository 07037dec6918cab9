package pki

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"

	"kanmon/internal/fault"
)

// Revoked is a certificate that ended before its time.
type Revoked struct {
	Serial string // hex, as Serial gives it
	At     time.Time
}

// CRL is a list of revoked certificates in PEM, for brokers of other makers. number must rise from list to list. The list ends with the
// authority: a broker that finds it out of date refuses everybody, and nobody would be revoked by that.
func (ca *CA) CRL(list []Revoked, number int64, now time.Time) ([]byte, error) {
	template := &x509.RevocationList{Number: big.NewInt(number), ThisUpdate: now.Add(-backDated), NextUpdate: ca.cert.NotAfter}
	for _, r := range list {
		n, ok := new(big.Int).SetString(r.Serial, 16)
		if !ok || n.Sign() <= 0 {
			return nil, fault.New(fault.Invalid, "pki.serial", fmt.Sprintf("serial number %.40q", r.Serial))
		}
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: n, RevocationTime: r.At})
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, ca.cert, ca.key())
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}), fault.Wrap(fault.Internal, err, "make a revocation list")
}

// Leaf is what the two sides keep and show of a certificate.
type Leaf struct {
	Name        string // common name; the client id at the broker
	Serial      string // as Serial
	Fingerprint string // as CertificateFingerprint
	NotBefore   time.Time
	NotAfter    time.Time
}

// LeafOf reads a certificate.
func LeafOf(c *x509.Certificate) Leaf {
	return Leaf{c.Subject.CommonName, Serial(c), CertificateFingerprint(c), c.NotBefore, c.NotAfter}
}

// PeerLeaf reads the other side's certificate of a connection that has verified it; false where there is none.
func PeerLeaf(s tls.ConnectionState) (Leaf, bool) {
	if len(s.VerifiedChains) == 0 {
		return Leaf{}, false
	}
	return LeafOf(s.VerifiedChains[0][0]), true
}

// Serial is a certificate's serial number in lower-case hex.
func Serial(c *x509.Certificate) string { return c.SerialNumber.Text(16) }
