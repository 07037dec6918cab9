// Package enrolment is how a controller, which has no account, gets its certificate and a newer one.
package enrolment

import (
	"context"
	"log/slog"
	"time"

	"kanmon/api/auth"
	"kanmon/api/rest/frame"
	"kanmon/api/rest/limit"
	"kanmon/internal/fault"
)

// Config is what the routes work on. All fields are needed.
type Config struct {
	Service Service
	Log     *slog.Logger // why somebody was refused
}

// room is the operations with what callers have spent of their attempts.
type room struct {
	Config
	attempts *limit.Limiter
}

// Service lets controllers in.
type Service interface {
	Enrol(ctx context.Context, controller, token string, csr, boxKey []byte) (Enrolled, error)
	Renew(ctx context.Context, csr []byte) (Renewed, error)
	// Known reports whether a request is by a key that is enrolled now.
	Known(ctx context.Context, csr []byte) bool
	// Keys answers a controller that says, signed with its key, which keys of the centre it has.
	Keys(ctx context.Context, said Known, sig []byte) (Keys, error)
	// Says reports whether an enrolled controller has signed that.
	Says(ctx context.Context, said Known, sig []byte) bool
}

// Enrolled is what a controller gets that was let in. Certificates are PEM.
type Enrolled struct {
	Site, Controller, Certificate, CA string
	CommandKeys                       [][]byte // Ed25519 public keys of the centre
	HashKey                           []byte   // the layers of the credential hash key, sealed to the controller's box key
	Introduction                      []byte   // the authority's word for both
	BrokerURL                         string
}

// Renewed is what a controller gets for its old key. Certificates are PEM.
type Renewed struct {
	Certificate, CA string
	Keys
}

// Known is what a controller says it has of the centre's keys.
type Known struct {
	Controller  string   `json:"controller" maxLength:"32" doc:"Its name in the register"`
	CommandKeys []string `json:"command_keys" maxItems:"16" nullable:"false" doc:"Ids of those it believes"`
	Authorities []string `json:"authorities" maxItems:"16" nullable:"false" doc:"Pins of those it believes"`
	Issuer      string   `json:"issuer" maxLength:"64" doc:"Pin of the authority of its certificate"`
	HashKeys    []string `json:"hash_keys" maxItems:"16" nullable:"false" doc:"Fingerprints of its credential hash keys"`
	Challenge   string   `json:"challenge" maxLength:"64" doc:"Of the last answer; empty before the first"`
}

// Keys are the keys that a controller is to believe, and the words by which who knows older ones gets there. No list is nil.
type Keys struct {
	CommandKeys          [][]byte       `json:"command_keys" nullable:"false" doc:"Ed25519 public keys of the centre, oldest first"`
	Announced            []Announcement `json:"announced" nullable:"false" doc:"In this order: who knows the key that signs takes the list"`
	Authorities          [][]byte       `json:"authorities" nullable:"false" doc:"Certificates of the authorities, DER, oldest first"`
	AnnouncedAuthorities []Announcement `json:"announced_authorities" nullable:"false" doc:"In this order: who knows the authority that signs takes the list"`
	Issuer               string         `json:"issuer" doc:"Pin of the authority that issues certificates now"`
	HashKeys             []byte         `json:"hash_keys" doc:"All credential hash keys, sealed to the enrolled box_key; empty for who has said it has them"`
	Introduction         []byte         `json:"introduction" doc:"Signature of the authority over command_keys and hash_keys, for the enrolled key"`
	Challenge            string         `json:"challenge" doc:"To be said next; empty in the answer to a renewal"`
	Heard                bool           `json:"heard" doc:"The challenge was met, and so what was said is kept"`
}

// Announcement is the word of one key for a list of them.
type Announcement struct {
	Keys [][]byte `json:"keys" nullable:"false" doc:"Ed25519 public keys, or certificates of authorities (DER); oldest first"`
	Key  string   `json:"key" doc:"Id of the key that signs, or pin of the authority"`
	Sig  []byte   `json:"sig"`
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
		Site         string   `json:"site"`
		Controller   string   `json:"controller"`
		Certificate  string   `json:"certificate" doc:"PEM"`
		CA           string   `json:"ca" doc:"PEM"`
		CommandKeys  [][]byte `json:"command_keys" nullable:"false" doc:"Ed25519 public keys of the centre"`
		HashKey      []byte   `json:"hash_key" doc:"The credential hash keys, oldest first, 32 bytes each, sealed to box_key"`
		Introduction []byte   `json:"introduction" doc:"Signature of the authority over command_keys and hash_key, for the key in csr"`
		BrokerURL    string   `json:"broker_url"`
	}
}

type renewIn struct {
	Body struct {
		CSR []byte `json:"csr" maxLength:"8192" doc:"Made with the enrolled key; its own signature is the proof. DER"`
	}
}

type renewOut struct {
	Body struct {
		Certificate string `json:"certificate" doc:"PEM"`
		CA          string `json:"ca" doc:"PEM"`
		Keys
	}
}

type keysIn struct {
	Body struct {
		Known
		Sig []byte `json:"sig" maxLength:"128" doc:"Made with the enrolled key over all of it (docs/wire.md)"`
	}
}

type keysOut struct {
	Body Keys
}

// Routes puts the operations on the frame.
func (cfg Config) Routes(f *frame.Frame) {
	s := f.Section("enrolment")
	r := room{cfg, limit.New()}
	frame.Create(s, "/enrol", "enrol", "A controller enrols with its token", r.enrol)
	frame.Post(s, "/enrol/renew", "renew", "A controller renews its certificate", r.renew)
	frame.Post(s, "/enrol/keys", "keys", "A controller asks for the centre's keys", r.keys)
}

func (r room) enrol(ctx context.Context, _ auth.Principal, in *enrolIn) (*enrolOut, error) {
	b, out := in.Body, &enrolOut{CacheControl: "no-store"}
	err := r.enrolling(ctx, "enrol.token", b.Controller, func() error {
		got, err := r.Service.Enrol(ctx, b.Controller, b.Token, b.CSR, b.BoxKey)
		o := &out.Body
		o.Site, o.Controller, o.Certificate, o.CA = got.Site, got.Controller, got.Certificate, got.CA
		o.CommandKeys, o.HashKey, o.BrokerURL = append([][]byte{}, got.CommandKeys...), got.HashKey, got.BrokerURL
		o.Introduction = got.Introduction
		return err
	})
	return out, err
}

func (r room) renew(ctx context.Context, _ auth.Principal, in *renewIn) (*renewOut, error) {
	out := &renewOut{}
	attempt := func() error {
		got, err := r.Service.Renew(ctx, in.Body.CSR)
		out.Body.Certificate, out.Body.CA, out.Body.Keys = got.Certificate, got.CA, got.Keys
		return err
	}
	if r.Service.Known(ctx, in.Body.CSR) { // it needs no attempt: others at its address may have spent them all
		return out, r.answer(ctx, "enrol.renew", "", attempt())
	}
	return out, r.enrolling(ctx, "enrol.renew", "", attempt)
}

func (r room) keys(ctx context.Context, _ auth.Principal, in *keysIn) (*keysOut, error) {
	b, out := in.Body, &keysOut{}
	attempt := func() (err error) {
		out.Body, err = r.Service.Keys(ctx, b.Known, b.Sig)
		return err
	}
	if r.Service.Says(ctx, b.Known, b.Sig) { // as above
		return out, r.answer(ctx, "enrol.keys", b.Controller, attempt())
	}
	return out, r.enrolling(ctx, "enrol.keys", b.Controller, attempt)
}

// enrolling runs an attempt of somebody who has no account. An address has a few attempts, and gets back those that succeed.
func (r room) enrolling(ctx context.Context, code, controller string, attempt func() error) error {
	from := frame.Address(ctx)
	if err := r.attempts.Take(from, time.Now()); err != nil {
		return err
	}
	err := attempt()
	if err == nil {
		r.attempts.Give(from)
	}
	return r.answer(ctx, code, controller, err)
}

// answer is what the caller is told. Which part of a refused attempt was wrong goes to the log alone: to the caller every refusal is the same.
func (r room) answer(ctx context.Context, code, controller string, err error) error {
	if err == nil {
		return nil
	}
	switch fault.KindOf(err) {
	case fault.Internal, fault.Unavailable, fault.TooMany: // ours, not the caller's
		return err
	default:
		r.Log.WarnContext(ctx, "enrolment refused", slog.String("from", frame.Address(ctx)), slog.String("controller", controller), slog.Any("error", err))
		return fault.New(fault.Denied, code, "enrolment refused")
	}
}
