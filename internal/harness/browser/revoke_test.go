package browser

import (
	"regexp"
	"strings"
	"testing"

	"kanmon/internal/harness"
)

// line of a receipt's table, one a controller.
type line struct {
	Open bool // red: not confirmed
	Text string
}

// lines of the receipt, from the top.
func (d desk) lines() []line {
	d.t.Helper()
	var all []line
	d.Eval(`[...document.querySelectorAll("table.steps tbody tr")].map(r => ({Open: r.classList.contains("open"), Text: r.innerText}))`, &all)
	return all
}

// R76-2, R75-3: a manager revokes a lost card with one form while one of two controllers is cut off. The page shows it red, with the moment
// from which it refuses by itself; when it is back the page turns green without being asked, and the card's next tap there is refused.
func TestRevokedCardIsRedForTheCutOffDoorAndGreenWhenItReturns(t *testing.T) {
	d := sit(t, harness.Proxied())
	d.StartFleet(1)
	if a := d.Tap("IN-1", "佐藤"); !a.Released {
		t.Fatalf("before the loss the card got %+v", a)
	}
	card := d.Card("佐藤")
	d.login(manager)
	d.Open(d.City.URL() + "/cards/" + card)
	d.Proxy.Partition()
	if a := d.Tap("IN-1", "鈴木"); !a.Released {
		t.Errorf("a cut-off door decides by itself, but the card got %+v", a)
	}
	d.Type("#f-reason", "紛失")
	d.Submit("form button.danger")
	if !strings.HasPrefix(d.Path(), "/revocations/") {
		t.Fatalf("after the revocation the browser is at %s:\n%s", d.Address(), d.Text("main"))
	}

	d.Await("the other controller's word", `document.querySelectorAll("table.steps tbody tr:not(.open)").length === 1`)
	lines := d.lines()
	if len(lines) != 2 || !lines[0].Open || lines[1].Open || !strings.Contains(lines[0].Text, "ctl-1") || !strings.Contains(lines[1].Text, "fleet-001") {
		t.Fatalf("the receipt shows %+v, want ctl-1 open above fleet-001 confirmed", lines)
	}
	if !strings.Contains(lines[0].Text, "未確認") || !leaseEnd.MatchString(lines[0].Text) {
		t.Errorf("the cut-off controller's line does not say when its lease ends: %q", lines[0].Text)
	}
	if !strings.Contains(lines[1].Text, "確認済み") || strings.Count(lines[1].Text, "ミリ秒") < 2 || !strings.Contains(lines[1].Text, "署名の鍵") {
		t.Errorf("the other's line does not say when it confirmed, and with which key: %q", lines[1].Text)
	}
	if got := d.Text(".verdict"); !strings.Contains(got, "1 台の制御装置（扉 3 か所）がまだ確認していません") {
		t.Errorf("the verdict says %q", got)
	}
	loads := d.Loads()

	d.Proxy.Heal()
	d.Await("the page to turn green", `document.querySelectorAll("table.steps tbody tr.open").length === 0 && document.querySelector(".verdict").classList.contains("good")`)
	if got := d.Text(".verdict"); !strings.Contains(got, "すべての扉で、このカードは拒否されます") {
		t.Errorf("the verdict says %q", got)
	}
	if a := d.Tap("IN-1", "佐藤"); a.Released || a.LED != "red" {
		t.Errorf("after the door's return the revoked card got %+v", a)
	}
	d.Await("the uses since", `document.querySelector("main").innerText.includes("入室拒否")`)
	if d.Loads() != loads {
		t.Errorf("the page was loaded %d times more", d.Loads()-loads)
	}
	d.clean()
}

// leaseEnd is the sentence with its moment.
var leaseEnd = regexp.MustCompile(`通信が戻らない場合、\d.*に自動的に拒否に切り替わります`)
