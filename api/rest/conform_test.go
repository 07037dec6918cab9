package rest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kanmon/internal/access"
	"kanmon/internal/authz"
)

// document reads the OpenAPI document the way another program would.
type document struct {
	Paths      map[string]map[string]operation
	Components struct{ Schemas map[string]schema }
}

type operation struct {
	Responses map[string]struct {
		Content map[string]struct{ Schema schema }
	}
}

type schema struct {
	Ref        string `json:"$ref"`
	Type       string
	Required   []string
	Properties map[string]schema
	Items      *schema
	Enum       []any
}

// holds says where a value is not what the schema promises.
func (d document) holds(s schema, v any, at string) (wrong []string) {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		s = d.Components.Schemas[name]
	}
	switch v := v.(type) {
	case map[string]any:
		for _, key := range s.Required {
			if _, ok := v[key]; !ok {
				wrong = append(wrong, at+"."+key+" is missing")
			}
		}
		for key, value := range v {
			inner, ok := s.Properties[key]
			if !ok {
				wrong = append(wrong, at+"."+key+" is not described")
				continue
			}
			wrong = append(wrong, d.holds(inner, value, at+"."+key)...)
		}
	case []any:
		if s.Items == nil {
			return []string{at + " is a list"}
		}
		for i, value := range v {
			wrong = append(wrong, d.holds(*s.Items, value, fmt.Sprintf("%s[%d]", at, i))...)
		}
	default:
		want := map[string]string{"string": "string", "integer": "float64", "number": "float64", "boolean": "bool"}[s.Type]
		if got := fmt.Sprintf("%T", v); got != want || (s.Enum != nil && !slices.Contains(s.Enum, v)) {
			wrong = append(wrong, fmt.Sprintf("%s is %v, want %s %v", at, v, s.Type, s.Enum))
		}
	}
	return wrong
}

// A little city is entered through the interface and read back; every answer is as the document describes it.
func TestEveryAnswerIsAsDescribed(t *testing.T) {
	b := newBench(t)
	boss := b.add("boss", authz.SystemManager)
	var doc document
	if err := json.Unmarshal(b.api.Spec(), &doc); err != nil {
		t.Fatal(err)
	}
	do := func(status int, method, path, template, body string) reply {
		t.Helper()
		got := b.want(status, "", boss, method, path, body)
		answers := doc.Paths["/api/v1"+template][strings.ToLower(method)].Responses[strconv.Itoa(status)].Content
		if len(answers) != 1 {
			t.Fatalf("%s %s: the document has %d answers with %d", method, template, len(answers), status)
		}
		for _, content := range answers {
			for _, wrong := range doc.holds(content.Schema, any(got.json), method+" "+template) {
				t.Error(wrong)
			}
		}
		return got
	}
	for _, c := range []struct{ path, body string }{
		{"/staff", `{"no":"S1","name":"山田","kana":"ヤマダ","section":"総務","from":"2026-04-01T00:00:00+09:00","until":"2099-03-31T15:00:00Z"}`},
		{"/areas", `{"id":"srv","name":"電子計算機室","grade":3,"record":"strict","owner":"S1"}`},
		{"/schedules", `{"id":"day","name":"日中","windows":[{"day":1,"from":480,"until":1080}]}`},
		{"/controllers", `{"name":"ctl-1","place":"1F"}`},
		{"/readers", `{"name":"IN-1","controller":"ctl-1","kind":"osdp_reader","address":1}`},
		{"/readers", `{"name":"OUT-1","controller":"ctl-1","kind":"osdp_reader","address":2}`},
		{"/doors", `{"id":"D-1","name":"計算機室","area":"srv","controller":"ctl-1","entry_readers":["IN-1"],"exit_readers":["OUT-1"],"release_ms":3000,"held_ms":10000}`},
		{"/rights", `{"person":"S1","area":"srv","schedule":"day","until":"2099-03-31T15:00:00Z"}`},
		{"/cards", `{"label":"K-1","person":"S1","credential":"bits:26:bdd93740","from":"2026-04-01T00:00:00Z"}`},
		{"/accounts", `{"login":"hana","staff":"S1","roles":["guard"],"password":"` + password + `"}`},
	} {
		do(http.StatusCreated, "POST", c.path, c.path, c.body)
	}
	for _, path := range []string{
		"/staff", "/areas", "/schedules", "/controllers", "/readers", "/doors", "/rights", "/cards", "/accounts", "/events", "/presence", "/revocations",
		"/session", "/version", "/healthz",
	} {
		do(http.StatusOK, "GET", path, path, "")
	}
	b.want(204, "", boss, "POST", "/presence/hand", `{"person":"S1","area":"srv","inside":true,"reason":"カード忘れ"}`)
	inside := do(http.StatusOK, "GET", "/presence?area=srv", "/presence", "")
	if !strings.Contains(inside.text, `"inside":1,`) || !strings.Contains(inside.text, `"evidence":"hand"`) {
		t.Errorf("who is inside: %s", inside.text)
	}
	b.want(409, "presence.not_inside", boss, "POST", "/presence/hand", `{"person":"S2","area":"srv","inside":false,"reason":"退室"}`)
	member := do(http.StatusOK, "GET", "/staff/S1", "/staff/{id}", "")
	if member.json["from"] != "2026-03-31T15:00:00Z" || member.json["until"] != "2099-03-31T15:00:00Z" {
		t.Errorf("validity came back as %s", member.text)
	}
	do(http.StatusOK, "GET", "/accounts/hana", "/accounts/{id}", "")
	do(http.StatusOK, "PUT", "/accounts/hana/roles", "/accounts/{id}/roles", `{"roles":["auditor"]}`)
	do(http.StatusOK, "POST", "/accounts/hana/disable", "/accounts/{id}/disable", "")
	do(http.StatusOK, "POST", "/accounts/hana/enable", "/accounts/{id}/enable", "")
	do(http.StatusCreated, "POST", "/session", "/session", `{"login":"hana","password":"`+password+`"}`)

	do(http.StatusCreated, "POST", "/controllers/ctl-1/token", "/controllers/{name}/token", "")
	enrolled(b, "ctl-1")
	do(http.StatusCreated, "POST", "/enrol", "/enrol", enrolBody())
	do(http.StatusOK, "POST", "/enrol/renew", "/enrol/renew", `{"csr":"AAAA"}`)
	card, _ := b.want(200, "", boss, "GET", "/cards", "").json["items"].([]any)[0].(map[string]any)["id"].(string)
	for n, action := range []string{"suspend", "lift", "revoke"} {
		do(http.StatusOK, "POST", "/cards/"+card+"/"+action, "/cards/{id}/"+action, `{"reason":"紛失"}`)
		if n < 2 {
			confirm(b, "ctl-1", access.Version{Epoch: 1, N: uint64(n) + 1})
		}
		do(http.StatusOK, "GET", fmt.Sprintf("/revocations/1/%d", n+1), "/revocations/{epoch}/{n}", "")
	}
	do(http.StatusOK, "GET", "/revocations", "/revocations", "")
	do(http.StatusOK, "GET", "/controllers", "/controllers", "")
	do(http.StatusOK, "POST", "/doors/D-1/release", "/doors/{id}/release", `{"password":"`+password+`","reason":"救急隊"}`)
	do(http.StatusOK, "POST", "/areas/server-room/forget", "/areas/{id}/forget", `{"password":"`+password+`","reason":"救急隊"}`)

	right, _ := b.want(200, "", boss, "GET", "/rights", "").json["items"].([]any)[0].(map[string]any)["id"].(string)
	b.want(422, "request.form", boss, "DELETE", "/rights/"+right, "")
	b.want(204, "", boss, "DELETE", "/rights/"+right+"?reason=moved", "")
	if got := b.want(200, "", boss, "GET", "/rights", ""); len(got.json["items"].([]any)) != 0 {
		t.Errorf("the right is still there: %s", got.text)
	}
	if len(doc.Paths) < 20 || !slices.Contains(slices.Collect(maps.Keys(doc.Paths)), "/api/v1/cards") {
		t.Errorf("the document has %d paths", len(doc.Paths))
	}
}
