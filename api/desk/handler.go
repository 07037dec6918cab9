package desk

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/internal/tap"
	"kanmon/lifecycle/card/number"
	"kanmon/lifecycle/desk"
	"kanmon/reader/credential"
)

// peer is the desk that asks.
type peer struct {
	desk.Desk
	public ed25519.PublicKey
}

// Handler serves desks, behind a TLS that has verified their certificates.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	handle(s, mux, tap.PathTap, s.tap)
	handle(s, mux, tap.PathStatus, s.status)
	handle(s, mux, tap.PathRenew, s.renew)
	return mux
}

// handle puts a function of a desk's words on a path.
func handle[In, Out any](s *Service, mux *http.ServeMux, path string, fn func(context.Context, peer, In) (Out, error)) {
	mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Type", "application/json")
		out, err := serve(s, w, r, fn)
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		_ = json.NewEncoder(w).Encode(out) // a desk that is gone asks again
	})
}

func serve[In, Out any](s *Service, w http.ResponseWriter, r *http.Request, fn func(context.Context, peer, In) (Out, error)) (out Out, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.New(fault.Internal, "", fmt.Sprintf("the handler of a desk panicked: %T", p)) // what it holds may be a card number
		}
	}()
	who, err := s.peer(r)
	if err != nil {
		return out, err
	}
	var in In
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, tap.MaxBody))
	if d.Decode(&in) != nil { // its text may quote a card number
		return out, fault.New(fault.Invalid, "request.form", "not what a desk says")
	}
	return fn(r.Context(), who, in)
}

// peer is who has shown a certificate, by the register as it stands now.
func (s *Service) peer(r *http.Request) (peer, error) {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return peer{}, fault.New(fault.Unauthenticated, "desk.certificate", "no certificate")
	}
	name, public, ok := pki.DeskName(r.TLS.PeerCertificates[0])
	if !ok {
		return peer{}, fault.New(fault.Denied, "desk.certificate", "the certificate is no desk's")
	}
	d, err := s.cfg.Desks.Peer(r.Context(), name, public)
	return peer{d, public}, err
}

// refuse answers with a code alone.
func (s *Service) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status := map[fault.Kind]int{
		fault.Invalid: http.StatusUnprocessableEntity, fault.Unauthenticated: http.StatusUnauthorized, fault.Denied: http.StatusForbidden,
		fault.NotFound: http.StatusForbidden, fault.Conflict: http.StatusConflict, fault.Unavailable: http.StatusServiceUnavailable,
	}[fault.KindOf(err)]
	if status == 0 {
		status = http.StatusInternalServerError
	}
	if !errors.Is(err, context.Canceled) {
		s.cfg.Log.WarnContext(r.Context(), "desk refused", slog.String("path", r.URL.Path), slog.String("from", r.RemoteAddr), slog.Any("error", err))
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(tap.Refusal{Code: fault.CodeOf(err)})
}

// tap brings a card to the page that waits for it.
func (s *Service) tap(_ context.Context, who peer, t tap.Tap) (tap.Taken, error) {
	now := s.cfg.Clock()
	if t.AgeMS < 0 || t.AgeMS > tap.MaxAgeMS {
		return tap.Taken{}, nil
	}
	held := now.Add(-time.Duration(t.AgeMS) * time.Millisecond)
	if t.Refused != "" {
		return tap.Taken{Taken: s.questions.refuse(now, held, who.Name, whyNot(t.Refused))}, nil
	}
	shown, err := credential.Parse(string(t.Credential))
	if err != nil {
		return tap.Taken{Taken: s.questions.refuse(now, held, who.Name, err)}, nil
	}
	read := number.Read(shown, s.cfg.HashKey)
	return tap.Taken{Taken: s.questions.tap(now, held, Tap{
		Desk: who.Name, Key: read.Key, Format: read.Format, Siblings: read.Siblings, Foreign: !who.Takes(read.Format),
		Trust: access.Least(access.Proves(read.Format), access.Trust(t.Trust)),
	})}, nil
}

var credentialCode = regexp.MustCompile(`^credential\.[a-z_]{1,32}$`)

// whyNot is a desk's word for why a card is no identifier: one of the credential's codes, or that it was not read.
func whyNot(code string) error {
	if !credentialCode.MatchString(code) {
		code = "desk.unreadable"
	}
	return fault.New(fault.Invalid, code, "the desk's reader refuses the card")
}

// status keeps how a desk is, and which cards were left there. What comes late, behind a newer one, changes nothing.
func (s *Service) status(ctx context.Context, who peer, in tap.Status) (tap.Answer, error) {
	answer := s.answer(who, in.Knows)
	one := s.turn(who.Name)
	one.Lock()
	defer one.Unlock()
	now := s.cfg.Clock()
	if !s.heard(who.Name, in, now) {
		return answer, nil
	}
	stays := make([]desk.Stay, 0, len(in.Stays))
	for _, x := range in.Stays {
		stay := desk.Stay{ID: x.ID, Since: now.Add(-time.Duration(max(0, x.ForMS)) * time.Millisecond).UTC().Truncate(time.Microsecond)}
		if number, err := credential.Parse(string(x.Credential)); err == nil {
			stay.Key = number.Key(s.cfg.HashKey)
		}
		stays = append(stays, stay)
	}
	return answer, s.cfg.Desks.Left(ctx, who.Name, who.public, stays)
}

func (s *Service) answer(who peer, knows []string) tap.Answer {
	a := tap.Answer{WatchS: int64(who.Watch / time.Second), Issuer: s.cfg.Secrets.CA().Pin()}
	list, words := s.cfg.Secrets.Authorities()
	for _, c := range list {
		if !slices.Contains(knows, pki.Pin(c)) {
			a.Authorities, a.Announced = pki.RawCertificates(list), words
		}
	}
	return a
}

func (s *Service) turn(name string) *sync.Mutex {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[name] == nil {
		s.busy[name] = &sync.Mutex{}
	}
	return s.busy[name]
}

// mostReaders is how many readers of a desk are shown.
const mostReaders = 16

func (s *Service) heard(name string, in tap.Status, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.seen[name]
	if before.start == in.Start && in.N <= before.n {
		return false
	}
	s.seen[name] = Seen{At: now, Software: plain(in.Software), Readers: readers(in.Readers), start: in.Start, n: in.N}
	return true
}

func readers(list []tap.Reader) []tap.Reader {
	out := []tap.Reader{}
	for _, r := range list[:min(len(list), mostReaders)] {
		out = append(out, tap.Reader{Name: plain(r.Name), Up: r.Up, Detail: plain(r.Detail)})
	}
	return out
}

// plain bounds a text of a desk.
func plain(s string) string {
	r := []rune(s)
	return string(r[:min(len(r), 128)])
}

// between is the least time from one certificate of a desk to the next. A desk asks 60 days before the end, or when another authority issues certificates.
const between = time.Hour

// renew gives the key of the certificate that was shown a new one, where that is due.
func (s *Service) renew(ctx context.Context, who peer, in tap.Renewal) (tap.Renewed, error) {
	public, err := request(in.CSR, who.Name)
	if err != nil {
		return tap.Renewed{}, err
	}
	if !public.Equal(who.public) {
		return tap.Renewed{}, fault.New(fault.Denied, "desk.other_key", "the certificate request is by another key")
	}
	if now := s.cfg.Clock(); now.Sub(who.Issued).Abs() < between {
		return tap.Renewed{}, fault.New(fault.Conflict, "desk.not_due", "the certificate is new")
	}
	var certificate *x509.Certificate
	if err := s.cfg.Desks.Renewed(ctx, who.Name, public, s.issue(who.Name, public, &certificate)); err != nil {
		return tap.Renewed{}, err
	}
	s.cfg.Log.InfoContext(ctx, "desk's certificate renewed", slog.String("desk", who.Name), slog.Time("until", certificate.NotAfter))
	return tap.Renewed{Certificate: certificate.Raw}, nil
}
