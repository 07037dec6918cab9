package browser

import (
	"net/http"
	"strings"
	"testing"
)

// second approves what the manager asks for.
const second = "shonin"

// R14-1, R43-1: a manager asks on the console that nobody be in the server room alone, and is not offered to approve it. Another
// approves it, and the door no longer opens for one person alone.
func TestATwoPersonRuleIsAskedForByOneAndApprovedByAnother(t *testing.T) {
	d := sit(t)
	d.AwaitDoors()
	d.exitReader()
	d.AwaitDoors()
	d.login(manager)
	d.Open(d.City.URL() + "/areas/server-room/edit")
	d.Click("#f-two_person")
	d.Type("#f-reason", "一人での作業を禁止")
	d.Submit("main form .actions button")
	if got := d.Text("#e-two_person"); !strings.Contains(got, "両側に読取機") {
		t.Errorf("beside the rule that needs an exit the page says %q", got)
	}
	d.Click("#f-in_out")
	d.Submit("main form .actions button")
	request := d.Path()
	if !strings.HasPrefix(request, "/approvals/") || !strings.Contains(d.Text(".act"), "自分の申請は承認できません") {
		t.Fatalf("after the change the page at %s says %q", request, d.Text("main"))
	}
	var offered int
	d.Eval(`document.querySelectorAll('form[action$="/approve"]').length`, &offered)
	if offered != 0 {
		t.Error("the applicant is offered to approve")
	}

	d.Submit(".head form[action='/logout'] button")
	d.login(second)
	d.Open(d.City.URL() + request)
	if got := d.Text(".changes"); !strings.Contains(got, "二人で入る") {
		t.Errorf("the request shows %q", got)
	}
	d.Submit(`form[action$="/approve"] .actions button`)
	if got := d.Text("[role=status]"); !strings.Contains(got, "反映しました") {
		t.Fatalf("after the approval the page says %q", got)
	}
	d.AwaitDoors()
	if a := d.Tap("IN-1", "田中"); a.Released {
		t.Errorf("one person alone got %+v", a)
	}
	d.Open(d.City.URL() + "/areas/server-room")
	if got := d.Text("main"); !strings.Contains(got, "kanri") || !strings.Contains(got, "shonin") || !strings.Contains(got, "一人だけで中にいることはできません") {
		t.Errorf("the area's page does not name both people and the rule: %q", got)
	}
	d.clean("422") // the rule without an exit
}

// exitReader gives the server room's door a reader on the way out, as two people do.
func (d desk) exitReader() {
	d.t.Helper()
	d.make("readers", map[string]any{"name": "OUT-1", "controller": "ctl-1", "kind": "osdp_reader", "address": 9})
	var made struct{ ID string }
	err := d.Client().Call(d.t.Context(), http.MethodPut, "doors/D-1", map[string]any{
		"name": "電子計算機室 入口", "area": "server-room", "controller": "ctl-1", "entry_readers": []string{"IN-1"}, "exit_readers": []string{"OUT-1"},
		"release_ms": 3000, "held_ms": 20000, "reason": "退室側の読取機",
	}, &made)
	if err != nil || made.ID == "" {
		d.t.Fatalf("change the door: %q, %v", made.ID, err)
	}
	c, err := d.City.Client()
	if err != nil {
		d.t.Fatal(err)
	}
	defer c.Close()
	if err := c.Login(d.t.Context(), second, d.password(second)); err != nil {
		d.t.Fatal(err)
	}
	if err := c.Call(d.t.Context(), http.MethodPost, "approvals/"+made.ID+"/approve", map[string]any{}, nil); err != nil {
		d.t.Fatal(err)
	}
}
