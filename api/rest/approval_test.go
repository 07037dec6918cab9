package rest_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"kanmon/internal/authz"
)

// R14-1: over the interface a change of a graded area is answered with 202 and the request; its applicant does not approve it, somebody else does.
// R43-1: the area is read as it was defined.
func TestAGradedAreaIsChangedByTwo(t *testing.T) {
	b := newBench(t)
	boss := b.add("boss", authz.SystemManager)
	b.want(201, "", boss, "POST", "/staff", `{"no":"S1","name":"山田","number":"4711"}`)
	b.want(201, "", boss, "POST", "/staff", `{"no":"S2","name":"委託","class":"contractor"}`)
	b.want(201, "", boss, "POST", "/areas", `{"id":"srv","name":"電子計算機室","grade":3,"record":"strict","owner":"S1","reason":"開設"}`) // set-up: only one may
	second, guard := b.add("second", authz.SecurityManager), b.add("guard", authz.Guard)

	const rules = `{"name":"電子計算機室","grade":3,"record":"strict","owner":"S1","rules":{"in_out":true,"two_person":true,"window_s":10},"reason":"二人入室"}`
	got := b.want(202, "", boss, "PUT", "/areas/srv", rules)
	id, _ := got.json["id"].(string)
	if id == "" || got.json["state"] != "pending" || got.json["kind"] != "area.change" || got.json["applicant"] != "account:boss" {
		t.Fatalf("202 with %s", got.text)
	}
	var doc document
	if err := json.Unmarshal(b.api.Spec(), &doc); err != nil {
		t.Fatal(err)
	}
	for _, content := range doc.Paths["/api/v1/areas/{id}"]["put"].Responses["202"].Content {
		for _, wrong := range doc.holds(content.Schema, any(got.json), "202") {
			t.Error(wrong)
		}
	}
	b.want(403, "auth.denied", guard, "GET", "/approvals", "")
	b.want(403, "approval.own", boss, "POST", "/approvals/"+id+"/approve", `{}`)
	if now := b.want(200, "", boss, "GET", "/areas/srv", ""); now.json["version"] != 1.0 {
		t.Errorf("applied before it was approved: %s", now.text)
	}
	b.want(200, "", second, "POST", "/approvals/"+id+"/approve", `{"note":"確認"}`)
	now := b.want(200, "", boss, "GET", "/areas/srv", "")
	if r, _ := now.json["rules"].(map[string]any); now.json["version"] != 2.0 || r["two_person"] != true || r["window_s"] != 10.0 {
		t.Errorf("approved and not applied: %s", now.text)
	}
	b.want(409, "approval.decided", second, "POST", "/approvals/"+id+"/refuse", `{"note":"x"}`)
	b.want(422, "area.needs_exit", boss, "PUT", "/areas/srv", `{"name":"x","grade":3,"record":"strict","owner":"S1","rules":{"most":3},"reason":"x"}`)
	b.want(422, "area.escort_staff", boss, "POST", "/rights", `{"person":"S2","area":"srv","escort":true}`)

	many := b.want(202, "", boss, "POST", "/rights/many", `{"items":[{"person":"S1","area":"srv","escort":true,"first":true},{"person":"S2","area":"srv"}],"reason":"異動"}`)
	grade := b.want(202, "", boss, "PUT", "/grades/1", `{"factors":"pin","trust":"number","reason":"窓口"}`)
	body, _ := json.Marshal(map[string]any{"ids": []any{many.json["id"], grade.json["id"]}})
	b.want(200, "", second, "POST", "/approvals/approve", string(body))
	if got := b.want(200, "", boss, "GET", "/rights?area=srv", ""); len(got.json["items"].([]any)) != 2 {
		t.Errorf("rights %s", got.text)
	}
	if got := b.want(200, "", boss, "GET", "/approvals?state=pending", ""); len(got.json["items"].([]any)) != 0 {
		t.Errorf("pending %s", got.text)
	}
	locked := b.want(http.StatusOK, "", guard, "POST", "/areas/srv/lockdown", `{"reason":"不審者"}`)
	if l, _ := locked.json["lockdown"].(map[string]any); l["on"] != true || l["by"] != "account:guard" {
		t.Errorf("lockdown %s", locked.text)
	}
	b.want(403, "auth.denied", guard, "POST", "/areas/srv/lift", `{"reason":"x"}`)
	b.want(200, "", second, "POST", "/areas/srv/lift", `{"reason":"確認"}`)
}
