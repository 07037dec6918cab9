package browser

import (
	"strings"
	"testing"
)

// R44-2, R76-1: a card that the administrator hands out on the console opens the door, and its number is nowhere to be
// seen.
func TestCardIssuedOnTheConsoleOpensTheDoor(t *testing.T) {
	d := sit(t)
	number := d.City.Cards["拾得カード"]
	if a := d.Tap("IN-1", "拾得カード"); a.Released {
		t.Fatalf("before it is issued the card got %+v", a)
	}
	d.login(manager)
	d.Open(d.City.URL() + "/staff/S-0001")
	d.answered(func() { d.Click(`a[href^="/cards/new"]`) })
	if got := d.Text("form .field:has(#f-person)"); !strings.Contains(got, "佐藤 由美子") {
		t.Errorf("the form does not name the holder: %q", got)
	}
	d.Type("#f-label", "C-9001")
	d.Type("#f-number", "not a number")
	d.Submit("main form .actions button")
	d.checkRefused()
	d.Type("#f-number", number)
	d.Submit("main form .actions button")
	if got := d.Text("[role=status]"); !strings.Contains(got, "発行") {
		t.Fatalf("after the issue the page at %s says %q", d.Address(), got)
	}
	d.checkHidden(number)

	d.AwaitDoors()
	if a := d.Tap("IN-1", "拾得カード"); !a.Released {
		t.Errorf("the issued card got %+v", a)
	}
	d.watch()
	d.await("佐藤 由美子", "入室許可", "C-9001")
	d.clean("422") // the number that was none
}

// checkRefused checks the form after a number that is none.
func (d desk) checkRefused() {
	d.t.Helper()
	var form struct{ Label, Person, Number, Wrong string }
	d.Eval(`({Label: document.querySelector("#f-label").value, Person: document.querySelector("#f-person").value,
		Number: document.querySelector("#f-number").value, Wrong: document.querySelector("#e-number")?.innerText ?? ""})`, &form)
	if form.Label != "C-9001" || form.Person != "S-0001" || form.Number != "" {
		d.t.Errorf("the refused form came back as %+v, want everything but the number", form)
	}
	if !strings.Contains(form.Wrong, "番号") {
		d.t.Errorf("beside the number the page says %q", form.Wrong)
	}
}

// checkHidden looks for a card number in the whole document and its address.
func (d desk) checkHidden(number string) {
	d.t.Helper()
	digits := number[strings.LastIndex(number, ":")+1:]
	var document string
	d.Eval(`location.href + document.documentElement.outerHTML`, &document)
	if strings.Contains(document, digits) {
		d.t.Error("the page shows the card's number")
	}
}

func TestCardFormOffersOnlyPeopleAndSaysWhatIsMissing(t *testing.T) {
	d := sit(t)
	d.login(manager)
	d.Open(d.City.URL() + "/cards/new")
	d.Type("#f-label", "C-9002")
	d.Type("#f-person", "S-7777")
	d.Type("#f-number", d.City.Cards["拾得カード"])
	d.Submit("main form .actions button")
	if got := d.Text("#e-person"); got == "" {
		t.Errorf("beside a holder who is nobody the page says nothing: %s", d.Text("main"))
	}
	var people []string
	d.Eval(`[...document.querySelectorAll("#people option")].map(o => o.label || o.innerText)`, &people)
	if all := strings.Join(people, " "); !strings.Contains(all, "佐藤 由美子") || len(people) != 12 {
		t.Errorf("the form proposes %q", people)
	}
}
