package browser

import (
	"strings"
	"testing"

	"kanmon/firmware-sim/control"
)

// R43-2: a door is forced while the guard looks at the empty list of alarms. It appears by itself, with the figure in the header; the guard
// acknowledges it with one tap and closes it with a note.
func TestAForcedDoorAppearsAndTheGuardAcknowledgesAndClosesIt(t *testing.T) {
	d := sit(t)
	d.login(guard)
	d.Open(d.City.URL() + "/alarms")
	d.Do(control.Request{Op: control.Open, Door: "D-1"})
	d.Await("the alarm", `document.querySelectorAll("table.alarms tr.open").length === 1`)
	if got := d.Text("table.alarms tbody tr"); !strings.Contains(got, "こじ開け") || !strings.Contains(got, "緊急") || !strings.Contains(got, "未確認") {
		t.Errorf("the row says %q", got)
	}
	if got := d.Text("#badge-alarms"); !strings.Contains(got, "1") {
		t.Errorf("the header says %q", got)
	}
	d.Submit("table.alarms form button")
	if got := d.Text("table.alarms tbody tr"); !strings.Contains(got, "対応中") || !strings.Contains(got, guard) {
		t.Errorf("after the tap the row says %q", got)
	}
	d.answered(func() { d.Click("table.alarms .do a") })
	d.Type("#f-note", "清掃業者。鍵の使い方を説明した")
	d.Submit("main form .actions button")
	if got := d.Text("main"); !strings.Contains(got, "清掃業者。鍵の使い方を説明した") || !strings.Contains(got, "終了") {
		t.Errorf("after it was closed the page says %q", got)
	}
	d.Open(d.City.URL() + "/alarms")
	if got := d.Text("main"); !strings.Contains(got, "対応が必要な警報はありません") {
		t.Errorf("the list says %q", got)
	}
	d.Open(d.City.URL() + "/alarms?state=closed")
	if got := d.Text("table.alarms tbody tr"); !strings.Contains(got, "清掃業者") {
		t.Errorf("the closed ones say %q", got)
	}
	d.clean()
}
