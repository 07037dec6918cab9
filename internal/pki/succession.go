package pki

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"slices"
	"time"

	"kanmon/internal/fault"
)

// Successor makes an authority for the same site that is to take the place of this one. fault.Invalid when the clock is wrong. It begins when this one did: a controller whose clock
// stands at a moment that this one has proved believes the new one too. It has a name of its own, since programs find issuers by their names.
func (ca *CA) Successor(now time.Time) (*CA, error) {
	if now.Before(ca.cert.NotBefore) {
		return nil, fault.New(fault.Invalid, "pki.clock", "the clock of this machine says "+now.UTC().Format(time.DateOnly)+", before the present authority began: set it")
	}
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return makeCA(ca.cert.Subject.Organization[0], " "+hex.EncodeToString(b[:]), ca.cert.NotBefore, now)
}

// Announce signs a list of the site's authorities, for those who know this one (Announcement).
func (ca *CA) Announce(list []*x509.Certificate) (Announcement, error) {
	raw := RawCertificates(list)
	sum := sha256.Sum256(statement(authoritiesDomain, ca.cert.Subject.Organization[0], raw))
	sig, err := ecdsa.SignASN1(rand.Reader, ca.key(), sum[:])
	return Announcement{raw, ca.Pin(), sig}, fault.Wrap(fault.Internal, err, "announce authorities")
}

const authoritiesDomain = "kanmon authorities v1"

// FollowAuthorities is FollowKeys for authorities.
func FollowAuthorities(site string, known []*x509.Certificate, words []Announcement) []*x509.Certificate {
	list := follow(RawCertificates(known), words, member{
		id: func(der []byte) string {
			if c := authorityOf(site, der); c != nil {
				return Pin(c)
			}
			return ""
		},
		whole:  func(der []byte) bool { return authorityOf(site, der) != nil },
		signed: func(der []byte, a Announcement) bool { return announcedBy(authorityOf(site, der), site, a) },
	})
	certificates := make([]*x509.Certificate, 0, len(list))
	for _, der := range list {
		if c := authorityOf(site, der); c != nil {
			certificates = append(certificates, c)
		}
	}
	return certificates
}

func announcedBy(authority *x509.Certificate, site string, a Announcement) bool {
	if authority == nil {
		return false
	}
	public, ok := authority.PublicKey.(*ecdsa.PublicKey)
	sum := sha256.Sum256(statement(authoritiesDomain, site, a.Keys))
	return ok && ecdsa.VerifyASN1(public, sum[:], a.Sig)
}

// authorityOf reads the certificate of an authority of a site; nil when it is none.
func authorityOf(site string, der []byte) *x509.Certificate {
	c, err := x509.ParseCertificate(der)
	if err != nil || !c.IsCA || !slices.Equal(c.Subject.Organization, []string{site}) || c.CheckSignatureFrom(c) != nil {
		return nil
	}
	return c
}

// RawCertificates are the bytes of certificates, DER.
func RawCertificates(list []*x509.Certificate) [][]byte {
	raw := make([][]byte, len(list))
	for i, c := range list {
		raw[i] = c.Raw
	}
	return raw
}

// Issuer is the one of some authorities that made a certificate; nil when none did.
func Issuer(c *x509.Certificate, authorities []*x509.Certificate) *x509.Certificate {
	for _, a := range authorities {
		if c.CheckSignatureFrom(a) == nil {
			return a
		}
	}
	return nil
}
