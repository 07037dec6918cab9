package enrol

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"log/slog"
	"time"

	"kanmon/internal/pki"
	"kanmon/internal/wire"
	"kanmon/lifecycle/device"
)

// Bounds of renewals. A request is no secret and is good for ever: who shows one again must not make the register grow.
const (
	early   = 61 * 24 * time.Hour // controllers ask 60 days before the end; clocks differ
	between = time.Hour           // at least, from one new certificate to the next of the same controller
)

// Known reports whether a certificate request is by a key that is enrolled now, for its own controller. It costs a signature to find out.
func (s *Service) Known(ctx context.Context, csr []byte) bool {
	name, public, err := pki.ParseCSR(csr)
	return err == nil && wire.ValidController(name) && s.cfg.Devices.Peer(ctx, name, public) == nil
}

// Renew gives the key that made the request a new certificate, also when the one before has ended. While that one has long to go, or is
// quite new, it is given again. Errors are Invalid for what is malformed, and those of device.Register.Renewed: Denied for a key that is
// not enrolled, or revoked.
func (s *Service) Renew(ctx context.Context, csr []byte) (Renewed, error) {
	name, public, err := pki.ParseCSR(csr)
	if err != nil {
		return Renewed{}, err
	}
	certificate, err := s.certificate(ctx, name, public)
	if err != nil {
		return Renewed{}, err
	}
	keys, err := s.withHashKeys(ctx, name, public, nil)
	if err != nil {
		return Renewed{}, err
	}
	return Renewed{Certificate: string(pki.EncodeCertificate(certificate)), CA: string(s.cfg.Secrets.CA().PEM()), Keys: keys}, nil
}

// certificate is the present one as long as it does, else a new one. One request at a time: many at once make one.
func (s *Service) certificate(ctx context.Context, name string, public ed25519.PublicKey) (*x509.Certificate, error) {
	s.renewing.Lock()
	defer s.renewing.Unlock()
	held, err := s.cfg.Devices.Held(ctx, name, public)
	if err != nil {
		return nil, err
	}
	if present := s.whole(held); present != nil && does(held, s.cfg.Clock()) {
		return present, nil
	}
	var certificate *x509.Certificate
	if err := s.cfg.Devices.Renewed(ctx, name, public, s.issue(name, public, &certificate)); err != nil {
		return nil, err
	}
	s.cfg.Log.InfoContext(ctx, "certificate renewed", slog.String("controller", name), slog.Time("until", certificate.NotAfter))
	return certificate, nil
}

// does reports whether a certificate need not be replaced yet. One of the future is by a clock that was wrong.
func does(c device.Certificate, now time.Time) bool {
	age := now.Sub(c.Issued)
	return age > -between && (c.Until.Sub(now) >= early || age < between)
}

// whole is the certificate itself, nil when it is not known or not by the present authority.
func (s *Service) whole(c device.Certificate) *x509.Certificate {
	present, err := x509.ParseCertificate(c.DER)
	if err != nil || present.CheckSignatureFrom(s.cfg.Secrets.CA().Certificate()) != nil {
		return nil
	}
	return present
}
