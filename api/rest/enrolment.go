package rest

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"kanmon/api/auth"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/internal/store"
)

// Enrolment lets controllers in.
type Enrolment interface {
	// Token opens a controller to one enrolment until the moment returned. Needs authz.DeviceWrite.
	Token(ctx context.Context, actor store.Actor, controller string) (token pki.Token, expires time.Time, err error)
	// Fingerprint is that of the authority, as pki.CertificateFingerprint prints it.
	Fingerprint() string
	Enrol(ctx context.Context, controller, token string, csr, boxKey []byte) (Enrolled, error)
	Renew(ctx context.Context, csr []byte) (Renewed, error)
}

// Enrolled is what a controller gets that was let in. Certificates are PEM.
type Enrolled struct {
	Site, Controller, Certificate, CA string
	CommandKeys                       [][]byte // Ed25519 public keys of the centre
	HashKey                           []byte   // the credential hash key, sealed to the controller's box key
	BrokerURL                         string
}

// Renewed is what a controller gets for its old key. Certificates are PEM.
type Renewed struct {
	Certificate, CA string
	CommandKeys     [][]byte
}

type enrolIn struct {
	Body struct {
		Controller string `json:"controller" maxLength:"32" doc:"Its name in the register"`
		Token      string `json:"token" maxLength:"128" writeOnly:"true"`
		CSR        []byte `json:"csr" maxLength:"8192" doc:"Certificate signing request, DER"`
		BoxKey     []byte `json:"box_key" maxLength:"64" doc:"X25519 public key, 32 bytes"`
	}
}

type enrolOut struct {
	CacheControl string `header:"Cache-Control"`
	Body         struct {
		Site        string   `json:"site"`
		Controller  string   `json:"controller"`
		Certificate string   `json:"certificate" doc:"PEM"`
		CA          string   `json:"ca" doc:"PEM"`
		CommandKeys [][]byte `json:"command_keys" nullable:"false" doc:"Ed25519 public keys of the centre"`
		HashKey     []byte   `json:"hash_key" doc:"The credential hash key, sealed to box_key"`
		BrokerURL   string   `json:"broker_url"`
	}
}

type renewIn struct {
	Body struct {
		CSR []byte `json:"csr" maxLength:"8192" doc:"Made with the enrolled key; its own signature is the proof. DER"`
	}
}

type renewOut struct {
	Body struct {
		Certificate string   `json:"certificate" doc:"PEM"`
		CA          string   `json:"ca" doc:"PEM"`
		CommandKeys [][]byte `json:"command_keys" nullable:"false"`
	}
}

func enrolmentRoutes(a *API) {
	add(a, route{http.MethodPost, "/enrol", "enrol", "enrolment", "A controller enrols with its token", http.StatusCreated}, a.enrol)
	add(a, route{http.MethodPost, "/enrol/renew", "renew", "enrolment", "A controller renews its certificate", 0}, a.renew)
}

func (a *API) enrol(ctx context.Context, _ auth.Principal, in *enrolIn) (*enrolOut, error) {
	b, out := in.Body, &enrolOut{CacheControl: "no-store"}
	err := a.enrolling(ctx, "enrol.token", b.Controller, func() error {
		got, err := a.cfg.Enrolment.Enrol(ctx, b.Controller, b.Token, b.CSR, b.BoxKey)
		o := &out.Body
		o.Site, o.Controller, o.Certificate, o.CA = got.Site, got.Controller, got.Certificate, got.CA
		o.CommandKeys, o.HashKey, o.BrokerURL = append([][]byte{}, got.CommandKeys...), got.HashKey, got.BrokerURL
		return err
	})
	return out, err
}

func (a *API) renew(ctx context.Context, _ auth.Principal, in *renewIn) (*renewOut, error) {
	out := &renewOut{}
	err := a.enrolling(ctx, "enrol.renew", "", func() error {
		got, err := a.cfg.Enrolment.Renew(ctx, in.Body.CSR)
		out.Body.Certificate, out.Body.CA, out.Body.CommandKeys = got.Certificate, got.CA, append([][]byte{}, got.CommandKeys...)
		return err
	})
	return out, err
}

// enrolling runs an attempt of somebody who has no account. An address has a few attempts, and gets back those that succeed. Which part
// of a refused one was wrong goes to the log alone: to the caller every refusal is the same.
func (a *API) enrolling(ctx context.Context, code, controller string, attempt func() error) error {
	from := address(ctx)
	if err := a.enrols.Take(from, time.Now()); err != nil {
		return err
	}
	err := attempt()
	if err == nil {
		a.enrols.Give(from)
		return nil
	}
	switch fault.KindOf(err) {
	case fault.Internal, fault.Unavailable, fault.TooMany: // ours, not the caller's
		return err
	default:
		a.cfg.Log.WarnContext(ctx, "enrolment refused", slog.String("from", from), slog.String("controller", controller), slog.Any("error", err))
		return fault.New(fault.Denied, code, "enrolment refused")
	}
}

type addressKey struct{}

func address(ctx context.Context) string {
	from, _ := ctx.Value(addressKey{}).(string)
	return from
}
