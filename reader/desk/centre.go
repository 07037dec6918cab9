package desk

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"kanmon/internal/ask"
	"kanmon/internal/pki"
	"kanmon/internal/tap"
)

// Renewal begins renewBefore the end of a certificate; tries are renewRetry apart.
const (
	renewBefore = 60 * 24 * time.Hour
	renewRetry  = time.Hour
)

// Centre is the centre as a desk reaches it, over HTTPS with its certificate, which it renews. It is safe for concurrent use.
type Centre struct {
	dir    string
	clock  func() time.Time
	log    *slog.Logger
	client *http.Client

	mu    sync.Mutex
	id    Identity
	tried time.Time // when a renewal was asked for last
}

// NewCentre starts with the identity on disk. No proxy from the environment is used.
func NewCentre(dir string, id Identity, clock func() time.Time, log *slog.Logger) *Centre {
	c := &Centre{dir: dir, clock: clock, log: log, id: id}
	c.connect()
	return c
}

// connect makes connections from now on by the present identity.
func (c *Centre) connect() {
	certificate := c.id.Key.TLS(c.id.Certificate)
	config := pki.ClientTLS(pki.Pool(c.id.Authorities...), func() (*tls.Certificate, error) { return certificate, nil }, c.clock)
	c.client = ask.Client(config)
}

func (c *Centre) now() (*http.Client, Identity) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.client, c.id
}

// Close ends the connections.
func (c *Centre) Close() {
	client, _ := c.now()
	client.CloseIdleConnections()
}

// Tap implements Link.
func (c *Centre) Tap(ctx context.Context, t tap.Tap) (out tap.Taken, err error) {
	client, id := c.now()
	err = ask.Post(ctx, client, id.URL+tap.PathTap, t, &out, words)
	return out, err
}

// Status implements Link. It follows what the centre says of its authorities, and renews the certificate where that is due.
func (c *Centre) Status(ctx context.Context, s tap.Status) (out tap.Answer, err error) {
	client, id := c.now()
	s.Knows = []string{}
	for _, authority := range id.Authorities {
		s.Knows = append(s.Knows, pki.Pin(authority))
	}
	if err := ask.Post(ctx, client, id.URL+tap.PathStatus, s, &out, words); err != nil {
		return out, err
	}
	c.follow(out)
	c.renew(ctx, out.Issuer)
	return out, nil
}

// follow takes authorities that a known one announces. That of the own certificate stays until there is another certificate.
func (c *Centre) follow(a tap.Answer) {
	_, id := c.now()
	list := pki.FollowAuthorities(id.Site, id.Authorities, a.Announced)
	if own := pki.Issuer(id.Certificate, id.Authorities); own != nil && !slices.ContainsFunc(list, own.Equal) {
		list = append([]*x509.Certificate{own}, list...)
	}
	if !slices.EqualFunc(list, id.Authorities, (*x509.Certificate).Equal) {
		id.Authorities = list
		c.take(id, "the site's authorities have changed")
	}
}

// renew asks for a new certificate before the end, and when another authority that is believed issues them.
func (c *Centre) renew(ctx context.Context, issuer string) {
	client, id := c.now()
	now := c.clock()
	own := pki.Issuer(id.Certificate, id.Authorities)
	other := own != nil && pki.Pin(own) != issuer && slices.ContainsFunc(id.Authorities, func(a *x509.Certificate) bool { return pki.Pin(a) == issuer })
	if (!other && id.Certificate.NotAfter.Sub(now) > renewBefore) || now.Sub(c.tried) < renewRetry {
		return
	}
	c.tried = now
	if err := c.ask(ctx, client, id); err != nil {
		c.log.Warn("the certificate is not renewed", slog.Time("until", id.Certificate.NotAfter), slog.Any("error", err))
	}
}

func (c *Centre) ask(ctx context.Context, client *http.Client, id Identity) error {
	csr, err := pki.MakeCSR(id.Key, id.Desk)
	if err != nil {
		return err
	}
	var out tap.Renewed
	if err := ask.Post(ctx, client, id.URL+tap.PathRenew, tap.Renewal{CSR: csr}, &out, words); err != nil {
		return err
	}
	fresh, err := x509.ParseCertificate(out.Certificate)
	if err != nil {
		return err
	}
	if err := id.proves(fresh); err != nil {
		return err
	}
	id.Certificate = fresh
	c.take(id, "the certificate was renewed")
	return nil
}

// take keeps another identity and goes by it. One that cannot be written is gone by all the same: the next start asks again.
func (c *Centre) take(id Identity, why string) {
	if err := id.keep(c.dir); err != nil {
		c.log.Error("a change of the identity is not written down", slog.String("what", why), slog.Any("error", err))
	}
	c.mu.Lock()
	c.id = id
	before := c.client
	c.connect()
	c.mu.Unlock()
	before.CloseIdleConnections()
	c.log.Info("the identity has changed", slog.String("what", why), slog.Time("certificate_until", id.Certificate.NotAfter))
}
