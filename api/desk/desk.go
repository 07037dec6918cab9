// Package desk is the centre's side of the desks, PCs of the staff with a card reader. It lets them in with a token that a person carries, as package enrol does
// controllers; it takes what they send over HTTPS with certificates on both sides; and it brings a card that was held to a reader to the one
// page that waits for it.
//
// A card number comes in here and goes no further than its keyed hash: it is not logged, kept or answered. What nobody waits for is dropped.
package desk

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"log/slog"
	"sync"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/internal/store"
	"kanmon/internal/tap"
	"kanmon/internal/wire"
	"kanmon/lifecycle/desk"
	"kanmon/reader/credential"
)

// Secrets of the site; *sitekey.Keys is one.
type Secrets interface {
	// CA issues certificates now.
	CA() *pki.CA
	// Authorities are those that are believed, oldest first, and the words that lead there from older ones.
	Authorities() ([]*x509.Certificate, []pki.Announcement)
}

// Register is what the service asks of the register of desks.
type Register interface {
	NewToken(ctx context.Context, actor store.Actor, name, hash string, expires time.Time) error
	Enroll(ctx context.Context, e desk.Enrolment, issue func() (desk.Certificate, error)) error
	Renewed(ctx context.Context, name string, public ed25519.PublicKey, issue func() (desk.Certificate, error)) error
	Peer(ctx context.Context, name string, public ed25519.PublicKey) (desk.Desk, error)
	Left(ctx context.Context, name string, public ed25519.PublicKey, stays []desk.Stay) error
}

// Config of a Service. All fields but Clock are required.
type Config struct {
	Site    string
	Desks   Register
	Secrets Secrets
	HashKey credential.HashKey
	// URL is how desks reach their port, https://host:port; empty when there is none.
	URL   func() string
	Clock func() time.Time // nil: time.Now
	Log   *slog.Logger
}

// Service is the centre's side of the desks. It is safe for concurrent use.
type Service struct {
	cfg       Config
	questions Questions

	mu   sync.Mutex
	seen map[string]Seen
	busy map[string]*sync.Mutex // one report of a desk at a time
}

// Seen is how a desk was heard last. After a start of the centre it is empty until the desk speaks, which it does every few seconds.
type Seen struct {
	At       time.Time
	Software string
	Readers  []tap.Reader
	start    string
	n        uint64
}

// Silent is how long a desk may say nothing and still count as there.
const Silent = 45 * time.Second

// Enrolled is what a desk gets that was let in. Certificates are PEM.
type Enrolled struct {
	Site, Desk, Certificate, CA, URL string
}

// New prepares the service.
func New(cfg Config) *Service {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	return &Service{cfg: cfg, seen: map[string]Seen{}, busy: map[string]*sync.Mutex{}}
}

// Fingerprint is that of the authority, for two people to compare.
func (s *Service) Fingerprint() string {
	return pki.CertificateFingerprint(s.cfg.Secrets.CA().Certificate())
}

// On reports whether the centre has a port for desks.
func (s *Service) On() bool { return s.cfg.URL() != "" }

// Token opens a desk to one enrolment until the moment returned. It is shown once and not kept. Needs authz.DeviceWrite. A centre without a port for
// desks is a Conflict "desk.off".
func (s *Service) Token(ctx context.Context, actor store.Actor, name string) (pki.Token, time.Time, error) {
	if !s.On() {
		return pki.Token{}, time.Time{}, fault.New(fault.Conflict, "desk.off", "the centre has no port for desks")
	}
	token := pki.NewToken(s.cfg.Secrets.CA().Pin())
	expires := s.cfg.Clock().Add(pki.TokenTime).UTC().Truncate(time.Microsecond)
	if err := s.cfg.Desks.NewToken(ctx, actor, name, token.Hash(), expires); err != nil {
		return pki.Token{}, time.Time{}, err
	}
	return token, expires, nil
}

// Enrol lets a desk in that has the token. The same token with the same key gives a certificate again within its time: an answer may be lost.
// Errors are Invalid for what is malformed, and those of desk.Register.Enroll.
func (s *Service) Enrol(ctx context.Context, name, token string, csr []byte) (Enrolled, error) {
	t, err := pki.ParseToken(token)
	if err != nil {
		return Enrolled{}, err
	}
	if t.Pin() != s.cfg.Secrets.CA().Pin() {
		return Enrolled{}, fault.New(fault.Denied, "enrol.pin", "the token names an authority that issues no certificates now: ask for another")
	}
	public, err := request(csr, name)
	if err != nil {
		return Enrolled{}, err
	}
	var certificate *x509.Certificate
	err = s.cfg.Desks.Enroll(ctx, desk.Enrolment{Desk: name, TokenHash: t.Hash(), Public: public}, s.issue(name, public, &certificate))
	if err != nil {
		return Enrolled{}, err
	}
	s.cfg.Log.InfoContext(ctx, "desk enrolled", slog.String("desk", name), slog.String("key", wire.KeyID(public)), slog.Time("until", certificate.NotAfter))
	return Enrolled{
		Site: s.cfg.Site, Desk: name, Certificate: string(pki.EncodeCertificate(certificate)), CA: string(s.cfg.Secrets.CA().PEM()), URL: s.cfg.URL(),
	}, nil
}

// request reads a certificate request that must be in the desk's name.
func request(csr []byte, name string) (ed25519.PublicKey, error) {
	asked, public, err := pki.ParseCSR(csr)
	if err == nil && asked != name {
		err = fault.New(fault.Invalid, "enrol.csr", "the certificate request is in another name than the desk's")
	}
	return public, err
}

// issue is what the register calls once everything is checked; it may do so again, and the last certificate counts.
func (s *Service) issue(name string, public ed25519.PublicKey, into **x509.Certificate) func() (desk.Certificate, error) {
	return func() (desk.Certificate, error) {
		now := s.cfg.Clock()
		c, err := s.cfg.Secrets.CA().IssueDesk(name, public, now)
		if err != nil {
			return desk.Certificate{}, err
		}
		*into = c
		return desk.Certificate{Serial: pki.Serial(c), Fingerprint: pki.Fingerprint(public), Issued: now, Until: c.NotAfter}, nil
	}
}

// Seen is how a desk was heard last, and whether that is now.
func (s *Service) Seen(name string) (seen Seen, online bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen = s.seen[name]
	return seen, s.cfg.Clock().Sub(seen.At) < Silent
}

// Ask has an account's page wait for a card at a desk; see Questions.Ask.
func (s *Service) Ask(account, name string) (*Question, error) {
	return s.questions.Ask(s.cfg.Clock(), account, name)
}

// End says that the page waits no more.
func (s *Service) End(q *Question) { s.questions.End(q) }

// Read returns a tap to the account whose page asked for it; see Questions.Read.
func (s *Service) Read(account, id string) (Tap, error) {
	return s.questions.Read(s.cfg.Clock(), account, id)
}

// Done uses a tap up.
func (s *Service) Done(id string) { s.questions.Done(id) }
