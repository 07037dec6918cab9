package sitekey

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"sync/atomic"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/pki"
)

// A certificate is renewed when it has less than this to live.
const (
	renewBefore = 60 * 24 * time.Hour
	lookEvery   = 6 * time.Hour
)

// certificates are what the centre shows; they are swapped while connections stand.
type certificates struct {
	centre atomic.Pointer[tls.Certificate]
	server atomic.Pointer[tls.Certificate]
}

// renew opens the centre's certificates and makes new ones where it is time.
func (k *Keys) renew() error {
	if err := k.renewCentre(); err != nil {
		return err
	}
	return k.renewServer()
}

func (k *Keys) renewCentre() error {
	now := k.cfg.Clock()
	b, err := k.vault.Load(centreCert)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	c, good := k.centreCertificate(b)
	if !good || !now.Add(renewBefore).Before(c.NotAfter) {
		if c, err = k.ca.IssueDevice(CentreName, k.centre.Public(), now); err != nil {
			return err
		}
		if err := k.vault.Save(centreCert, pki.EncodeCertificate(c)); err != nil {
			return err
		}
	}
	k.shown.centre.Store(k.centre.TLS(c))
	return nil
}

// centreCertificate reads the kept certificate; false for one that is not of the centre's key and the present authority.
func (k *Keys) centreCertificate(b []byte) (*x509.Certificate, bool) {
	c, err := pki.ParseCertificate(b)
	if err != nil {
		return nil, false
	}
	public, ok := c.PublicKey.(ed25519.PublicKey)
	return c, ok && public.Equal(k.centre.Public()) && c.CheckSignatureFrom(k.ca.Certificate()) == nil
}

func (k *Keys) renewServer() error {
	now := k.cfg.Clock()
	pair, err := k.loadServer(serverPair)
	if err != nil {
		return err
	}
	if !k.serves(pair, k.cfg.Hosts, now) {
		if pair, err = k.issueServer(serverPair, k.cfg.Hosts, now); err != nil {
			return err
		}
	}
	k.shown.server.Store(pair)
	return nil
}

// serves reports whether a pair is the present authority's, for all the hosts, and good for some time.
func (k *Keys) serves(pair *tls.Certificate, hosts []string, now time.Time) bool {
	return pair != nil && pki.Serves(pair, hosts, now.Add(renewBefore)) && pair.Leaf.CheckSignatureFrom(k.ca.Certificate()) == nil
}

// loadServer reads a kept pair; nil when there is none.
func (k *Keys) loadServer(name string) (*tls.Certificate, error) {
	b, err := k.vault.Load(name)
	if fault.KindOf(err) == fault.NotFound && err != nil {
		return nil, nil //nolint:nilerr // none is no error
	}
	if err != nil {
		return nil, err
	}
	return pki.ParsePair(b, b)
}

func (k *Keys) issueServer(name string, hosts []string, now time.Time) (*tls.Certificate, error) {
	pair, err := k.ca.IssueServer(hosts, now)
	if err != nil {
		return nil, err
	}
	chain, key, err := pki.EncodePair(pair)
	if err != nil {
		return nil, err
	}
	return pair, k.vault.Save(name, bytes.Join([][]byte{chain, key}, nil))
}

// Server is the certificate of the console and the embedded broker.
func (k *Keys) Server() *tls.Certificate { return k.shown.server.Load() }

// Centre is the centre's certificate as a client of a broker; it is asked for at every connection.
func (k *Keys) Centre() (*tls.Certificate, error) { return k.shown.centre.Load(), nil }

// Issued is the certificate and the key of a server of another make, PEM, kept under a name; it is made anew when it is time or the
// hosts are others.
func (k *Keys) Issued(name string, hosts []string) (chain, key []byte, err error) {
	now := k.cfg.Clock()
	pair, err := k.loadServer(name)
	if err != nil {
		return nil, nil, err
	}
	if !k.serves(pair, hosts, now) {
		if pair, err = k.issueServer(name, hosts, now); err != nil {
			return nil, nil, err
		}
	}
	return pki.EncodePair(pair)
}

// Run renews certificates until ctx ends and then returns nil. renewed hears that some were.
func (k *Keys) Run(ctx context.Context, log *slog.Logger, renewed func(ctx context.Context)) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		before := [2]*tls.Certificate{k.shown.centre.Load(), k.shown.server.Load()}
		if err := k.renew(); err != nil {
			log.ErrorContext(ctx, "certificates not renewed", slog.Any("error", err))
			continue
		}
		if !same(before[0], k.shown.centre.Load()) || !same(before[1], k.shown.server.Load()) {
			log.InfoContext(ctx, "certificates renewed", slog.Time("centre_until", k.shown.centre.Load().Leaf.NotAfter),
				slog.Time("server_until", k.shown.server.Load().Leaf.NotAfter))
			renewed(ctx)
		}
	}
}

func same(a, b *tls.Certificate) bool { return bytes.Equal(a.Leaf.Raw, b.Leaf.Raw) }
