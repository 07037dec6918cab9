package browser

import (
	"strings"
	"testing"
)

// R43-1, R43-2: a manager registers a controller with its reader, defines an area of grade 2 with a door, and lets somebody in, by clicks alone. Each step that the grade
// asks two people for waits until another has approved it.
func TestAnAreaWithADoorIsDefinedFromNothingToARight(t *testing.T) {
	d := sit(t)
	d.login(manager)

	d.Submit(`.nav a[href="/controllers"]`)
	d.Submit(`a[href="/controllers/new"]`)
	d.Type("#f-name", "ctl-2")
	d.Type("#f-place", "別館 1 階")
	d.Submit("main form .actions button")
	d.Type("#f-name", "IN-7")
	d.Type("#f-address", "1")
	d.Submit(`form[action="/controllers/ctl-2/devices"] button`)
	if got := d.Text("[role=status]"); !strings.Contains(got, "IN-7 を登録しました") {
		t.Fatalf("after the reader the page says %q", got)
	}

	d.Submit(`.nav a[href="/areas"]`)
	d.Submit(`a[href="/areas/new"]`)
	d.Type("#f-id", "annex")
	d.Type("#f-name", "別館書庫")
	d.Type("#f-owner", "S-0002")
	d.Type("#f-reason", "別館の開設")
	d.Submit("main form .actions button")
	d.approved("区域の新設")

	d.toArea("annex")
	d.Submit(`a[href="/areas/annex/doors/new"]`)
	d.Type("#f-controller", "ctl-2")
	d.Submit("form.step button")
	d.Type("#f-id", "D-7")
	d.Type("#f-name", "別館書庫 入口")
	d.Type("#f-reason", "別館の開設")
	d.Submit(`form[action="/areas/annex/doors"] .actions button`)
	if got := d.Text("#e-readers"); !strings.Contains(got, "入室側の読取機") {
		t.Errorf("beside the readers, of which none is chosen, the page says %q", got)
	}
	d.Click(`label[for="r-IN-7-in"]`)
	d.Submit(`form[action="/areas/annex/doors"] .actions button`)
	d.approved("扉の追加")

	d.toArea("annex")
	d.Submit(`a[href="/areas/annex/rights"]`)
	d.Type("#f-person", "S-0004")
	d.Submit(`form[action="/areas/annex/rights"] .actions button`)
	d.approved("入室の許可")

	d.toArea("annex")
	if got := d.Text("main"); !strings.Contains(got, "別館書庫 入口") || !strings.Contains(got, "IN-7") {
		t.Errorf("the area's page does not show its door: %q", got)
	}
	d.Submit(`a[href="/areas/annex/rights"]`)
	if got := d.Text("main table"); !strings.Contains(got, "田中 さくら") {
		t.Errorf("those who may enter are %q", got)
	}
	d.Submit(`.trail a`)
	d.Submit(`a[href="/doors/D-7"]`)
	if got := d.Text("main"); !strings.Contains(got, manager) || !strings.Contains(got, second) {
		t.Errorf("the door's page does not name both people: %q", got)
	}
	d.clean("422") // the door without a reader
}

// toArea clicks through to an area.
func (d desk) toArea(id string) {
	d.t.Helper()
	d.Submit(`.nav a[href="/areas"]`)
	d.Submit(`h2 a[href="/areas/` + id + `"]`)
}

// approved has the second person approve what the manager has just asked for, and brings the manager back.
func (d desk) approved(kind string) {
	d.t.Helper()
	request := d.Path()
	if !strings.HasPrefix(request, "/approvals/") || d.Text("h1") != kind {
		d.t.Fatalf("after the form the page at %s is %q, want a request of kind %q", request, d.Text("h1"), kind)
	}
	d.Submit(".head form[action='/logout'] button")
	d.login(second)
	d.Submit(`.nav a[href="/approvals"]`)
	d.Submit(`main a[href="` + request + `"]`)
	d.Submit(`form[action$="/approve"] .actions button`)
	if got := d.Text("[role=status]"); !strings.Contains(got, "反映しました") {
		d.t.Fatalf("after the approval of %q the page says %q", kind, got)
	}
	d.Submit(".head form[action='/logout'] button")
	d.login(manager)
}
