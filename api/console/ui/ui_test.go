package ui_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"kanmon/api/console/consoletest"
	"kanmon/api/console/pagetest"
	"kanmon/api/console/ui"
	"kanmon/api/message"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
)

func route(pattern string, h ui.Handler) []ui.Route { return []ui.Route{{Pattern: pattern, Handle: h}} }

func failing(err error) []ui.Route {
	return route("GET /x", func(w http.ResponseWriter, _ *http.Request, _ ui.Visitor) error {
		w.Header().Set("X-Request-Id", "REQ123")
		return err
	})
}

func TestAnErrorIsAPageInTheVisitorsLanguage(t *testing.T) {
	shell, guard := consoletest.Shell(t), consoletest.Visitor(authz.Guard)
	for _, c := range []struct {
		err    error
		lang   string
		status int
		title  string
	}{
		{fault.New(fault.Denied, "auth.denied", "secret detail"), "ja", 403, "このページを見る権限がありません"},
		{fault.New(fault.NotFound, "page.not_found", "secret detail"), "ja", 404, "ページが見つかりません"},
		{errors.New("secret detail"), "ja", 500, "処理を完了できませんでした"},
		{fault.New(fault.Unavailable, "", "secret detail"), "ja", 503, "処理を完了できませんでした"},
		{fault.New(fault.Conflict, "", "secret detail"), "ja", 409, "要求を受け付けられませんでした"},
		{fault.New(fault.NotFound, "page.not_found", "secret detail"), "en", 404, "Page not found"},
	} {
		p := pagetest.Do(t, shell, failing(c.err), guard, pagetest.Get("/x", c.lang))
		p.Sound(t)
		p.Has(t, "h1", c.title)
		p.Has(t, "title", c.title)
		p.Has(t, "dd code", "REQ123")
		if p.Status != c.status || strings.Contains(p.Body, "secret") {
			t.Errorf("%v: status %d, %s", c.err, p.Status, pagetest.Text(p.Node))
		}
	}
}

func TestTheErrorPageNeedsNoDatabase(t *testing.T) {
	shell := consoletest.Shell(t)
	p := pagetest.Do(t, shell, failing(errors.New("database gone")), consoletest.Visitor(authz.Guard), pagetest.Get("/x", "ja"))
	p.Count(t, ".ledger", 0)
}

func TestWhoIsNotLoggedInIsSentToTheLoginAndBack(t *testing.T) {
	shell := consoletest.Shell(t)
	gone := failing(fault.New(fault.Unauthenticated, "auth.session", "none"))
	p := pagetest.Do(t, shell, gone, ui.Visitor{}, pagetest.Get("/x?show=alarm&door=D-1", "ja"))
	if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/login?next="+url.QueryEscape("/x?show=alarm&door=D-1") {
		t.Errorf("%d to %q", p.Status, p.Header.Get("Location"))
	}
}

func TestLocalPathNeverLeavesTheSite(t *testing.T) {
	for _, good := range []string{"/", "/live", "/live?show=alarm&door=D-1", "/staff/S-1"} {
		if got := ui.LocalPath(good); got != good {
			t.Errorf("LocalPath(%q) = %q", good, got)
		}
	}
	for _, bad := range []string{
		"", "live", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example", "javascript:alert(1)",
		"/\t/evil.example", "/\n/evil.example", " /live", "/a\\b", "/" + strings.Repeat("a", 600),
	} {
		if got := ui.LocalPath(bad); got != "/" {
			t.Errorf("LocalPath(%q) = %q", bad, got)
		}
	}
}

func FuzzLocalPath(f *testing.F) {
	for _, s := range []string{"/live", "//evil.example", "/\\evil", "/\t/evil.example", "https://evil.example"} {
		f.Add(s)
	}
	base, _ := url.Parse("http://console.example/login")
	f.Fuzz(func(t *testing.T, path string) {
		got := ui.LocalPath(path)
		to, err := base.Parse(got)
		if err == nil && to.Host != "console.example" || !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") {
			t.Errorf("LocalPath(%q) = %q", path, got)
		}
	})
}

func TestTheLanguageSwitchRemembersAndReturns(t *testing.T) {
	shell := consoletest.Shell(t)
	p := pagetest.Do(t, shell, route("POST /language", ui.SwitchLanguage), ui.Visitor{}, pagetest.Post("/language", "lang=en&back=%2Flive%3Fshow%3Dalarm"))
	cookie := p.Header.Get("Set-Cookie")
	if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/live?show=alarm" {
		t.Errorf("%d to %q", p.Status, p.Header.Get("Location"))
	}
	for _, part := range []string{"kanmon_lang=en;", "HttpOnly", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(cookie, part) {
			t.Errorf("cookie %q lacks %s", cookie, part)
		}
	}
	p = pagetest.Do(t, shell, route("POST /language", ui.SwitchLanguage), ui.Visitor{}, pagetest.Post("/language", "lang=%3Cx%3E&back=//evil.example"))
	if p.Header.Get("Location") != "/" || !strings.Contains(p.Header.Get("Set-Cookie"), "kanmon_lang=ja;") {
		t.Errorf("to %q with %q", p.Header.Get("Location"), p.Header.Get("Set-Cookie"))
	}
}

func TestJapaneseIsTheDefaultWhateverTheBrowserSays(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Accept-Language", "en")
	if got := ui.LangOf(r); got != message.JA {
		t.Errorf("LangOf = %s", got)
	}
}

func TestAssetsAreNamedByTheirContentAndKeptForEver(t *testing.T) {
	shell := consoletest.Shell(t)
	page := pagetest.Do(t, shell, failing(errors.New("x")), ui.Visitor{}, pagetest.Get("/x", "ja"))
	static := route("GET /static/{file}", shell.Static)
	for selector, kind := range map[string]string{
		"link[rel=stylesheet]": "text/css; charset=utf-8", "script": "text/javascript; charset=utf-8", "link[rel=icon]": "image/svg+xml",
	} {
		found := page.Find(selector)
		if len(found) != 1 {
			t.Fatalf("%d of %s", len(found), selector)
		}
		p := pagetest.Do(t, shell, static, ui.Visitor{}, pagetest.Get(address(found[0]), "ja"))
		if p.Status != 200 || p.Header.Get("Content-Type") != kind || p.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s: %d %v", selector, p.Status, p.Header)
		}
		for _, elsewhere := range []string{"http:", "https:", "@import", "url("} {
			if kind != "image/svg+xml" && strings.Contains(p.Body, elsewhere) {
				t.Errorf("%s holds %q", selector, elsewhere)
			}
		}
	}
	for _, wrong := range []string{"/static/kanmon.css", "/static/kanmon.000000000000.css", "/static/..%2Fui.go"} {
		if p := pagetest.Do(t, shell, static, ui.Visitor{}, pagetest.Get(wrong, "ja")); p.Status != 404 {
			t.Errorf("%s: %d", wrong, p.Status)
		}
	}
}

func address(n *html.Node) string { return pagetest.Attr(n, "href") + pagetest.Attr(n, "src") }

func TestTheHeaderShowsOnlyWhatTheRolesMaySee(t *testing.T) {
	shell := consoletest.Shell(t)
	for role, sections := range map[authz.Role]int{
		authz.Guard: 8, authz.SystemManager: 9, authz.CSIRT: 6, authz.DepartmentHead: 2, authz.Staff: 0, authz.Contractor: 0,
	} {
		p := pagetest.Do(t, shell, failing(fault.New(fault.Denied, "", "x")), consoletest.Visitor(role), pagetest.Get("/x", "ja"))
		p.Count(t, "nav.nav li", sections)
	}
}

func TestHomeIsTheFirstPageThatMayBeSeen(t *testing.T) {
	must := consoletest.Visitor(authz.SystemManager)
	must.Session.Account.MustChange = true
	for want, v := range map[string]ui.Visitor{
		"/live": consoletest.Visitor(authz.Guard), "/staff": consoletest.Visitor(authz.DepartmentHead), "/password": must,
	} {
		if got := ui.Home(v); got != want {
			t.Errorf("Home = %s, want %s", got, want)
		}
	}
}

func TestTimesAreJapansWhateverTheServersZone(t *testing.T) {
	at := time.Date(2026, 12, 31, 15, 4, 5, 0, time.UTC)
	for want, got := range map[string]string{
		"00:04:05":                  ui.Clock(at),
		"1月1日(金)":                   ui.Day(message.JA, at),
		"1 Jan (Fri)":               ui.Day(message.EN, at),
		"2027年1月1日(金) 00:04:05":     ui.Stamp(message.JA, at),
		"1 Jan 2027 (Fri) 00:04:05": ui.Stamp(message.EN, at),
		"—":                         ui.Stamp(message.JA, time.Time{}),
		"2027年3月31日(水)":             ui.Until(message.JA, consoletest.Day(2027, 4, 1)),
		"2027年4月1日(木)":              ui.From(message.JA, consoletest.Day(2027, 4, 1)),
		"2027年4月1日(木) 09:00:00":     ui.Until(message.JA, consoletest.Day(2027, 4, 1).Add(9*time.Hour)),
		"31 Mar 2027 (Wed)":         ui.Until(message.EN, consoletest.Day(2027, 4, 1)),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := ui.Until(message.JA, time.Time{}); got != "" {
		t.Errorf("an open end is %q", got)
	}
}

func TestTimesForReceiptsAreExact(t *testing.T) {
	at := time.Date(2026, 12, 31, 15, 4, 5, 41_900_000, time.UTC)
	for want, got := range map[string]string{
		"00:04:05.041": ui.Exact(at), "1月1日(金) 00時04分": ui.Minute(message.JA, at), "1 Jan (Fri) 00:04": ui.Minute(message.EN, at),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestAMomentIsReadAsJapans(t *testing.T) {
	want := time.Date(2026, 9, 17, 12, 30, 0, 0, time.UTC)
	for _, value := range []string{"2026-09-17T21:30", "2026-09-17T21:30:00"} {
		if got, err := ui.Moment(value); err != nil || !got.Equal(want) {
			t.Errorf("Moment(%q) = %v, %v", value, got, err)
		}
	}
	if got, err := ui.Moment(""); err != nil || !got.IsZero() {
		t.Errorf("nothing is %v, %v", got, err)
	}
	for _, value := range []string{"2026-09-17", "21:30", "2026-09-17T25:00", "17.9.2026 21:30", strings.Repeat("2026-09-17T21:30", 3)} {
		if _, err := ui.Moment(value); err == nil {
			t.Errorf("%q is accepted", value)
		}
	}
}

func TestMidnightIsJapans(t *testing.T) {
	got, err := ui.Midnight("2026-09-18")
	if want := time.Date(2026, 9, 17, 15, 0, 0, 0, time.UTC); err != nil || !got.Equal(want) {
		t.Errorf("Midnight = %v, %v", got, err)
	}
	if _, err := ui.Midnight("18.9.2026"); err == nil {
		t.Error("accepted")
	}
}
