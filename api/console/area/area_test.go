package area_test

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	pages "kanmon/api/console/area"
	"kanmon/api/console/areatest"
	"kanmon/api/console/consoletest"
	"kanmon/api/console/pagetest"
	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/area"
)

func do(t *testing.T, o *areatest.OneArea, who authz.Role, r *http.Request) pagetest.Page {
	t.Helper()
	shell := consoletest.Shell(t)
	p, err := pages.New(pages.Config{Shell: shell, Areas: o, Lockdowns: o, Grades: areatest.Grades{}, Approvals: areatest.SomeApprovals(o.Hostile)})
	if err != nil {
		t.Fatal(err)
	}
	return pagetest.Do(t, shell, p.Routes(), consoletest.Visitor(who), r)
}

func TestEveryPageIsSoundInBothLanguages(t *testing.T) {
	for _, lang := range []string{"ja", "en"} {
		for name, path := range map[string]string{
			"area": "/areas/A-1", "new": "/areas/new", "edit": "/areas/A-1/edit", "rights": "/areas/A-1/rights", "lockdown": "/areas/A-1/lockdown",
		} {
			p := do(t, &areatest.OneArea{}, authz.SystemManager, pagetest.Get(path, lang))
			p.Sound(t)
			p.Golden(t, name+"."+lang)
		}
		p := do(t, &areatest.OneArea{Locked: true}, authz.Guard, pagetest.Get("/areas/A-1", lang))
		p.Sound(t)
		p.Golden(t, "locked."+lang)
	}
}

// R43-1: owner, grade, doors, what it asks in words, its versions with who asked and who approved, and what waits.
func TestAnAreaIsShownInWords(t *testing.T) {
	p := do(t, &areatest.OneArea{}, authz.SecurityManager, pagetest.Get("/areas/A-1", "ja"))
	text := pagetest.Text(p.Node)
	for _, want := range []string{
		"佐藤 花子 (S-1001)", "レベル 3", "カードと暗証番号の両方で入ります。", "番号だけを読んだカードは断ります", "中にいるはずの人がもう一度入ろうとすると断ります。",
		"毎日 4:00 に", "一人だけで中にいることはできません。", "中にいられるのは 6 人までです。", "S-1001、S-1002", "電子計算機室 正面扉",
		"初期設定（一人の間）", "2 9月2日(水) 06時00分 kanri shonin 二人入室にする", "二人で入る：いいえ → はい", "承認を待っている変更があります",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q:\n%s", want, text)
		}
	}
	p = do(t, &areatest.OneArea{}, authz.Guard, pagetest.Get("/areas/A-1", "ja"))
	p.Count(t, `a[href=/areas/A-1/edit]`, 0)
	p.Count(t, `a[href=/areas/A-1/lockdown]`, 1)
	p.Count(t, `a[href=/approvals/Q-1]`, 0)
}

func form(values ...string) string {
	v := url.Values{}
	for i := 0; i < len(values); i += 2 {
		v.Set(values[i], values[i+1])
	}
	return v.Encode()
}

// R43-1: what the form says is what the register is given.
func TestAnAreaIsDefinedOnTheForm(t *testing.T) {
	o := &areatest.OneArea{}
	p := do(t, o, authz.SystemManager, pagetest.Post("/areas/A-1", form("name", "サーバ室", "grade", "3", "record", "strict", "owner", " S-1002 ", "factors", "card_pin",
		"trust", "number", "in_out", "1", "two_person", "1", "passback", "timed", "passback_s", "300", "reset_at", "00:00", "window_s", "", "visitors", "2", "most", "4",
		"unlock", "", "recovery", "S-1001、S-1002 ", "reason", "強化")))
	want := area.Area{ID: "A-1", Name: "サーバ室", Grade: 3, Record: access.Strict, Owner: "S-1002", Why: "強化", Rules: access.Rules{
		Factors: access.FactorsCardPIN, InOut: true, TwoPerson: true, Passback: access.PassbackTimed, PassbackS: 300, ResetAt: 1440, Visitors: 2, Most: 4,
		Recovery: []string{"S-1001", "S-1002"},
	}}
	if !reflect.DeepEqual(o.Got, want) || o.Done != "change" || o.Reason != "強化" {
		t.Errorf("given %+v (%s, %s), want %+v", o.Got, o.Done, o.Reason, want)
	}
	if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/areas/A-1?saved" {
		t.Errorf("%d to %q", p.Status, p.Header.Get("Location"))
	}
	o.Fail = approval.Wait(&approval.Request{ID: "Q-9"}, nil)
	p = do(t, o, authz.SystemManager, pagetest.Post("/areas/A-1", form("name", "x", "grade", "3", "record", "strict", "reason", "x")))
	if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/approvals/Q-9?asked" {
		t.Errorf("a change that waits: %d to %q", p.Status, p.Header.Get("Location"))
	}
}

// R43-1: a refusal stands at its input, and what was typed is there again.
func TestARefusalStandsAtItsInput(t *testing.T) {
	for field, code := range map[string]string{
		"two_person": "area.needs_exit", "in_out": "area.no_exit_reader", "passback": "area.one_controller", "passback_s": "area.passback_s", "owner": "area.owner",
		"unlock": "area.unlock_grade", "unlock_by": "area.unlock_by", "recovery": "area.recovery", "factors": "area.weaker", "trust": "area.weaker", "reason": "field.required",
		"most": "area.rule_range", "window_s": "area.rule_range", "visitors": "area.rule_range", "reset_at": "area.rule_range", "first": "area.needs_exit", "name": "field.required",
	} {
		o := &areatest.OneArea{Fail: fault.BadField(field, code, "as a test")}
		p := do(t, o, authz.SystemManager, pagetest.Post("/areas/A-1", form("name", "名", "grade", "3", "record", "strict", "two_person", "1", "most", "x", "reason", "理由")))
		p.Sound(t)
		p.Count(t, "#f-"+field+"[aria-invalid]", 1)
		p.Count(t, "#e-"+field, 1)
		p.Count(t, "#f-two_person[checked]", 1)
		if p.Status != http.StatusUnprocessableEntity || pagetest.Attr(p.Find("#f-name")[0], "value") != "名" || o.Got.Most != -1 {
			t.Errorf("%s: %d, most %d", field, p.Status, o.Got.Most)
		}
	}
}

func TestPeopleAreLetInTogether(t *testing.T) {
	o := &areatest.OneArea{}
	p := do(t, o, authz.SystemManager, pagetest.Post("/areas/A-1/rights", form("person", "S-1003 S-1004", "schedule", "weekdays", "until", "2027-03-31", "escort", "1", "reason", "異動")))
	if p.Status != http.StatusSeeOther || len(o.Granted) != 2 || o.Granted[1].Person != "S-1004" || !o.Granted[0].Escort || o.Granted[0].First ||
		o.Granted[0].Schedule != "weekdays" || !o.Granted[0].Until.Equal(consoletest.Day(2027, 4, 1)) || o.Reason != "異動" {
		t.Fatalf("%d, granted %+v", p.Status, o.Granted)
	}
	o.Fail = fault.New(fault.NotFound, "staff.unknown", "as a test")
	p = do(t, o, authz.SystemManager, pagetest.Post("/areas/A-1/rights", form("person", "S-9")))
	p.Sound(t)
	p.Count(t, "#f-person[aria-invalid]", 1)
	o.Fail = nil
	do(t, o, authz.SystemManager, pagetest.Post("/areas/A-1/rights/R-1/withdraw", form("reason", "退職")))
	if o.Done != "withdraw R-1" || o.Reason != "退職" {
		t.Errorf("%s, %s", o.Done, o.Reason)
	}
	do(t, o, authz.Guard, pagetest.Get("/areas/A-1/rights", "ja")).Count(t, "form[action=/areas/A-1/rights]", 0)
}

// R43-2: a guard locks an area down with two taps and a reason; who may lift it is told.
func TestAnAreaIsLockedDownAndLifted(t *testing.T) {
	o := &areatest.OneArea{}
	p := do(t, o, authz.Guard, pagetest.Post("/areas/A-1/lockdown", form("reason", "不審者")))
	if p.Status != http.StatusSeeOther || o.Done != "lock" || o.Reason != "不審者" {
		t.Fatalf("%d, %s", p.Status, o.Done)
	}
	o = &areatest.OneArea{Locked: true}
	do(t, o, authz.Guard, pagetest.Get("/areas/A-1", "ja")).Has(t, ".lockdown", "この区域は封鎖中です")
	p = do(t, o, authz.Guard, pagetest.Get("/areas/A-1/lockdown", "ja"))
	p.Sound(t)
	p.Count(t, "main form", 0)
	do(t, o, authz.SecurityManager, pagetest.Post("/areas/A-1/lift", form("reason", "確認")))
	if o.Done != "lift" {
		t.Errorf("%s", o.Done)
	}
	o.Fail = fault.BadField("reason", "field.required", "empty")
	p = do(t, o, authz.SecurityManager, pagetest.Post("/areas/A-1/lift", form("reason", "")))
	p.Sound(t)
	p.Count(t, "#f-reason[aria-invalid]", 1)
}

func TestWhatPeopleTypedIsShownAsText(t *testing.T) {
	for _, path := range []string{"/areas/A-1", "/areas/A-1/edit", "/areas/A-1/rights", "/areas/A-1/lockdown"} {
		p := do(t, &areatest.OneArea{Hostile: pagetest.Hostile, Locked: true}, authz.SystemManager, pagetest.Get(path, "ja"))
		p.Sound(t)
		p.Harmless(t, 1)
	}
}
