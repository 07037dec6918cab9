// Package auth is the door of the HTTP edge: it finds out who a request comes from and lets it through to the
// routes whose row in authz it meets. REST and the console share it.
//
// A caller shows a session token as the cookie (console) or as "Authorization: Bearer …" (programs). A request
// with an Authorization header is judged by that header alone. The principal is handed to the handler as an
// argument; handlers pass it to the registers as a store.Actor.
package auth

import (
	"context"
	"net/http"
	"strings"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/account"
)

// Cookie names. The __Host- prefix makes a browser refuse the cookie unless it is Secure, of this host alone and
// for the whole site; it needs HTTPS.
const (
	cookieHTTPS = "__Host-kanmon"
	cookieHTTP  = "kanmon"
)

// Accounts is the part of the account register that the gate needs.
type Accounts interface {
	Resume(ctx context.Context, t account.Token) (account.Session, error)
}

// Config sets up a Gate.
type Config struct {
	Accounts Accounts
	HTTPS    bool // callers reach the console by https: Secure cookies
}

// Gate identifies callers.
type Gate struct {
	accounts Accounts
	https    bool
}

// New makes a gate.
func New(cfg Config) *Gate { return &Gate{accounts: cfg.Accounts, https: cfg.HTTPS} }

// Principal is an identified caller. The zero Principal is nobody.
type Principal struct {
	session account.Session
	known   bool
}

// Known reports whether the caller is logged in.
func (p Principal) Known() bool { return p.known }

// Account is the caller's account.
func (p Principal) Account() account.Account { return p.session.Account }

// Session is the caller's session.
func (p Principal) Session() account.Session { return p.session }

// Actor is the caller as the author of a change.
func (p Principal) Actor() store.Actor { return p.session.Account.Actor() }

// Identify finds out who sent r. Nobody, a session that ended and a wrong token are fault.Unauthenticated.
func (g *Gate) Identify(r *http.Request) (Principal, error) {
	t := g.token(r)
	if t.IsZero() {
		return Principal{}, fault.New(fault.Unauthenticated, "auth.session", "no session shown")
	}
	s, err := g.accounts.Resume(r.Context(), t)
	if err != nil {
		return Principal{}, err
	}
	return Principal{session: s, known: true}, nil
}

func (g *Gate) token(r *http.Request) account.Token {
	if h := r.Header.Get("Authorization"); h != "" {
		scheme, token, _ := strings.Cut(h, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return account.Token{}
		}
		return account.ParseToken(strings.TrimSpace(token))
	}
	c, err := r.Cookie(g.cookieName())
	if err != nil {
		return account.Token{}
	}
	return account.ParseToken(c.Value)
}

func (g *Gate) cookieName() string {
	if g.https {
		return cookieHTTPS
	}
	return cookieHTTP
}

// SetCookie gives the browser a session.
func (g *Gate) SetCookie(w http.ResponseWriter, s account.Session) {
	http.SetCookie(w, g.cookie(s.Token.Reveal(), int(time.Until(s.Ends).Seconds())))
}

// ClearCookie takes it away.
func (g *Gate) ClearCookie(w http.ResponseWriter) { http.SetCookie(w, g.cookie("", -1)) }

// cookie is Lax, not Strict: a link in a mail to a page of the console must find its reader logged in. Forged
// posts are refused by http.CrossOriginProtection in package api.
func (g *Gate) cookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure where there is https; a browser drops a Secure cookie of plain http
		Name: g.cookieName(), Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: g.https, SameSite: http.SameSiteLaxMode,
	}
}
