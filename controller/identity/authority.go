package identity

import (
	"bytes"
	"context"
	"crypto/x509"
	"log/slog"
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
func (id Identity) issuer() string { return id.issuerOf(id.Certificate) }

func (id Identity) issuerOf(c *x509.Certificate) string {
	if by := pki.Issuer(c, id.Authorities); by != nil {
		return pki.Pin(by)
	}
	return ""
}

// outdated reports whether another authority that is believed issues certificates now: the own one ends with the trust in the one before.
func (id Identity) outdated(issuer string) bool {
	return issuer != id.issuer() && slices.Contains(pins(id.Authorities), issuer)
}

// followAuthorities takes what authorities that are known announce. The one that made the own certificate stays until there is another
// certificate: without it this controller could prove nothing after a restart. What came before it, and is not named any more, goes: who missed
// changes did not hear its farewell.
func (k *Keeper) followAuthorities(ctx context.Context, id Identity, t told) Identity {
	list := pki.FollowAuthorities(id.Site, id.Authorities, t.AnnouncedAuthorities)
	own := pki.Issuer(id.Certificate, id.Authorities)
	if len(t.Authorities) > 0 {
		if i := slices.IndexFunc(list, func(c *x509.Certificate) bool { return c.Equal(own) }); i > 0 {
			list = slices.Concat(slices.DeleteFunc(slices.Clone(list[:i]), func(c *x509.Certificate) bool { return !t.names(c) }), list[i:])
		}
		k.doubt(ctx, list, t)
	}
	if own != nil && !slices.ContainsFunc(list, own.Equal) {
		list = append([]*x509.Certificate{own}, list...)
	}
	id.Authorities = list
	return id
}

func (t told) names(c *x509.Certificate) bool {
	return slices.ContainsFunc(t.Authorities, func(der []byte) bool { return bytes.Equal(c.Raw, der) })
}

// doubt is heard when the centre's list and the one that is believed differ in more than what came before.
func (k *Keeper) doubt(ctx context.Context, list []*x509.Certificate, t told) {
	last := t.Authorities[len(t.Authorities)-1]
	if !slices.ContainsFunc(list, func(c *x509.Certificate) bool { return bytes.Equal(c.Raw, last) }) {
		k.cfg.Log.ErrorContext(ctx, "the centre names an authority that no known one announces; it is not believed")
	}
	for _, c := range list {
		if !t.names(c) {
			k.cfg.Log.ErrorContext(ctx, "an authority is believed here that the centre does not name: enrol this controller again", slog.String("pin", pki.Pin(c)))
		}
	}
}
