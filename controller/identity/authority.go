package identity

import (
	"bytes"
	"context"
	"crypto/x509"
	"slices"

	"kanmon/internal/pki"
)

func pins(authorities []*x509.Certificate) []string {
	list := make([]string, len(authorities))
	for i, c := range authorities {
		list[i] = pki.Pin(c)
	}
	return list
}

// issuer is the pin of the authority of the own certificate.
func (id Identity) issuer() string {
	if c := pki.Issuer(id.Certificate, id.Authorities); c != nil {
		return pki.Pin(c)
	}
	return ""
}

// outdated reports whether another authority that is believed issues certificates now: the own one ends with the trust in the one before.
func (id Identity) outdated(issuer string) bool {
	return issuer != id.issuer() && slices.Contains(pins(id.Authorities), issuer)
}

// followAuthorities takes what authorities that are known announce. The one that made the own certificate stays until there is another
// certificate: without it this controller could prove nothing after a restart.
func (k *Keeper) followAuthorities(ctx context.Context, id Identity, t told) Identity {
	list := pki.FollowAuthorities(id.Site, id.Authorities, t.AnnouncedAuthorities)
	if n := len(t.Authorities); n > 0 && !slices.ContainsFunc(list, func(c *x509.Certificate) bool { return bytes.Equal(c.Raw, t.Authorities[n-1]) }) {
		k.cfg.Log.ErrorContext(ctx, "the centre names an authority that no known one announces; it is not believed")
	}
	if own := pki.Issuer(id.Certificate, id.Authorities); own != nil && !slices.ContainsFunc(list, own.Equal) {
		list = append([]*x509.Certificate{own}, list...)
	}
	id.Authorities = list
	return id
}
