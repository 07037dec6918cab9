package login_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"kanmon/api/auth"
	"kanmon/api/console/consoletest"
	"kanmon/api/console/login"
	"kanmon/api/console/pagetest"
	"kanmon/api/console/ui"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/account"
)

const password = "correct horse battery"

// door is the pages over the real register of accounts.
type door struct {
	shell    *ui.Shell
	accounts *account.Register
	gate     *auth.Gate
	pages    *login.Pages
	who      ui.Visitor
}

// empty is a centre before its first account, and the bootstrap token.
func empty(t *testing.T) (d door, token string) {
	t.Helper()
	s, err := store.New(dbtest.SQLite(t), store.Config{Origin: "kanmon.example/test"})
	if err != nil {
		t.Fatal(err)
	}
	d.shell = consoletest.Shell(t)
	d.accounts = account.New(s, account.Config{Cost: account.Cost{MemoryKiB: 64, Passes: 1, Lanes: 1}})
	d.gate = auth.New(auth.Config{Accounts: d.accounts, HTTPS: true})
	if d.pages, err = login.New(login.Config{Shell: d.shell, Accounts: d.accounts, Cookies: d.gate}); err != nil {
		t.Fatal(err)
	}
	boot, ok, err := d.accounts.Bootstrap(t.Context())
	if err != nil || !ok {
		t.Fatalf("bootstrap: %v, %v", ok, err)
	}
	return d, boot.Reveal()
}

// open has the account "yamada", a system manager.
func open(t *testing.T) door {
	t.Helper()
	d, token := empty(t)
	if _, err := d.accounts.Setup(t.Context(), account.ParseToken(token), "yamada", account.NewPassword(password)); err != nil {
		t.Fatal(err)
	}
	return d
}

// in is open with yamada logged in.
func in(t *testing.T) door {
	t.Helper()
	d := open(t)
	s, err := d.accounts.Login(t.Context(), "yamada", account.NewPassword(password))
	if err != nil {
		t.Fatal(err)
	}
	d.who = ui.Visitor{Session: s}
	return d
}

func (d door) do(t *testing.T, r *http.Request) pagetest.Page {
	t.Helper()
	return pagetest.Do(t, d.shell, d.pages.Routes(), d.who, r)
}

// holder is whose session the page set, or "".
func (d door) holder(t *testing.T, p pagetest.Page) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, line := range p.Header.Values("Set-Cookie") {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			t.Fatal(err)
		}
		r.AddCookie(c)
	}
	who, err := d.gate.Identify(r)
	if err != nil {
		return ""
	}
	return who.Account().ID
}

func form(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

func TestEveryPageIsSoundInBothLanguages(t *testing.T) {
	d := in(t)
	first, _ := empty(t)
	for _, lang := range []string{"ja", "en"} {
		for path, from := range map[string]door{"/password": d, "/login?next=/cards": {shell: d.shell, pages: d.pages}, "/setup": first} {
			p := from.do(t, pagetest.Get(path, lang))
			p.Sound(t)
			name, _, _ := strings.Cut(path[1:], "?")
			p.Golden(t, name+"."+lang)
		}
	}
}

func TestLoggingInSetsTheCookieAndGoesOn(t *testing.T) {
	d := open(t)
	p := d.do(t, pagetest.Post("/login", form("login", "yamada", "password", password, "next", "/live?show=alarm")))
	if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/live?show=alarm" || d.holder(t, p) != "yamada" {
		t.Errorf("%d to %q as %q", p.Status, p.Header.Get("Location"), d.holder(t, p))
	}
	cookie := p.Header.Get("Set-Cookie")
	for _, part := range []string{"__Host-kanmon=", "HttpOnly", "Secure", "SameSite=Lax"} {
		if !strings.Contains(cookie, part) {
			t.Errorf("cookie %q lacks %s", cookie, part)
		}
	}
}

func TestLoggingInNeverLeadsToAnotherSite(t *testing.T) {
	d := open(t)
	for _, next := range []string{"//evil.example", "https://evil.example/", "/\\evil.example", ""} {
		p := d.do(t, pagetest.Post("/login", form("login", "yamada", "password", password, "next", next)))
		if got := p.Header.Get("Location"); got != "/" {
			t.Errorf("next %q leads to %q", next, got)
		}
	}
}

// R104-1: a wrong name and a wrong password are the same page, and what was typed as a password is on none.
func TestARefusedLoginDoesNotSayWhatWasWrong(t *testing.T) {
	d := open(t)
	texts := map[string]bool{}
	for _, name := range []string{"yamada", "nobody"} {
		p := d.do(t, pagetest.Post("/login", form("login", name, "password", "wrong-secret-1", "next", "/live")))
		p.Sound(t)
		p.Has(t, "[role=alert]", "ログイン名またはパスワードが違います。")
		if p.Status != http.StatusUnauthorized || p.Header.Get("Set-Cookie") != "" || strings.Contains(p.Body, "wrong-secret-1") {
			t.Errorf("%s: %d %s", name, p.Status, p.Body)
		}
		if got := pagetest.Attr(p.Find("#f-login")[0], "value"); got != name {
			t.Errorf("the login name was lost: %q", got)
		}
		texts[pagetest.Text(p.Node)] = true
	}
	if len(texts) != 1 {
		t.Error("the pages differ")
	}
}

// R104-1
func TestManyWrongPasswordsMustWait(t *testing.T) {
	d := open(t)
	var p pagetest.Page
	for range 6 {
		p = d.do(t, pagetest.Post("/login", form("login", "yamada", "password", "wrong-secret-1")))
	}
	p.Sound(t)
	p.Has(t, "[role=alert]", "しばらく待ってから")
	if p.Status != http.StatusTooManyRequests {
		t.Errorf("%d", p.Status)
	}
}

func TestALoginOverAnotherSessionEndsTheOlderOne(t *testing.T) {
	d := in(t)
	d.do(t, pagetest.Post("/login", form("login", "yamada", "password", password)))
	if _, err := d.accounts.Resume(t.Context(), d.who.Session.Token); fault.KindOf(err) != fault.Unauthenticated || err == nil {
		t.Errorf("the older session is alive: %v", err)
	}
}

func TestLoggingOutEndsTheSessionAndTakesTheCookie(t *testing.T) {
	d := in(t)
	p := d.do(t, pagetest.Post("/logout", ""))
	if p.Header.Get("Location") != "/login" || !strings.Contains(p.Header.Get("Set-Cookie"), "Max-Age=0") || p.Header.Get("Clear-Site-Data") == "" {
		t.Errorf("%v", p.Header)
	}
	if _, err := d.accounts.Resume(t.Context(), d.who.Session.Token); fault.KindOf(err) != fault.Unauthenticated || err == nil {
		t.Errorf("the session is alive: %v", err)
	}
}

// R101-1: no default account; the first one comes from the bootstrap token, once.
func TestTheFirstAccountNeedsTheBootstrapToken(t *testing.T) {
	d, token := empty(t)
	if p := d.do(t, pagetest.Get("/login", "ja")); p.Header.Get("Location") != "/setup" {
		t.Errorf("an empty register shows the log-in, not the set-up: %d", p.Status)
	}
	first := func(token, again string) pagetest.Page {
		return d.do(t, pagetest.Post("/setup", form("token", token, "login", "yamada", "password", password, "again", again)))
	}
	p := first("a-guess", password)
	p.Sound(t)
	p.Has(t, "[role=alert]", "初期設定トークンが違うか")
	if p.Status != http.StatusUnauthorized || strings.Contains(p.Body, "a-guess") || strings.Contains(p.Body, password) {
		t.Errorf("%d %s", p.Status, p.Body)
	}
	first(token, "another").Has(t, "#e-again", "一致しません")
	d.do(t, pagetest.Post("/setup", form("token", token, "login", "yamada", "password", "short", "again", "short"))).Has(t, "#e-password", "12文字以上")
	if needs, err := d.accounts.NeedsSetup(t.Context()); !needs || err != nil {
		t.Fatalf("an account was made: %v", err)
	}
	if p := first(token, password); p.Status != http.StatusSeeOther || d.holder(t, p) != "yamada" {
		t.Errorf("%d as %q", p.Status, d.holder(t, p))
	}
	if p := d.do(t, pagetest.Get("/setup", "ja")); p.Header.Get("Location") != "/login" {
		t.Errorf("the set-up is still open: %d", p.Status)
	}
	if p := first(token, password); p.Status != http.StatusUnauthorized {
		t.Errorf("the token works twice: %d", p.Status)
	}
}

// R79-1: an initial password is changed, and pages never repeat one.
func TestAPasswordIsChangedByWhoKnowsTheOldOne(t *testing.T) {
	d := in(t)
	d.who.Session.Account.MustChange = true
	p := d.do(t, pagetest.Get("/password", "ja"))
	p.Has(t, ".lead", "仮のものです")
	p.Count(t, "nav.nav li", 0)
	change := func(old, fresh, again string) pagetest.Page {
		return d.do(t, pagetest.Post("/password", form("old", old, "password", fresh, "again", again)))
	}
	const fresh = "quite another long one"
	change("wrong", fresh, fresh).Has(t, "#e-old", "今のパスワードが違います。")
	change(password, password, password).Has(t, "#e-password", "今と同じパスワードです")
	p = change(password, fresh, fresh+"!")
	p.Has(t, "#e-again", "一致しません")
	if strings.Contains(p.Body, fresh) || strings.Contains(p.Body, password) {
		t.Error("the page repeats a password")
	}
	if p := change(password, fresh, fresh); p.Status != http.StatusSeeOther || d.holder(t, p) != "yamada" {
		t.Errorf("%d %s", p.Status, pagetest.Text(p.Node))
	}
	if _, err := d.accounts.Login(t.Context(), "yamada", account.NewPassword(fresh)); err != nil {
		t.Errorf("the new password does not work: %v", err)
	}
}

func TestWhoIsLoggedInNeedsNoLogin(t *testing.T) {
	if p := in(t).do(t, pagetest.Get("/login", "ja")); p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/" {
		t.Errorf("%d to %q", p.Status, p.Header.Get("Location"))
	}
}

func TestWhatPeopleTypedIsShownAsText(t *testing.T) {
	p := open(t).do(t, pagetest.Post("/login", form("login", pagetest.Hostile, "password", "x")))
	p.Sound(t)
	p.Harmless(t, 1)
}
