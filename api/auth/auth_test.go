package auth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kanmon/api/auth"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/lifecycle/account"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// book is a register of sessions by token.
type book map[string]account.Account

var errBroken = fault.New(fault.Internal, "", "database is gone")

func (b book) Resume(_ context.Context, t account.Token) (account.Session, error) {
	if t.Reveal() == "broken" {
		return account.Session{}, errBroken
	}
	a, ok := b[t.Reveal()]
	if !ok {
		return account.Session{}, fault.New(fault.Unauthenticated, "auth.session", "no session")
	}
	return account.Session{Account: a, Token: t, Ends: time.Now().Add(time.Hour)}, nil
}

var people = book{
	"boss":     {ID: "boss", Roles: []authz.Role{authz.SystemManager}},
	"new":      {ID: "new", Roles: []authz.Role{authz.SystemManager}, MustChange: true},
	"zz-token": {ID: "taro", Roles: []authz.Role{authz.Guard}},
	"none":     {ID: "none", Roles: []authz.Role{authz.Staff}},
}

func request(t *testing.T, path string, set func(*http.Request)) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	if set != nil {
		set(r)
	}
	return r
}

func bearer(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

func TestACallerIsKnownByCookieOrBearerToken(t *testing.T) {
	plain := auth.New(auth.Config{Accounts: people})
	secure := auth.New(auth.Config{Accounts: people, HTTPS: true})
	cookie := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: name, Value: value}) }
	}
	for _, c := range []struct {
		name string
		gate *auth.Gate
		set  func(*http.Request)
		want string
	}{
		{"nobody", plain, nil, ""},
		{"cookie", plain, cookie("kanmon", "boss"), "boss"},
		{"bearer", plain, bearer("boss"), "boss"},
		{"bearer of any case", plain, func(r *http.Request) { r.Header.Set("Authorization", "bEaReR boss") }, "boss"},
		{"wrong token", plain, bearer("x"), ""},
		{"empty token", plain, bearer(""), ""},
		{"basic", plain, func(r *http.Request) { r.Header.Set("Authorization", "Basic boss") }, ""},
		{"a wrong header is not helped by a cookie", plain, func(r *http.Request) { cookie("kanmon", "boss")(r); bearer("x")(r) }, ""},
		{"https does not take the plain cookie", secure, cookie("kanmon", "boss"), ""},
		{"https cookie", secure, cookie("__Host-kanmon", "boss"), "boss"},
	} {
		who, err := c.gate.Identify(request(t, "/", c.set))
		if who.Known() != (c.want != "") || who.Account().ID != c.want {
			t.Errorf("%s: %q %v", c.name, who.Account().ID, err)
		}
		if c.want == "" && (fault.KindOf(err) != fault.Unauthenticated || who.Known()) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestTheCookieIsOnlyForThisHostAndNoScript(t *testing.T) {
	s := account.Session{Token: account.ParseToken("tok"), Ends: time.Now().Add(time.Hour)}
	for _, c := range []struct {
		https bool
		want  []string
	}{
		{true, []string{"__Host-kanmon=tok", "Path=/", "HttpOnly", "Secure", "SameSite=Lax"}},
		{false, []string{"kanmon=tok", "Path=/", "HttpOnly", "SameSite=Lax"}},
	} {
		g := auth.New(auth.Config{Accounts: people, HTTPS: c.https})
		w := httptest.NewRecorder()
		g.SetCookie(w, s)
		got := w.Header().Get("Set-Cookie")
		for _, part := range c.want {
			if !strings.Contains(got, part) {
				t.Errorf("https %v: %q lacks %q", c.https, got, part)
			}
		}
		if strings.Contains(got, "Domain") {
			t.Errorf("cookie for a domain: %q", got)
		}
		w = httptest.NewRecorder()
		g.ClearCookie(w)
		if got := w.Header().Get("Set-Cookie"); !strings.Contains(got, "Max-Age=0") || strings.Contains(got, "tok") {
			t.Errorf("cleared with %q", got)
		}
	}
}

func TestARouteIsServedAsItsRowSays(t *testing.T) {
	rt := auth.New(auth.Config{Accounts: people}).Router(func(w http.ResponseWriter, _ *http.Request, err error) {
		w.WriteHeader(http.StatusTeapot)
		_, _ = fmt.Fprintf(w, "%v %s", fault.KindOf(err), fault.CodeOf(err))
	})
	for _, p := range []string{"GET /api/v1/version", "GET /api/v1/session", "GET /api/v1/accounts", "GET /no/row"} {
		rt.Handle(p, func(w http.ResponseWriter, _ *http.Request, who auth.Principal) {
			_, _ = fmt.Fprintf(w, "served %q", who.Account().ID)
		})
	}
	for _, c := range []struct{ path, token, want string }{
		{"/api/v1/version", "", `served ""`},
		{"/api/v1/version", "x", `served ""`},
		{"/api/v1/version", "boss", `served "boss"`},
		{"/api/v1/version", "broken", `internal `},
		{"/api/v1/session", "", "unauthenticated auth.session"},
		{"/api/v1/session", "none", `served "none"`},
		{"/api/v1/session", "new", `served "new"`},
		{"/api/v1/accounts", "boss", `served "boss"`},
		{"/api/v1/accounts", "none", "denied auth.denied"},
		{"/api/v1/accounts", "new", "denied auth.must_change"},
		{"/api/v1/accounts", "broken", "internal "},
		{"/no/row", "", "unauthenticated auth.session"},
		{"/no/row", "boss", "denied auth.denied"},
		{"/nowhere", "boss", "not_found route.not_found"},
	} {
		w := httptest.NewRecorder()
		set := bearer(c.token)
		if c.token == "" {
			set = nil
		}
		rt.ServeHTTP(w, request(t, c.path, set))
		if w.Body.String() != c.want {
			t.Errorf("%s as %q: %q, want %q", c.path, c.token, w.Body.String(), c.want)
		}
	}
	w := httptest.NewRecorder()
	r := request(t, "/api/v1/version", nil)
	r.Method = http.MethodPost
	rt.ServeHTTP(w, r)
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") == "" {
		t.Errorf("POST: %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}

func TestAPrincipalDoesNotPrintItsToken(t *testing.T) {
	g := auth.New(auth.Config{Accounts: people})
	who, err := g.Identify(request(t, "/", bearer("zz-token")))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprintf("%+v", who), fmt.Sprintf("%#v", who.Session()), fmt.Sprint(who)} {
		if strings.Contains(text, "zz-token") {
			t.Errorf("printed: %s", text)
		}
	}
	if _, err := g.Identify(request(t, "/", bearer("broken"))); !errors.Is(err, errBroken) {
		t.Errorf("a broken register answers %v", err)
	}
}
