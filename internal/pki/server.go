package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"net"
	"regexp"
	"time"

	"kanmon/internal/fault"
)

// IssueServer makes a server's key (P-256) and certificate for ServerLife. The chain holds the authority too, so that a
// controller with a token can find its pin.
//
// The certificate is dated back by ServerLife, or to the authority's beginning: a controller without a clock battery that was off while
// the certificate was replaced believes no later moment than its last journal entry (ClockFloor), and has to come back all the same.
// Back and forth together stay below the 825 days that Apple's systems take of an authority that an operator has added.
func (ca *CA) IssueServer(hosts []string, now time.Time) (*tls.Certificate, error) {
	template := &x509.Certificate{
		NotBefore: now.Add(-ServerLife), NotAfter: now.Add(ServerLife), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if begin := ca.cert.NotBefore; template.NotBefore.Before(begin) {
		template.NotBefore = begin
	}
	if err := setHosts(template, hosts); err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "make a server key")
	}
	c, err := ca.issue(template, key.Public(), now)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{c.Raw, ca.cert.Raw}, PrivateKey: hide(key), Leaf: c}, nil
}

var hostName = regexp.MustCompile(`^(\*\.)?([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

func setHosts(template *x509.Certificate, hosts []string) error {
	if len(hosts) == 0 {
		return fault.New(fault.Invalid, "pki.hosts", "a server certificate without a host")
	}
	for _, h := range hosts {
		switch ip := net.ParseIP(h); {
		case ip != nil:
			template.IPAddresses = append(template.IPAddresses, ip)
		case len(h) <= 253 && hostName.MatchString(h):
			template.DNSNames = append(template.DNSNames, h)
		default:
			return fault.New(fault.Invalid, "pki.hosts", fmt.Sprintf("%.80q is neither a host name nor an address", h))
		}
	}
	template.Subject = pkix.Name{CommonName: "Kanmon server"} // nobody reads it; the hosts are in the alternative names
	return nil
}

// Serves reports whether a server's certificate is for every one of the hosts and ends later than a moment; if not, a new one is due.
func Serves(pair *tls.Certificate, hosts []string, until time.Time) bool {
	if pair == nil || pair.Leaf == nil || !until.Before(pair.Leaf.NotAfter) {
		return false
	}
	for _, h := range hosts {
		if pair.Leaf.VerifyHostname(h) != nil {
			return false
		}
	}
	return true
}

// ParsePair reads a server's certificate chain and key in PEM: what EncodePair gave, or the operator's own files. The key prints masked.
func ParsePair(chain, key []byte) (*tls.Certificate, error) {
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, fault.New(fault.Invalid, "pki.pair", "not a certificate and the key that belongs to it")
	}
	if signer, ok := pair.PrivateKey.(crypto.Signer); ok {
		pair.PrivateKey = hide(signer)
	}
	return &pair, nil
}

// EncodePair writes a server's certificate chain and key in PEM, to be sealed or for another program.
func EncodePair(pair *tls.Certificate) (chain, key []byte, err error) {
	for _, der := range pair.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: certificate, Bytes: der})...)
	}
	b, err := x509.MarshalPKCS8PrivateKey(shown(pair.PrivateKey))
	if err != nil {
		return nil, nil, fault.Wrap(fault.Internal, err, "marshal a server key")
	}
	return chain, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b}), nil
}
