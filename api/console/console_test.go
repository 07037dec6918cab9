package console_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"kanmon/api/auth"
	"kanmon/api/console"
	"kanmon/api/console/areatest"
	"kanmon/api/console/consoletest"
	"kanmon/api/console/desktest"
	"kanmon/api/console/pagetest"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/entrylog"
	"kanmon/reader/credential"
)

type centre struct {
	accounts *consoletest.Accounts
	entries  *consoletest.Entries
	commands *consoletest.Commands
	console  *console.Console
	log      *strings.Builder
}

func open(t *testing.T, change func(*console.Config)) centre {
	t.Helper()
	c := centre{accounts: consoletest.SomeAccounts(), entries: &consoletest.Entries{}, commands: consoletest.SomeCommands(), log: &strings.Builder{}}
	consoletest.Night(c.entries)
	key, err := credential.NewHashKey(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	desks := desktest.SomeDesks("")
	config := console.Config{
		Desks: desks, Seats: desks,
		Gate: auth.New(auth.Config{Accounts: c.accounts}), Accounts: c.accounts, Staff: consoletest.City(), Cards: consoletest.CityCards(),
		Areas: &areatest.OneArea{}, Lockdowns: &areatest.OneArea{}, Grades: areatest.Grades{}, Approvals: areatest.SomeApprovals(""), Profiles: &consoletest.Profiles{},
		Days: consoletest.SomeDays(""), Devices: consoletest.Devices{}, Entries: c.entries, Alarms: consoletest.SomeAlarms(""), Explainer: explainer{}, Notices: consoletest.SomeNotices(""), HashKey: key, Subscribe: c.entries.Subscribe,
		PINs: consoletest.CityPINs(), Revocations: consoletest.Revocations{}, Enrolment: consoletest.Enrolment{}, Releaser: c.commands, Commands: c.commands,
		LedgerSize: func(context.Context) (int64, error) { return 1284, nil }, Now: consoletest.Clock,
		Log: slog.New(slog.NewTextHandler(c.log, nil)),
	}
	if change != nil {
		change(&config)
	}
	if c.console, err = console.New(config); err != nil {
		t.Fatal(err)
	}
	return c
}

// as sends a request with the session of an account; "" sends none.
func (c centre) as(t *testing.T, login string, r *http.Request) pagetest.Page {
	t.Helper()
	if login != "" {
		r.AddCookie(&http.Cookie{Name: "kanmon", Value: "session-" + login})
	}
	w := httptest.NewRecorder()
	c.console.ServeHTTP(w, r)
	return pagetest.Parse(t, w)
}

func TestEveryRouteHasARowOfRightsAndEveryRowARoute(t *testing.T) {
	served := open(t, nil).console.Patterns()
	for _, pattern := range served {
		if _, ok := authz.NeedOf(pattern); !ok {
			t.Errorf("%s has no row in authz: nobody can call it", pattern)
		}
	}
	for _, r := range authz.Routes() {
		_, path, _ := strings.Cut(r.Pattern, " ")
		if !strings.HasPrefix(path, "/api/") && !slices.Contains(served, r.Pattern) {
			t.Errorf("%s has a row in authz, but nothing serves it", r.Pattern)
		}
	}
}

// sample is a request that fits a pattern.
func sample(pattern string) *http.Request {
	method, path, _ := strings.Cut(pattern, " ")
	path = strings.NewReplacer("{$}", "", "{file}", "none", "/staff/{id}", "/staff/S-1001", "/cards/{id}", "/cards/C-AAAAAAAAAA",
		"/doors/{id}", "/doors/D-1", "/controllers/{name}", "/controllers/ctl-1", "/{epoch}/{n}", "/1/3").Replace(path)
	if method == http.MethodPost {
		return pagetest.Post(path, "")
	}
	return pagetest.Get(path, "ja")
}

// R101-1, R104-1: each route against each kind of caller.
func TestEveryRouteIsClosedToWhoDoesNotMeetItsRow(t *testing.T) {
	c := open(t, nil)
	for _, pattern := range c.console.Patterns() {
		need, _ := authz.NeedOf(pattern)
		if need.IsPublic() || pattern == "GET /live/stream" { // a stream that is let through does not end
			continue
		}
		nobody := c.as(t, "", sample(pattern))
		if post := strings.HasPrefix(pattern, "POST"); post && nobody.Status != http.StatusUnauthorized {
			t.Errorf("%s without a session: %d", pattern, nobody.Status)
		} else if !post && !strings.HasPrefix(nobody.Header.Get("Location"), "/login?next=") {
			t.Errorf("%s without a session: %d to %q", pattern, nobody.Status, nobody.Header.Get("Location"))
		}
		for login, roles := range map[string][]authz.Role{"guard": {authz.Guard}, "contractor": {authz.Contractor}, "manager": {authz.SystemManager}} {
			p := c.as(t, login, sample(pattern))
			if allowed := need.Allows(roles); (p.Status == http.StatusForbidden) == allowed {
				t.Errorf("%s as %s: %d, want let through %v", pattern, login, p.Status, allowed)
			}
			if p.Status == http.StatusForbidden {
				p.Sound(t)
				p.Has(t, "h1", "このページを見る権限がありません")
			}
		}
	}
	if p := c.as(t, "contractor", pagetest.Get("/live/stream", "ja")); p.Status != http.StatusForbidden {
		t.Errorf("the stream as contractor: %d", p.Status)
	}
}

func TestEveryPageIsSoundFromLoginToLogout(t *testing.T) {
	c := open(t, nil)
	for _, path := range []string{
		"/live", "/live?show=alarm", "/staff", "/staff/S-1001", "/staff/S-1001/pins", "/pins", "/cards", "/cards/C-AAAAAAAAAA", "/cards/new", "/cards/whose", "/desks", "/desks/front-1", "/areas", "/areas/new", "/areas/A-1", "/areas/A-1/edit", "/areas/A-1/rights", "/areas/A-1/lockdown", "/areas/A-1/forget?person=S-1001", "/approvals", "/approvals/Q-1", "/controllers", "/password",
		"/revocations", "/revocations/1/3", "/doors/D-1/release", "/controllers/ctl-1",
		"/alarms", "/alarms?state=closed", "/alarms/A-0000000001", "/notices",
	} {
		p := c.as(t, "manager", pagetest.Get(path, "ja"))
		p.Sound(t)
		p.Count(t, "nav.nav li", 9)
		p.Has(t, "#badge-alarms", "5")
		p.Has(t, "#badge-notices", "1")
		p.Has(t, ".ledger", "1284")
		p.Has(t, ".who", "manager")
		if p.Status != http.StatusOK {
			t.Errorf("%s: %d", path, p.Status)
		}
	}
}

// endless are the addresses of other years and months.
var endless = regexp.MustCompile(`[?&](year|month)=`)

// Every link of every page leads to a page of this site that is sound.
func TestEveryLinkLeadsToASoundPage(t *testing.T) {
	c := open(t, nil)
	seen, queue := map[string]bool{}, []string{"/live"}
	for len(queue) > 0 {
		path := queue[0]
		queue = queue[1:]
		p := c.as(t, "manager", pagetest.Get(path, "en"))
		if p.Status != http.StatusOK {
			t.Errorf("%s: %d", path, p.Status)
		}
		if strings.HasPrefix(p.Header.Get("Content-Disposition"), "attachment") {
			continue // a file
		}
		p.Sound(t)
		for _, a := range p.Find("a[href]") {
			to := pagetest.Attr(a, "href")
			if endless.MatchString(to) && endless.MatchString(path) { // one step of it is enough
				continue
			}
			if to != "/" && strings.HasPrefix(to, "/") && !seen[to] {
				seen[to] = true
				queue = append(queue, to)
			}
		}
	}
	for _, path := range []string{"/revocations/1/3", "/controllers/ctl-6", "/doors/D-2/release", "/cards/C-CCCCCCCCCC", "/revocations?card=C-AAAAAAAAAA"} {
		if !seen[path] {
			t.Errorf("no link leads to %s", path)
		}
	}
}

func TestTheFirstPageIsTheOneForTheVisitor(t *testing.T) {
	c := open(t, nil)
	for login, want := range map[string]string{"guard": "/live", "contractor": "/password", "fresh": "/password"} {
		if got := c.as(t, login, pagetest.Get("/", "ja")).Header.Get("Location"); got != want {
			t.Errorf("%s is sent to %s, want %s", login, got, want)
		}
	}
}

// R79-1
func TestWhoMustChangeThePasswordReachesNothingElse(t *testing.T) {
	c := open(t, nil)
	for _, path := range []string{"/live", "/staff", "/cards/new", "/controllers"} {
		if p := c.as(t, "fresh", pagetest.Get(path, "ja")); p.Header.Get("Location") != "/password" {
			t.Errorf("%s: %d to %q", path, p.Status, p.Header.Get("Location"))
		}
	}
}

func TestAnUnknownAddressIsAFriendlyPage(t *testing.T) {
	c := open(t, nil)
	for _, login := range []string{"", "guard"} {
		p := c.as(t, login, pagetest.Get("/nosuch/page", "ja"))
		p.Sound(t)
		p.Has(t, "h1", "ページが見つかりません")
		if p.Status != http.StatusNotFound {
			t.Errorf("%d", p.Status)
		}
	}
}

func TestAnErrorPageAndTheLogNameTheSameRequest(t *testing.T) {
	c := open(t, nil)
	c.entries.Break(errors.New("disk on fire"))
	p := c.as(t, "guard", pagetest.Get("/live", "ja"))
	id := p.Header.Get("X-Request-Id")
	if p.Status != http.StatusInternalServerError || len(id) != 12 {
		t.Fatalf("%d %q", p.Status, id)
	}
	p.Has(t, "dd code", id)
	if !strings.Contains(c.log.String(), "request_id="+id) || !strings.Contains(c.log.String(), "disk on fire") {
		t.Errorf("log: %s", c.log)
	}
	if strings.Contains(p.Body, "fire") {
		t.Error("the page tells what went wrong inside")
	}
}

type broken struct{ consoletest.Devices }

func (broken) Readers(context.Context, store.Actor, string) ([]device.Reader, error) {
	panic("a defect")
}

func TestAPanicIsAnErrorPage(t *testing.T) {
	c := open(t, func(k *console.Config) { k.Devices = broken{} })
	p := c.as(t, "guard", pagetest.Get("/controllers", "ja"))
	p.Sound(t)
	if p.Status != http.StatusInternalServerError || !strings.Contains(c.log.String(), "a defect") {
		t.Errorf("%d, log: %s", p.Status, c.log)
	}
}

// R111-1
func TestAHugeOrBrokenFormIsRefused(t *testing.T) {
	c := open(t, nil)
	p := c.as(t, "", pagetest.Post("/login", "login="+strings.Repeat("x", 100<<10)))
	p.Sound(t)
	if p.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("huge: %d", p.Status)
	}
	p = c.as(t, "", pagetest.Post("/login", "login=%zz"))
	p.Sound(t)
	if p.Status != http.StatusUnprocessableEntity {
		t.Errorf("broken: %d", p.Status)
	}
}

func TestWhenSessionsCannotBeReadNobodyIsLetThrough(t *testing.T) {
	c := open(t, nil)
	c.accounts.Broken = fault.New(fault.Unavailable, "db.busy", "busy")
	p := c.as(t, "guard", pagetest.Get("/live", "ja"))
	p.Sound(t)
	if p.Status != http.StatusServiceUnavailable {
		t.Errorf("%d", p.Status)
	}
}

// A card number that was typed is on no page and in no log.
func TestACardNumberLeavesNoTrace(t *testing.T) {
	c := open(t, nil)
	p := c.as(t, "manager", pagetest.Post("/cards", "label=T-9&person=S-1001&number=bits%3A32%3Adeadbeef&until=wrong"))
	if strings.Contains(p.Body, "deadbeef") || strings.Contains(c.log.String(), "deadbeef") {
		t.Error("the card number is on the page or in the log")
	}
	p.Has(t, "#e-until", "日付")
	p = c.as(t, "manager", pagetest.Post("/cards", "label=T-9&person=S-1001&number=bits%3A32%3Adeadbeef"))
	if p.Status != http.StatusSeeOther || strings.Contains(p.Header.Get("Location"), "deadbeef") {
		t.Errorf("%d to %q", p.Status, p.Header.Get("Location"))
	}
}

// A password that was typed is on no page and in no log.
func TestAPasswordLeavesNoTrace(t *testing.T) {
	c := open(t, nil)
	c.accounts.Wrong = true
	p := c.as(t, "manager", pagetest.Post("/doors/D-1/release", "reason=x&password=deadbeef"))
	if p.Status != http.StatusForbidden || strings.Contains(p.Body, "deadbeef") || strings.Contains(c.log.String(), "deadbeef") {
		t.Errorf("%d, or the password is on the page or in the log", p.Status)
	}
	p.Has(t, "#e-password", "パスワードが違います")
}

func TestNoPageShowsAnEntryToWhoMayNotReadTheLog(t *testing.T) {
	c := open(t, nil)
	c.entries.Add(entrylog.Entry{PersonName: "見えてはいけない", At: consoletest.Now, Kind: "access_granted"})
	for _, pattern := range c.console.Patterns() {
		if p := c.as(t, "contractor", sample(pattern)); strings.Contains(p.Body, "見えてはいけない") {
			t.Errorf("%s shows it", pattern)
		}
	}
}
