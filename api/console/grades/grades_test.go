package grades_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"kanmon/api/console/areatest"
	"kanmon/api/console/consoletest"
	"kanmon/api/console/grades"
	"kanmon/api/console/pagetest"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/area/premises"
)

func do(t *testing.T, g areatest.Grades, who authz.Role, r *http.Request) pagetest.Page {
	t.Helper()
	shell := consoletest.Shell(t)
	requests := areatest.SomeApprovals(g.Hostile)
	requests.All = append(requests.All, approval.Request{ID: "Q-7", State: approval.Pending, Change: approval.Change{Register: "grade", Kind: "grade.change", Subject: "2"}})
	p, err := grades.New(grades.Config{Shell: shell, Grades: g, Areas: &areatest.OneArea{Hostile: g.Hostile}, Approvals: requests})
	if err != nil {
		t.Fatal(err)
	}
	return pagetest.Do(t, shell, p.Routes(), consoletest.Visitor(who), r)
}

func form(factors, trust, reason string) string {
	return url.Values{"factors": {factors}, "trust": {trust}, "reason": {reason}}.Encode()
}

// R43-1: the table says what each grade asks at least, for which areas, who changed it and who approved, and what waits.
func TestTheTableOfGradesIsShown(t *testing.T) {
	for _, lang := range []string{"ja", "en"} {
		p := do(t, areatest.Grades{}, authz.SystemManager, pagetest.Get("/grades", lang))
		p.Sound(t)
		p.Golden(t, "grades."+lang)
	}
	p := do(t, areatest.Grades{}, authz.SystemManager, pagetest.Get("/grades", "ja"))
	text := pagetest.Text(p.Node)
	for _, want := range []string{"レベル 3 カードと暗証番号・カードの中の記録 以上", "レベル 1 カード・カードの番号 以上", "kanri shonin 規程の改正", "電子計算機室"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q:\n%s", want, text)
		}
	}
	p.Count(t, `a[href=/approvals/Q-7]`, 1)
	p.Count(t, `a[href=/approvals/Q-1]`, 0) // of another register
	p = do(t, areatest.Grades{}, authz.Guard, pagetest.Get("/grades", "ja"))
	p.Count(t, "main form", 0)
	p.Count(t, `a[href=/approvals/Q-7]`, 0)
	p = do(t, areatest.Grades{Hostile: pagetest.Hostile}, authz.SystemManager, pagetest.Get("/grades", "ja"))
	p.Sound(t)
	p.Harmless(t, 1)
}

// R47-1: what a grade says of unencrypted readers stands in its form, and a form that is sent as it came takes nothing back.
func TestTheFormOfAGradeKeepsWhatItSaysOfUnencryptedReaders(t *testing.T) {
	for _, may := range []string{"yes", "no"} {
		g := areatest.Grades{Got: new(premises.Least), Reason: new(string), Fail: approval.Wait(&approval.Request{ID: "Q-9"}, nil)}
		do(t, g, authz.SecurityManager, pagetest.Post("/grades/1", form("card", "number", "なし")+"&plain="+may))
		if g.Got.PlainRoute != (may == "yes") {
			t.Errorf("%s: %+v", may, *g.Got)
		}
	}
	p := do(t, areatest.Grades{}, authz.SystemManager, pagetest.Get("/grades", "ja"))
	p.Count(t, "select[name=plain]", 3)
}

// R43-1, R14-1: what one asks of a grade goes to somebody else to approve.
func TestAChangeOfAGradeBecomesARequest(t *testing.T) {
	g := areatest.Grades{Got: new(premises.Least), Reason: new(string), Fail: approval.Wait(&approval.Request{ID: "Q-9"}, nil)}
	p := do(t, g, authz.SecurityManager, pagetest.Post("/grades/2", form("card_pin", "mutual", "強化")))
	if want := (premises.Least{Grade: 2, Factors: "card_pin", Trust: "mutual"}); *g.Got != want || *g.Reason != "強化" {
		t.Errorf("given %+v (%s), want %+v", *g.Got, *g.Reason, want)
	}
	if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/approvals/Q-9?asked" {
		t.Errorf("%d to %q", p.Status, p.Header.Get("Location"))
	}
}

func TestARefusedGradeStandsAtItsInput(t *testing.T) {
	for field, code := range map[string]string{"factors": "area.factors", "trust": "area.trust", "reason": "field.required"} {
		p := do(t, areatest.Grades{Fail: fault.BadField(field, code, "as a test")}, authz.SystemManager, pagetest.Post("/grades/2", form("two_cards", "mutual", "理由")))
		p.Sound(t)
		p.Count(t, "#f-"+field+"-2[aria-invalid]", 1)
		p.Count(t, "#e-"+field+"-2", 1)
		p.Count(t, "[aria-invalid]", 1)
		p.Count(t, "#f-factors-2 option[value=two_cards][selected]", 1)
		if pagetest.Attr(p.Find("#f-reason-2")[0], "value") != "理由" || p.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", field, p.Status)
		}
	}
	p := do(t, areatest.Grades{Fail: fault.New(fault.Conflict, "area.grade_in_use", "as a test")}, authz.SystemManager, pagetest.Post("/grades/3", form("card", "mutual", "x")))
	p.Has(t, ".notice.error", "満たしていない区域があります")
	if p := do(t, areatest.Grades{}, authz.SystemManager, pagetest.Post("/grades/4", form("card", "number", "x"))); p.Status != http.StatusNotFound {
		t.Errorf("grade 4: %d", p.Status)
	}
}
