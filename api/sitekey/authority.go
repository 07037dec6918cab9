package sitekey

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/pki"
)

// authorityKind is the device authorities. A member's secret is what pki.CA.Bytes gives, its public part the certificate, DER.
var authorityKind = kind{
	name: "device authority",
	id: func(der []byte) string {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return ""
		}
		return pki.Pin(c)
	},
	check: func(m member) error {
		ca, err := pki.ParseCA(m.Secret)
		if err == nil && !bytes.Equal(ca.Certificate().Raw, m.Public) {
			err = fault.New(fault.Invalid, "sitekey.ring", "a device authority and its certificate do not belong together")
		}
		return err
	},
	announce: func(by member, _ string, list [][]byte) (pki.Announcement, error) {
		ca, err := pki.ParseCA(by.Secret)
		if err != nil {
			return pki.Announcement{}, err
		}
		certificates, err := parseAll(list)
		if err != nil {
			return pki.Announcement{}, err
		}
		return ca.Announce(certificates)
	},
}

func parseAll(list [][]byte) ([]*x509.Certificate, error) {
	all := make([]*x509.Certificate, len(list))
	for i, der := range list {
		var err error
		if all[i], err = x509.ParseCertificate(der); err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "read the certificate of an authority")
		}
	}
	return all, nil
}

func (k *Keys) openAuthority() error {
	fresh := func() ([]byte, error) {
		ca, err := pki.NewCA(k.cfg.Site, k.cfg.Clock())
		if err != nil {
			return nil, err
		}
		return ca.Bytes()
	}
	return open(k.vault, authority, fresh, parseAuthorities, k.installAuthorities)
}

// parseAuthorities reads a ring, or an authority that was never replaced, in PEM.
func parseAuthorities(b []byte) (ring, error) {
	if !bytes.HasPrefix(b, []byte("-----")) {
		return readRing(authorityKind, b)
	}
	ca, err := pki.ParseCA(b)
	if err != nil {
		return ring{}, err
	}
	return newRing(authorityKind, b, ca.Certificate().Raw), nil
}

// installAuthorities has a ring serve.
func (k *Keys) installAuthorities(r ring) error {
	now, _ := r.at(present)
	ca, err := pki.ParseCA(now.Secret)
	if err != nil {
		return err
	}
	trusted, err := parseAll(r.believed())
	if err != nil {
		return err
	}
	for _, c := range trusted {
		if o := c.Subject.Organization; !slices.Equal(o, []string{k.cfg.Site}) {
			return fault.New(fault.Invalid, "", fmt.Sprintf("the authority in %s is of the site %q, not %q", k.cfg.Dir, o, k.cfg.Site))
		}
	}
	words, err := r.words(k.cfg.Site)
	if err != nil {
		return err
	}
	k.ca, k.authorities, k.trusted, k.authorityWords = ca, func() ring { return r }, trusted, words
	return nil
}

// CA is the device authority that issues certificates.
func (k *Keys) CA() *pki.CA { return k.ca }

// Authorities are the authorities that are trusted, oldest first: the present one, and while one replaces another that one too. With them come the
// words by which controllers that know older ones get there.
func (k *Keys) Authorities() ([]*x509.Certificate, []pki.Announcement) {
	return slices.Clone(k.trusted), k.authorityWords
}

// Trusted is a pool of the authorities.
func (k *Keys) Trusted() *x509.CertPool { return pki.Pool(k.trusted...) }

// TrustedPEM are the certificates of the authorities for others to import.
func (k *Keys) TrustedPEM() []byte { return pki.EncodeCertificates(k.trusted) }

// CRLs are revocation lists of every authority, in PEM: what a broker of another make trusts it must have a list of.
func (k *Keys) CRLs(list []pki.Revoked, number int64, now time.Time) ([]byte, error) {
	var all []byte
	for _, m := range k.authorities().Keys {
		if m.Stage == retired {
			continue
		}
		ca, err := pki.ParseCA(m.Secret)
		if err != nil {
			return nil, err
		}
		if !now.Before(ca.Certificate().NotAfter) {
			continue // nothing is believed by it any more
		}
		crl, err := ca.CRL(list, number, now)
		if err != nil {
			return nil, err
		}
		all = append(all, crl...)
	}
	return all, nil
}

// AuthorityRotation is how the authority is replaced: a new one is trusted besides the present one, then issues certificates, from the next start
// on, when the centre's own are made anew.
func (k *Keys) AuthorityRotation() Rotation {
	return rotation{
		ring: k.authorities(), keys: k, file: authority, serve: k.installAuthorities, may: k.lasts,
		fresh: func() (secret, public []byte, err error) {
			next, err := k.ca.Successor(k.cfg.Clock())
			if err != nil {
				return nil, nil, err
			}
			secret, err = next.Bytes()
			return secret, next.Certificate().Raw, err
		},
	}
}

// lasts refuses an authority that ends before a server's certificate would.
func (k *Keys) lasts(next member) error {
	c, err := x509.ParseCertificate(next.Public)
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "read the certificate of an authority")
	}
	if !k.cfg.Clock().Add(pki.ServerLife).Before(c.NotAfter) {
		return fault.New(fault.Conflict, "sitekey.soon_over", "the announced authority ends "+c.NotAfter.Format(time.DateOnly)+": drop it and announce another")
	}
	return nil
}
