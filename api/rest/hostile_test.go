package rest_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"kanmon/internal/authz"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
)

// hostile is what nobody types by accident.
func hostile() []string {
	return []string{
		"\x00", "a\x00b", "\xff\xfe", "\xc0\xae", "\u202e", "\u2028", "' OR 1=1--", `"; DROP TABLE staff;--`, "%", "_", `\`, "../../etc/passwd",
		"%s%n", "<script>", "=1+1", "\r\nSet-Cookie: a=b", strings.Repeat("山", 64), "\U0001F510", "e\u0301", "\ufeff", "-1", "9223372036854775808",
	}
}

// R111-1: whatever a caller puts into an address, a query or a body is answered as his mistake or as nothing found,
// alike on both databases, never as ours.
func TestHostileInputIsNeverAnInternalError(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBenchOn(t, d)
		boss := b.add("boss", authz.SystemManager)
		check := func(method, path, body string) {
			t.Helper()
			if got := b.call(boss, method, path, body); got.status >= 500 {
				t.Errorf("%s %q %q: %d %s", method, path, body, got.status, got.text)
			}
		}
		for _, h := range hostile() {
			segment, query := url.PathEscape(h), url.QueryEscape(h)
			for _, path := range []string{"/staff/", "/cards/", "/accounts/"} {
				check("GET", path+segment, "")
			}
			for _, path := range []string{
				"/staff?query=", "/staff?after=", "/cards?query=", "/cards?person=", "/cards?state=", "/cards?after=", "/cards?as_of=",
				"/rights?person=", "/rights?area=", "/rights?after=", "/events?door=", "/events?area=", "/events?person=", "/events?kind=", "/presence?area=",
				"/pins?after=", "/events?limit=", "/events?after=", "/readers?controller=", "/revocations?card=", "/revocations?before_epoch=", "/revocations/1/", "/revocations/",
			} {
				check("GET", path+query, "")
			}
			check("DELETE", "/rights/"+segment+"?reason="+query, "")
			check("DELETE", "/rights/x?reason="+query, "")
			check("DELETE", "/staff/x/pins?reason=x&area="+query, "")
			check("GET", "/staff/"+segment+"/pins/log", "")
			check("PUT", "/accounts/"+segment+"/roles", `{"roles":["guard"]}`)
			check("POST", "/accounts/"+segment+"/disable", "")
			for path, body := range map[string]map[string]any{
				"/session":       {"login": h, "password": h},
				"/setup":         {"token": h, "login": h, "password": h},
				"/staff":         {"no": h, "name": h, "kana": h, "section": h},
				"/areas":         {"id": h, "name": h, "grade": 1, "record": "strict"},
				"/schedules":     {"id": h, "name": h, "windows": []any{}},
				"/controllers":   {"name": h, "place": h},
				"/readers":       {"name": "IN-9", "controller": h, "kind": "osdp_reader", "address": 1},
				"/doors":         {"id": "D-9", "name": "d", "area": h, "controller": h, "entry_readers": []string{"IN-1"}, "release_ms": 3000, "held_ms": 10000},
				"/rights":        {"person": h, "area": h, "schedule": h},
				"/cards":         {"label": "K-9", "person": h, "credential": "bits:26:bdd93740"},
				"/accounts":      {"login": "taro", "staff": h, "roles": []string{h}, "password": h},
				"/presence/hand": {"person": h, "area": h, "inside": true, "reason": h},
				"/enrol":         {"controller": h, "token": h, "csr": h, "box_key": h},
				"/enrol/renew":   {"csr": h},

				"/staff/" + segment + "/pins":         {"area": h, "reason": h},
				"/cards/" + segment + "/revoke":       {"reason": h},
				"/cards/" + segment + "/suspend":      {"reason": h, "lost_at": h},
				"/cards/" + segment + "/lift":         {"reason": h},
				"/controllers/" + segment + "/token":  {},
				"/controllers/" + segment + "/revoke": {"reason": h},
				"/doors/" + segment + "/release":      {"password": password, "reason": h},
				"/areas/" + segment + "/forget":       {"password": password, "reason": h, "person": h},
			} {
				text, err := json.Marshal(body)
				if err != nil {
					t.Fatal(err)
				}
				check("POST", path, string(text))
			}
		}
	})
}
