package people_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"kanmon/api/console/consoletest"
	"kanmon/api/console/pagetest"
	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/lifecycle/period"
	"kanmon/lifecycle/staff"
)

func memberForm(values ...string) string {
	v := url.Values{}
	for i := 0; i < len(values); i += 2 {
		v.Set(values[i], values[i+1])
	}
	return v.Encode()
}

func TestTheFormOfAPersonIsSoundInBothLanguages(t *testing.T) {
	for _, lang := range []string{"ja", "en"} {
		for name, path := range map[string]string{"newmember": "/staff/new", "editmember": "/staff/S-1002/edit"} {
			p := open(t).do(t, pagetest.Get(path, lang))
			p.Sound(t)
			p.Golden(t, name+"."+lang)
		}
	}
}

// R44-1: somebody new is registered with class and number, and the last day is one on which the person still enters.
func TestAPersonIsRegisteredOnTheForm(t *testing.T) {
	o := open(t)
	o.staff.Last = &consoletest.StaffChange{}
	p := o.do(t, pagetest.Post("/staff", memberForm("no", " S-2001 ", "name", "委託 太郎", "kana", "イタク タロウ", "section", "保守", "class", "contractor", "number", "4012",
		"from", "2026-10-01", "until", "2027-03-31")))
	want := staff.Details{
		No: "S-2001", Name: "委託 太郎", Kana: "イタク タロウ", Section: "保守", Class: access.Contractor, Number: "4012",
		Period: period.Period{From: consoletest.Day(2026, 10, 1), Until: consoletest.Day(2027, 4, 1)},
	}
	if o.staff.Last.Details != want || p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/staff/S-2001?saved" {
		t.Errorf("given %+v, want %+v; %d to %q", o.staff.Last.Details, want, p.Status, p.Header.Get("Location"))
	}
	if p := o.do(t, pagetest.Post("/staff", memberForm("name", "番号なし"))); p.Header.Get("Location") != "/staff/S-NEW?saved" {
		t.Errorf("a number that is made: to %q", p.Header.Get("Location"))
	}
}

// R44-1: a change keeps the time of day of an end whose day was left as it was.
func TestAPersonIsChangedOnTheForm(t *testing.T) {
	o := open(t)
	noon := consoletest.Day(2027, 3, 31).Add(12 * time.Hour)
	o.staff.Members[0].Until = noon
	p := o.get(t, "/staff/S-1001/edit")
	for field, want := range map[string]string{"from": "2024-04-01", "until": "2027-03-31", "name": "佐藤 花子"} {
		if got := pagetest.Attr(p.Find("#f-" + field)[0], "value"); got != want {
			t.Errorf("%s is %q, want %q", field, got, want)
		}
	}
	for until, want := range map[string]time.Time{"2027-03-31": noon, "2027-03-30": consoletest.Day(2027, 3, 31), "": {}} {
		o.staff.Last = &consoletest.StaffChange{}
		o.do(t, pagetest.Post("/staff/S-1001", memberForm("name", "佐藤 花子", "class", "staff", "from", "2024-04-01", "until", until, "reason", "異動")))
		got := o.staff.Last
		if !got.Until.Equal(want) || !got.From.Equal(consoletest.Day(2024, 4, 1)) || got.ID != "S-1001" || got.Reason != "異動" {
			t.Errorf("until %q: given %+v, want until %v", until, got, want)
		}
	}
}

// R44-1: a refusal stands at its input, and what was typed is there again.
func TestARefusedPersonStandsAtItsInput(t *testing.T) {
	for _, c := range []struct {
		at  string
		err error
	}{
		{"no", fault.New(fault.Conflict, "staff.no_taken", "as a test")},
		{"name", fault.BadField("name", "field.required", "as a test")},
		{"number", fault.BadField("number", "staff.number_taken", "as a test")},
		{"class", fault.BadField("class", "staff.class", "as a test")},
		{"class", fault.New(fault.Conflict, "staff.class_graded", "as a test")},
		{"class", fault.New(fault.Conflict, "staff.escorts", "as a test")},
		{"class", fault.New(fault.Conflict, "staff.recovers", "as a test")},
		{"until", fault.New(fault.Conflict, "staff.until_graded", "as a test")},
		{"until", fault.BadField("until", "period.order", "as a test")},
		{"reason", fault.BadField("reason", "field.required", "as a test")},
	} {
		path := "/staff/S-1002"
		if c.at == "no" {
			path = "/staff"
		}
		o := open(t)
		o.staff.Last = &consoletest.StaffChange{Fail: c.err}
		p := o.do(t, pagetest.Post(path, memberForm("no", "S-1001", "name", "名", "class", "visitor", "number", "12")))
		p.Sound(t)
		p.Count(t, "#f-"+c.at+"[aria-invalid]", 1)
		p.Count(t, "#e-"+c.at, 1)
		p.Count(t, "#f-class option[value=visitor][selected]", 1)
		if p.Status < 400 || pagetest.Attr(p.Find("#f-number")[0], "value") != "12" {
			t.Errorf("%s: %d", c.at, p.Status)
		}
	}
	o := open(t)
	o.do(t, pagetest.Post("/staff", memberForm("name", "x", "from", "tomorrow"))).Count(t, "#f-from[aria-invalid]", 1)
	if p := o.do(t, pagetest.Post("/staff/S-9999", memberForm("name", "x"))); p.Status != http.StatusNotFound {
		t.Errorf("nobody: %d", p.Status)
	}
}

func TestOnlyWhoMayIsOfferedToRegisterPeople(t *testing.T) {
	o := open(t)
	o.get(t, "/staff").Count(t, `a[href=/staff/new]`, 1)
	p := o.get(t, "/staff/S-1002")
	p.Count(t, `a[href=/staff/S-1002/edit]`, 1)
	p.Has(t, "main .split .facts", "区分 職員 テンキー番号 4711")
	o.who = consoletest.Visitor(authz.Guard)
	o.get(t, "/staff").Count(t, `a[href=/staff/new]`, 0)
	o.get(t, "/staff/S-1002").Count(t, `a[href=/staff/S-1002/edit]`, 0)
}
