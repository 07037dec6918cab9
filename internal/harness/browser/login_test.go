package browser

import (
	"strings"
	"testing"
)

// R79-1, R104-1
func TestGuardIsToldInJapaneseThatThePasswordIsWrongAndThenLetIn(t *testing.T) {
	d := sit(t)
	d.Open(d.City.URL() + "/")
	d.Type("#f-login", guard)
	d.Type("#f-password", "not the password")
	d.Submit("main button")
	if got := d.Text("[role=alert]"); !strings.Contains(got, "ログイン名またはパスワードが違います。") {
		t.Errorf("after a wrong password the page says %q", got)
	}
	var kept struct{ Login, Password string }
	d.Eval(`({Login: document.querySelector("#f-login").value, Password: document.querySelector("#f-password").value})`, &kept)
	if kept.Login != guard || kept.Password != "" {
		t.Errorf("the form keeps name %q and a password of %d characters, want the name and no password", kept.Login, len(kept.Password))
	}
	d.Type("#f-password", d.password(guard))
	d.Submit("main button")
	if d.Path() != "/live" {
		t.Fatalf("after the right password the browser is at %s", d.Address())
	}
	d.Await("接続中", `document.querySelector("#state").innerText.includes("接続中")`)
	if got := d.Text(".who"); got != guard {
		t.Errorf("the header names %q", got)
	}
}

func TestLoginWorksByKeyboardAloneAndShowsWhereTheFocusIs(t *testing.T) {
	d := sit(t)
	d.Open(d.City.URL() + "/live")
	d.tabTo("#f-login")
	d.Press(guard)
	d.tabTo("#f-password")
	d.Press(d.password(guard))
	d.tabTo("main button")
	d.SubmitByEnter()
	if d.Path() != "/live" { // where it wanted to go before it was asked to log in
		t.Fatalf("the browser is at %s", d.Address())
	}
	d.tabTo("#hold")
	d.Press(Enter)
	d.Await("the list to be held", `document.querySelector("#hold").getAttribute("aria-pressed") === "true"`)
	d.clean()
}

// tabTo presses Tab until the element has the focus, and checks at every stop that the focus can be seen.
func (d desk) tabTo(element string) {
	d.t.Helper()
	const stop = `(() => {
		const e = document.activeElement, s = getComputedStyle(e);
		return {At: e.matches(%), Name: e.outerHTML.slice(0, 80), Body: e === document.body,
			Seen: (s.outlineStyle !== "none" && s.outlineWidth !== "0px") || s.boxShadow !== "none"};
	})()`
	for range 40 {
		d.Press(Tab)
		var at struct {
			At, Seen, Body bool
			Name           string
		}
		d.Eval(strings.Replace(stop, "%", quoted(element), 1), &at)
		if !at.Seen && !at.Body {
			d.t.Errorf("nobody sees that the focus is on %s", at.Name)
		}
		if at.At {
			return
		}
	}
	d.t.Fatalf("the Tab key does not lead to %s", element)
}

// R101-1
func TestGuardFindsNoWayToIssueCards(t *testing.T) {
	d := sit(t)
	d.login(guard)
	d.Open(d.City.URL() + "/cards")
	var ways int
	d.Eval(`document.querySelectorAll('a[href^="/cards/new"]').length`, &ways)
	if ways != 0 {
		t.Error("a guard is offered to issue a card")
	}
	d.Open(d.City.URL() + "/cards/new")
	if got := d.Text("h1"); got != "このページを見る権限がありません" {
		t.Errorf("a guard who types the address sees %q", got)
	}
}

// R104-1
func TestWhoLoggedOutSeesNothingMoreByGoingBack(t *testing.T) {
	d := sit(t)
	d.login(guard)
	d.Open(d.City.URL() + "/staff")
	d.Submit(`form[action="/logout"] button`)
	if d.Path() != "/login" {
		t.Fatalf("after the log-out the browser is at %s", d.Address())
	}
	d.answered(func() { d.run("go back", back()) })
	if got := d.Text("h1"); got != "ログイン" {
		t.Errorf("going back shows %q", got)
	}
}
