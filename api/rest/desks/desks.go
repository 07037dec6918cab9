// Package desks is the desks, PCs of the staff with a card reader: which there are, and how one gets its certificate. What they send later comes in on a
// port of its own (package api/desk).
package desks

import (
	"context"
	"log/slog"
	"time"

	"kanmon/api/auth"
	"kanmon/api/rest/frame"
	"kanmon/api/rest/limit"
	"kanmon/api/rest/view"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/internal/store"
	"kanmon/lifecycle/desk"
)

// Config is what the routes work on. All fields are needed.
type Config struct {
	Desks *desk.Register
	Seats Seats
	Log   *slog.Logger // why somebody was refused
}

// Seats lets desks in.
type Seats interface {
	// Token opens a desk to one enrolment until the moment returned. Needs authz.DeviceWrite.
	Token(ctx context.Context, actor store.Actor, name string) (token pki.Token, expires time.Time, err error)
	// Fingerprint is that of the authority, as pki.CertificateFingerprint prints it.
	Fingerprint() string
	Enrol(ctx context.Context, name, token string, csr []byte) (Enrolled, error)
}

// Enrolled is what a desk gets that was let in. Certificates are PEM.
type Enrolled struct {
	Site, Desk, Certificate, CA, URL string
}

// DeskBody is what is entered about a desk.
type DeskBody struct {
	Place   string   `json:"place" maxLength:"64" doc:"Where it stands"`
	Accepts []string `json:"accepts,omitempty" nullable:"false" maxItems:"8" doc:"Formats of the credentials that are entered there: bits, felica, idm, uid. Left out: all"`
	WatchS  int64    `json:"watch_s,omitempty" minimum:"0" maximum:"86400" doc:"After how many seconds a card counts as left in the reader, at least 10; left out: never"`
}

func (b DeskBody) details() desk.Details {
	return desk.Details{Place: b.Place, Accepts: b.Accepts, Watch: time.Duration(b.WatchS) * time.Second}
}

// Desk is a desk in an answer.
type Desk struct {
	Name string `json:"name"`
	DeskBody
	State         string     `json:"state" enum:"registered,enrolled,revoked"`
	KeyID         string     `json:"key_id,omitempty"`
	Fingerprint   string     `json:"fingerprint,omitempty" doc:"Of its key, as it was shown at the desk when it enrolled"`
	Serial        string     `json:"certificate_serial,omitempty" doc:"Hex"`
	Issued        *time.Time `json:"certificate_issued,omitempty"`
	Until         *time.Time `json:"certificate_until,omitempty"`
	RevokedAt     *time.Time `json:"revoked_at,omitempty"`
	RevokedReason string     `json:"revoked_reason,omitempty"`
	TokenUntil    *time.Time `json:"token_until,omitempty" doc:"End of an enrolment token that was not used yet"`
	Version       int64      `json:"version"`
}

func newDesk(d desk.Desk) Desk {
	return Desk{
		Name: d.Name, DeskBody: DeskBody{Place: d.Place, Accepts: d.Accepts, WatchS: int64(d.Watch / time.Second)}, State: string(d.State),
		KeyID: d.KeyID, Fingerprint: d.Fingerprint, Serial: d.Serial, Issued: view.Moment(d.Issued), Until: view.Moment(d.Until),
		RevokedAt: view.Moment(d.RevokedAt), RevokedReason: d.RevokedReason, TokenUntil: view.Moment(d.TokenUntil), Version: d.Version,
	}
}

type desksOut struct {
	Body struct {
		Items []Desk `json:"items" nullable:"false"`
	}
}

type deskOut struct{ Body Desk }

type deskIn struct {
	Body struct {
		Name string `json:"name" maxLength:"32" doc:"Lower case letters, digits, hyphens"`
		DeskBody
	}
}

type deskName struct {
	Name string `path:"name" maxLength:"32"`
}

type changeDeskIn struct {
	Name string `path:"name" maxLength:"32"`
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"200" doc:"Why; it goes into the history"`
		DeskBody
	}
}

type revokeDeskIn struct {
	Name string `path:"name" maxLength:"32"`
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"200" doc:"Why; it goes into the history"`
	}
}

type deskTokenOut struct {
	CacheControl string `header:"Cache-Control"`
	Body         struct {
		Token         string    `json:"token" doc:"For one enrolment. It cannot be read again; a new one takes its place"`
		Expires       time.Time `json:"expires"`
		CAFingerprint string    `json:"ca_fingerprint" doc:"Of the authority that the token names, as the desk will show it"`
	}
}

type enrolDeskIn struct {
	Body struct {
		Desk  string `json:"desk" maxLength:"32" doc:"Its name in the register"`
		Token string `json:"token" maxLength:"128" writeOnly:"true"`
		CSR   []byte `json:"csr" maxLength:"8192" doc:"Certificate signing request, DER"`
	}
}

type enrolDeskOut struct {
	CacheControl string `header:"Cache-Control"`
	Body         struct {
		Site        string `json:"site"`
		Desk        string `json:"desk"`
		Certificate string `json:"certificate" doc:"PEM"`
		CA          string `json:"ca" doc:"PEM"`
		URL         string `json:"url" doc:"Of the port for desks"`
	}
}

// room is the operations with what callers have spent of their attempts.
type room struct {
	Config
	attempts *limit.Limiter
}

// Routes puts the operations on the frame.
func (cfg Config) Routes(f *frame.Frame) {
	s := f.Section("desks")
	r := room{cfg, limit.New()}
	frame.Get(s, "/desks", "listDesks", "PCs of the staff with a card reader", r.list)
	frame.Create(s, "/desks", "addDesk", "Register a desk", r.add)
	frame.Post(s, "/desks/{name}/change", "changeDesk", "Say anew where a desk stands and what it does", r.change)
	frame.Create(s, "/desks/{name}/token", "newDeskToken", "Open a desk to one enrolment", r.token)
	frame.Post(s, "/desks/{name}/revoke", "revokeDesk", "Throw a desk out at once", r.revoke)
	frame.Create(s, "/desks/enrol", "enrolDesk", "A desk enrols with its token", r.enrol)
}

func (r room) list(ctx context.Context, who auth.Principal, _ *struct{}) (*desksOut, error) {
	all, err := r.Desks.List(ctx, who.Actor())
	out := &desksOut{}
	out.Body.Items = view.List(all, newDesk)
	return out, err
}

func (r room) add(ctx context.Context, who auth.Principal, in *deskIn) (*deskOut, error) {
	err := r.Desks.Add(ctx, who.Actor(), in.Body.Name, in.Body.details())
	if err != nil {
		return nil, err
	}
	return r.one(ctx, who, in.Body.Name)
}

func (r room) one(ctx context.Context, who auth.Principal, name string) (*deskOut, error) {
	d, err := r.Desks.Get(ctx, who.Actor(), name)
	return &deskOut{Body: newDesk(d)}, err
}

func (r room) change(ctx context.Context, who auth.Principal, in *changeDeskIn) (*deskOut, error) {
	if err := r.Desks.Change(ctx, who.Actor(), in.Name, in.Body.Reason, in.Body.details()); err != nil {
		return nil, err
	}
	return r.one(ctx, who, in.Name)
}

func (r room) token(ctx context.Context, who auth.Principal, in *deskName) (*deskTokenOut, error) {
	token, expires, err := r.Seats.Token(ctx, who.Actor(), in.Name)
	out := &deskTokenOut{CacheControl: "no-store"}
	out.Body.Token, out.Body.Expires, out.Body.CAFingerprint = token.Reveal(), expires.UTC(), r.Seats.Fingerprint()
	return out, err
}

func (r room) revoke(ctx context.Context, who auth.Principal, in *revokeDeskIn) (*struct{}, error) {
	return nil, r.Desks.Revoke(ctx, who.Actor(), in.Name, in.Body.Reason)
}

// enrol runs an attempt of somebody who has no account. An address has a few attempts, and gets back those that succeed. Which part of a refused one was
// wrong goes to the log alone: to the caller every refusal is the same.
func (r room) enrol(ctx context.Context, _ auth.Principal, in *enrolDeskIn) (*enrolDeskOut, error) {
	from := frame.Address(ctx)
	if err := r.attempts.Take(from, time.Now()); err != nil {
		return nil, err
	}
	got, err := r.Seats.Enrol(ctx, in.Body.Desk, in.Body.Token, in.Body.CSR)
	if err == nil {
		r.attempts.Give(from)
		out := &enrolDeskOut{CacheControl: "no-store"}
		out.Body.Site, out.Body.Desk, out.Body.Certificate, out.Body.CA, out.Body.URL = got.Site, got.Desk, got.Certificate, got.CA, got.URL
		return out, nil
	}
	switch fault.KindOf(err) {
	case fault.Internal, fault.Unavailable, fault.TooMany: // ours, not the caller's
		return nil, err
	default:
		r.Log.WarnContext(ctx, "enrolment refused", slog.String("from", from), slog.String("desk", in.Body.Desk), slog.Any("error", err))
		return nil, fault.New(fault.Denied, "enrol.token", "enrolment refused")
	}
}
