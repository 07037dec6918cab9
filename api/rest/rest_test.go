package rest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"kanmon/internal/authz"
	"kanmon/internal/store"
	"kanmon/lifecycle/account"
)

// R101-1: every route has a row in the table of rights and every row a route, and each role gets exactly what
// its row says. The routes come from the router itself.
func TestEveryRouteAnswersEveryRoleByItsRow(t *testing.T) {
	b := newBench(t)
	tokens := map[authz.Role]string{}
	for _, role := range authz.Roles() {
		tokens[role] = b.add(strings.ReplaceAll(string(role), "_", "-"), role)
	}
	b.add("keeper", authz.SystemManager)
	for _, pattern := range b.api.Patterns() {
		need, ok := authz.NeedOf(pattern)
		if !ok {
			t.Errorf("%s has no row in internal/authz", pattern)
			continue
		}
		method, path, _ := strings.Cut(pattern, " ")
		path = strings.NewReplacer("/api/v1", "", "{id}", "nothing", "{name}", "nothing", "{epoch}", "1", "{n}", "1").Replace(path)
		if need.IsPublic() {
			continue // judged by the tests of each
		}
		if got := b.call("", method, path, ""); got.status != 401 {
			t.Errorf("%s without a session: %d", pattern, got.status)
		}
		if got := b.call("x", method, path, ""); got.status != 401 {
			t.Errorf("%s with a wrong token: %d", pattern, got.status)
		}
		for role, token := range tokens {
			if pattern == "DELETE /api/v1/session" {
				continue // it would end the session of this test
			}
			got := b.call(token, method, path, "").status
			if refused := got == 401 || got == 403; refused == need.Allows([]authz.Role{role}) || (refused && got != 403) {
				t.Errorf("%s as %s: %d, needs %s", pattern, role, got, need)
			}
		}
	}
}

func TestEveryRowOfTheInterfaceIsServed(t *testing.T) {
	served := newBench(t).api.Patterns()
	for _, r := range authz.Routes() {
		if strings.Contains(r.Pattern, " /api/") && !slices.Contains(served, r.Pattern) {
			t.Errorf("internal/authz has a row for %s, which nobody serves", r.Pattern)
		}
	}
}

// R111-1: input is checked for range and form before it reaches a register.
func TestInputOutOfFormIsRefusedAndNamed(t *testing.T) {
	b := newBench(t)
	boss := b.add("boss", authz.SystemManager)
	for _, c := range []struct{ path, body, location string }{
		{"/staff", `{"name":"山田","bogus":1}`, "body.bogus"},
		{"/staff", `{"name":"` + strings.Repeat("山", 65) + `"}`, "body.name"},
		{"/staff", `{}`, "body"},
		{"/staff", `{"name":null}`, "body.name"},
		{"/staff", `{"name":"a","from":"yesterday"}`, "body.from"},
		{"/staff", `{"name":"a","name":"b"}`, "body"},
		{"/staff", `{"name":"a","Name":"b"}`, "body"},
		{"/staff", `{"name":"a"} {}`, "body"},
		{"/staff", `{"name":"a"`, "body"},
		{"/staff", `[]`, "body"},
		{"/staff", strings.Repeat(`{"name":`, 200) + `1` + strings.Repeat(`}`, 200), "body"},
		{"/staff", "", "body"},
		{"/areas", `{"id":"a","name":"a","grade":4,"record":"strict"}`, "body.grade"},
		{"/areas", `{"id":"a","name":"a","grade":1,"record":"sometimes"}`, "body.record"},
		{"/doors", `{"id":"d","name":"d","area":"a","controller":"c","entry_readers":null,"release_ms":100,"held_ms":1}`, "body.entry_readers"},
		{"/readers", `{"name":"r","controller":"c","kind":"osdp_reader","address":127}`, "body.address"},
		{"/schedules", `{"id":"s","name":"s","windows":[{"day":8,"from":0,"until":1}]}`, "body.windows[0].day"},
		{"/schedules", `{"id":"s","name":"s","windows":[],"special":[{"date":"28 March"}]}`, "body.special[0].date"},
	} {
		got := b.call(boss, "POST", c.path, c.body)
		if (got.status != 422 && got.status != 400) || !strings.Contains(got.text, `"location":"`+c.location) && c.body != "" {
			t.Errorf("POST %s %.60s: %d %s", c.path, c.body, got.status, got.text)
		}
	}
	for _, query := range []string{"?limit=501", "?limit=-1", "?limit=x", "?bogus=1", "?after=-1"} {
		if got := b.call(boss, "GET", "/events"+query, ""); got.status != 422 {
			t.Errorf("GET /events%s: %d", query, got.status)
		}
	}
	b.want(404, "route.not_found", boss, "GET", "/nowhere", "")
	if got := b.call(boss, "PATCH", "/staff", "{}"); got.status != 405 {
		t.Errorf("PATCH /staff: %d", got.status)
	}
}

func TestABodyOverTheLimitIsRefused(t *testing.T) {
	b := newBench(t)
	boss := b.add("boss", authz.SystemManager)
	huge := `{"name":"` + strings.Repeat("a", 10<<20) + `"}`
	b.want(413, "request.too_large", boss, "POST", "/staff", huge)
	b.want(413, "request.too_large", "", "POST", "/session", huge)
	b.want(401, "auth.session", "", "POST", "/staff", huge) // who it is comes first
}

func TestAnswersNeverRepeatWhatWasSent(t *testing.T) {
	b := newBench(t)
	const secret = "Zx9-very-secret-Zx9"
	for _, body := range []string{
		`{"login":"boss","password":"` + secret + `","bogus":"` + secret + `"}`,
		`{"login":5,"password":"` + secret + `"}`,
		`{"login":"boss","password":["` + secret + `"]}`,
		`{"login":"boss","password":"` + secret,
		`"` + secret + `"`,
		`{"login":"boss","password":"` + secret + strings.Repeat("x", 1100) + `"}`,
	} {
		got := b.call("", "POST", "/session", body)
		if got.status < 400 || strings.Contains(got.text, secret) {
			t.Errorf("%.50s: %d %s", body, got.status, got.text)
		}
	}
	if strings.Contains(b.log.String(), secret) {
		t.Error("the log has it")
	}
}

// R104-1: a wrong password is answered like an unknown name, and many of them have to wait.
func TestAWrongPasswordIsRefused(t *testing.T) {
	b := newBench(t)
	b.add("boss", authz.SystemManager)
	wrong := b.want(401, "auth.login", "", "POST", "/session", `{"login":"boss","password":"wrong"}`)
	unknown := b.want(401, "auth.login", "", "POST", "/session", `{"login":"nobody","password":"wrong"}`)
	if wrong.text != unknown.text {
		t.Errorf("answers differ:\n%s\n%s", wrong.text, unknown.text)
	}
	for range 3 {
		b.want(401, "auth.login", "", "POST", "/session", `{"login":"boss","password":"wrong"}`)
	}
	got := b.want(429, "", "", "POST", "/session", `{"login":"boss","password":"`+password+`"}`)
	if got.header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q", got.header.Get("Retry-After"))
	}
}

func TestTheBootstrapTokenWorksOnce(t *testing.T) {
	b := newBench(t)
	token, _, err := b.accounts.Bootstrap(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	body := fmt.Sprintf(`{"token":%q,"login":"yamada","password":%q}`, token.Reveal(), password)
	b.want(401, "account.bootstrap", "", "POST", "/setup", strings.Replace(body, token.Reveal()[:4], "AAAA", 1))
	got := b.want(201, "", "", "POST", "/setup", body)
	if got.json["login"] != "yamada" || strings.Contains(got.text, password) {
		t.Errorf("answer %s", got.text)
	}
	b.want(401, "account.bootstrap", "", "POST", "/setup", strings.Replace(body, "yamada", "second", 1))
}

// R101-1: a disabled account is out at its next request.
func TestADisabledAccountIsOutInTheMiddleOfItsSession(t *testing.T) {
	b := newBench(t)
	boss, taro := b.add("boss", authz.SystemManager), b.add("taro", authz.Operator)
	b.want(200, "", taro, "GET", "/staff", "")
	b.want(200, "", boss, "POST", "/accounts/taro/disable", "")
	b.want(401, "auth.session", taro, "GET", "/staff", "")
	b.want(401, "auth.login", "", "POST", "/session", `{"login":"taro","password":"`+password+`"}`)
}

// R79-1: who has a password chosen by somebody else can do nothing but change it.
func TestATemporaryPasswordMustBeChangedFirst(t *testing.T) {
	b := newBench(t)
	boss := b.add("boss", authz.SystemManager)
	b.want(201, "", boss, "POST", "/accounts", `{"login":"hana","roles":["guard"],"password":"`+password+`"}`)
	login := b.want(201, "", "", "POST", "/session", `{"login":"hana","password":"`+password+`"}`)
	hana, _ := login.json["token"].(string)
	if login.header.Get("Cache-Control") != "no-store" || login.json["must_change"] != true {
		t.Errorf("log-in answered %s", login.text)
	}
	b.want(200, "", hana, "GET", "/session", "")
	b.want(403, "auth.must_change", hana, "GET", "/staff", "")
	changed := b.want(201, "", hana, "POST", "/session/password", `{"old":"`+password+`","new":"a phrase of her own"}`)
	b.want(401, "auth.session", hana, "GET", "/staff", "")
	fresh, _ := changed.json["token"].(string)
	b.want(200, "", fresh, "GET", "/staff", "")
	b.want(204, "", fresh, "DELETE", "/session", "")
	b.want(401, "auth.session", fresh, "GET", "/staff", "")
}

// A card number is hashed at once: it is in no answer, no log, and nowhere in the database.
func TestACardNumberIsNeverKeptLoggedOrAnswered(t *testing.T) {
	b := newBench(t)
	boss := b.add("boss", authz.SystemManager)
	b.want(201, "", boss, "POST", "/staff", `{"no":"S1","name":"山田"}`)
	const number = "bits:64:0123456789abcdef"
	body := `{"label":"K-1","person":"S1","credential":"` + number + `"}`
	answers := []reply{
		b.want(201, "", boss, "POST", "/cards", body),
		b.want(409, "card.credential_taken", boss, "POST", "/cards", strings.Replace(body, "K-1", "K-2", 1)),
		b.want(422, "credential.length", boss, "POST", "/cards", strings.Replace(body, ":64:", ":80:", 1)),
		b.want(422, "credential.hex", boss, "POST", "/cards", strings.Replace(body, number, number+"zz", 1)),
		b.want(200, "", boss, "GET", "/cards", ""),
	}
	var dump strings.Builder
	for _, a := range answers {
		dump.WriteString(a.text)
	}
	dump.WriteString(b.log.String())
	dump.WriteString(databaseText(t, b))
	for _, form := range []string{"0123456789abcdef", "0123456789ABCDEF", "\x01\x23\x45\x67\x89\xab\xcd\xef", "81985529216486895"} {
		if strings.Contains(dump.String(), form) {
			t.Errorf("the card number is found as %q", form)
		}
	}
	if !strings.Contains(dump.String(), "K-1") {
		t.Error("the search finds nothing: not even the label")
	}
}

func TestListsArePagedAndEmptyListsAreLists(t *testing.T) {
	b := newBench(t)
	boss := b.add("boss", authz.SystemManager)
	for _, path := range []string{"/staff", "/areas", "/schedules", "/doors", "/rights", "/controllers", "/readers", "/cards", "/revocations", "/events"} {
		if got := b.want(200, "", boss, "GET", path, ""); strings.TrimSpace(got.text) != `{"items":[]}` {
			t.Errorf("GET %s: %s", path, got.text)
		}
	}
	for i := range 3 {
		b.want(201, "", boss, "POST", "/staff", fmt.Sprintf(`{"no":"S%d","name":"職員%d"}`, i, i))
	}
	got := b.want(200, "", boss, "GET", "/staff?limit=1&after=S0", "")
	if items, _ := got.json["items"].([]any); len(items) != 1 || !strings.Contains(got.text, `"S1"`) {
		t.Errorf("second page: %s", got.text)
	}
}

func TestTheServiceSaysWhatItIs(t *testing.T) {
	b := newBench(t)
	b.want(200, "", "", "GET", "/healthz", "")
	got := b.want(200, "", "", "GET", "/version", "")
	if got.json["site"] != "demo" || got.json["software"] != "test" {
		t.Errorf("version %s", got.text)
	}
}

// An account whose roles were edited in the database to "system" gains nothing.
func TestTheSystemsRoleCannotBeHeld(t *testing.T) {
	b := newBench(t)
	_, err := b.accounts.Add(t.Context(), store.System("test"), account.Details{
		ID: "sly", Roles: []authz.Role{authz.System}, Password: account.NewPassword(password),
	})
	if err == nil {
		t.Fatal("an account holds the system's role")
	}
}
