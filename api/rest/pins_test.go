package rest_test

import (
	"encoding/json"
	"strings"
	"testing"

	"kanmon/internal/authz"
)

// R44-1, R44-3: the PIN is in the answer to who had it drawn, and neither in the database, nor in the log, nor in any later answer.
func TestAPINIsInOneAnswerOnly(t *testing.T) {
	b := newBench(t)
	boss, guard := b.add("boss", authz.SystemManager), b.add("guard", authz.Guard)
	town(b, boss)
	b.want(403, "auth.denied", guard, "POST", "/staff/S1/pins", `{"reason":"新規"}`)
	b.want(403, "auth.denied", guard, "GET", "/staff/S1/pins", "")
	made := b.want(201, "", boss, "POST", "/staff/S1/pins", `{"area":"srv","digits":8,"duress":true,"reason":"新規"}`)
	drawn, _ := made.json["pin"].(string)
	threat, _ := made.json["duress_pin"].(string)
	if len(drawn) != 8 || len(threat) != 8 || drawn == threat || made.json["standing"] != "good" || made.json["id"] != "S1/srv" {
		t.Fatalf("%s", made.text)
	}
	later := b.want(200, "", boss, "GET", "/staff/S1/pins", "").text + b.want(200, "", boss, "GET", "/staff/S1/pins/log", "").text +
		b.want(200, "", boss, "GET", "/pins", "").text + b.want(200, "", boss, "DELETE", "/staff/S1/pins?area=srv&reason=leaked", "").text
	for _, secret := range []string{drawn, threat} {
		if strings.Contains(later+b.log.String()+databaseText(t, b), secret) {
			t.Error("a PIN is found again")
		}
	}
}

func TestPINsAreSetWithdrawnAndLogged(t *testing.T) {
	b := newBench(t)
	boss := b.add("boss", authz.SystemManager)
	town(b, boss)
	var doc document
	if err := json.Unmarshal(b.api.Spec(), &doc); err != nil {
		t.Fatal(err)
	}
	as := func(got reply, method, path, status string) {
		t.Helper()
		for _, content := range doc.Paths["/api/v1"+path][method].Responses[status].Content {
			for _, wrong := range doc.holds(content.Schema, any(got.json), method+" "+path) {
				t.Error(wrong)
			}
		}
	}
	if made := b.want(201, "", boss, "POST", "/staff/S1/pins", `{"reason":"新規"}`); len(made.json["pin"].(string)) != 4 || made.json["duress_pin"] != nil {
		t.Errorf("%s", made.text)
	} else {
		as(made, "post", "/staff/{id}/pins", "201")
	}
	as(b.want(201, "", boss, "POST", "/staff/S1/pins", `{"area":"srv","duress":true,"reason":"新規"}`), "post", "/staff/{id}/pins", "201")
	as(b.want(200, "", boss, "GET", "/staff/S1/pins", ""), "get", "/staff/{id}/pins", "200")
	as(b.want(200, "", boss, "DELETE", "/staff/S1/pins?reason=leaked", ""), "delete", "/staff/{id}/pins", "200")
	as(b.want(200, "", boss, "GET", "/pins", ""), "get", "/pins", "200")
	log := b.want(200, "", boss, "GET", "/staff/S1/pins/log", "")
	as(log, "get", "/staff/{id}/pins/log", "200")
	var lines []string
	for _, item := range log.json["items"].([]any) {
		line, _ := item.(map[string]any)
		lines = append(lines, line["state"].(string)+" "+line["reason"].(string)+" "+line["actor"].(string))
	}
	if got := strings.Join(lines, ", "); got != "withdrawn leaked account:boss, set 新規 account:boss, set 新規 account:boss" {
		t.Errorf("%s", got)
	}
	b.want(409, "pin.withdrawn", boss, "DELETE", "/staff/S1/pins?reason=leaked", "")
	b.want(404, "staff.unknown", boss, "GET", "/staff/S9/pins", "")
	b.want(404, "area.unknown_area", boss, "POST", "/staff/S1/pins", `{"area":"moon","reason":"x"}`)
	b.want(422, "request.form", boss, "POST", "/staff/S1/pins", `{"digits":3,"reason":"x"}`)
	b.want(422, "request.form", boss, "POST", "/staff/S1/pins", `{"pin":"4711","reason":"x"}`) // nobody but the holder chooses one
}
