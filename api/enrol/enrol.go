// Package enrol lets controllers in. A person with the right asks for a token and carries it to the controller; the controller makes its
// keys, shows the token once, and gets a certificate for its key and what it needs to believe the centre. Later it renews its
// certificate with the same key alone: the request's own signature is the proof, and the register says whether the key is still worth anything.
//
// Nothing here is believed for coming from an address. Callers limit how often somebody may try.
package enrol

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
	"kanmon/internal/wire"
	"kanmon/lifecycle/device"
)

// Secrets of the site; *sitekey.Keys is one.
type Secrets interface {
	// CA issues certificates now.
	CA() *pki.CA
	// Authorities are those that controllers are to believe, oldest first, and the words that lead there from older ones.
	Authorities() ([]*x509.Certificate, []pki.Announcement)
	// Believed are the command keys that controllers are to believe, oldest first, and the words that lead there from older ones.
	Believed() ([]ed25519.PublicKey, []pki.Announcement)
	// SealHashKey seals all layers of the credential hash key, HashKeys are their fingerprints.
	SealHashKey(controller string, box []byte) ([]byte, error)
	HashKeys() []string
}

// Config of a Service. All fields but Changed and Clock are required.
type Config struct {
	Site    string
	Devices *device.Register
	Secrets Secrets
	// BrokerURL is how controllers reach the broker; asked for at each enrolment.
	BrokerURL func() string
	// Changed hears that who may come to the broker has changed.
	Changed func()
	Clock   func() time.Time // nil: time.Now
	Log     *slog.Logger
}

// Service enrols controllers and renews their certificates. It is safe for concurrent use.
type Service struct {
	cfg        Config
	renewing   sync.Mutex
	challenges challenges
}

// Enrolled is what a controller gets that was let in. Certificates are PEM.
type Enrolled struct {
	Site, Controller, Certificate, CA string
	CommandKeys                       [][]byte // Ed25519 public keys; the centre signs with one of them
	HashKey                           []byte   // the layers of the credential hash key, sealed to the controller's box key
	Introduction                      []byte   // the authority's word for both, to this controller's key (pki.Introduction)
	BrokerURL                         string
}

// Renewed is what a controller gets for its old key. Certificates are PEM.
type Renewed struct {
	Certificate, CA string
	Keys
}

// New prepares the service.
func New(cfg Config) *Service {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Changed == nil {
		cfg.Changed = func() {}
	}
	return &Service{cfg: cfg}
}

// Fingerprint is that of the authority, for two people to compare: the console shows it, and so does the controller that enrols.
func (s *Service) Fingerprint() string {
	return pki.CertificateFingerprint(s.cfg.Secrets.CA().Certificate())
}

// Token opens a controller to one enrolment until the moment returned. It is shown once and not kept. Needs authz.DeviceWrite.
func (s *Service) Token(ctx context.Context, actor store.Actor, controller string) (pki.Token, time.Time, error) {
	token := pki.NewToken(s.cfg.Secrets.CA().Pin())
	expires := s.cfg.Clock().Add(pki.TokenTime).UTC().Truncate(time.Microsecond)
	if err := s.cfg.Devices.NewToken(ctx, actor, controller, token.Hash(), expires); err != nil {
		return pki.Token{}, time.Time{}, err
	}
	return token, expires, nil
}

// Enrol lets a controller in that has the token. The same token with the same key gives the same again within its time: an answer may be
// lost. Errors are Invalid for what is malformed, and those of device.Register.Enroll.
func (s *Service) Enrol(ctx context.Context, controller, token string, csr, boxKey []byte) (Enrolled, error) {
	t, err := pki.ParseToken(token)
	if err != nil {
		return Enrolled{}, err
	}
	if t.Pin() != s.cfg.Secrets.CA().Pin() { // the controller would refuse what it gets, and have lost the key it had
		return Enrolled{}, fault.New(fault.Denied, "enrol.pin", "the token names an authority that issues no certificates now: ask for another")
	}
	public, err := s.request(csr, controller)
	if err != nil {
		return Enrolled{}, err
	}
	hash, err := s.cfg.Secrets.SealHashKey(controller, boxKey)
	if err != nil {
		return Enrolled{}, err
	}
	keys, _ := s.cfg.Secrets.Believed()
	introduction, err := s.introduce(public, hash)
	if err != nil {
		return Enrolled{}, err
	}
	var certificate *x509.Certificate
	err = s.cfg.Devices.Enroll(ctx, device.Enrolment{
		Controller: controller, TokenHash: t.Hash(), Public: public, BoxKey: boxKey,
	}, s.issue(controller, public, &certificate))
	if err != nil {
		return Enrolled{}, err
	}
	s.cfg.Log.InfoContext(ctx, "controller enrolled", slog.String("controller", controller), slog.String("key", wire.KeyID(public)),
		slog.Time("until", certificate.NotAfter))
	s.cfg.Changed()
	return Enrolled{
		Site: s.cfg.Site, Controller: controller, Certificate: string(pki.EncodeCertificate(certificate)), CA: string(s.cfg.Secrets.CA().PEM()),
		CommandKeys: pki.RawKeys(keys), HashKey: hash, Introduction: introduction, BrokerURL: s.cfg.BrokerURL(),
	}, nil
}

// request reads a certificate request that must be in the controller's name.
func (s *Service) request(csr []byte, controller string) (ed25519.PublicKey, error) {
	name, public, err := pki.ParseCSR(csr)
	if err == nil && (name != controller || !wire.ValidController(controller)) {
		err = fault.New(fault.Invalid, "enrol.csr", "the certificate request is in another name than the controller's")
	}
	return public, err
}

// issue is what the register calls once everything is checked; it may do so again, and the last certificate counts. The fingerprint is
// that of the key, which the controller shows too when it enrols.
func (s *Service) issue(name string, public ed25519.PublicKey, into **x509.Certificate) func() (device.Certificate, error) {
	return func() (device.Certificate, error) {
		now := s.cfg.Clock()
		c, err := s.cfg.Secrets.CA().IssueDevice(name, public, now)
		if err != nil {
			return device.Certificate{}, err
		}
		*into = c
		return device.Certificate{Serial: pki.Serial(c), Fingerprint: pki.Fingerprint(public), Issued: now, Until: c.NotAfter, DER: c.Raw}, nil
	}
}
