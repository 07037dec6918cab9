package forget_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"kanmon/api/console/areatest"
	"kanmon/api/console/consoletest"
	"kanmon/api/console/forget"
	"kanmon/api/console/pagetest"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	record "kanmon/lifecycle/command"
)

const password = "correct horse battery"

func do(t *testing.T, o *areatest.OneArea, c *consoletest.Commands, r *http.Request) pagetest.Page {
	t.Helper()
	shell := consoletest.Shell(t)
	accounts := &consoletest.Accounts{Wrong: strings.Contains(bodyOf(t, r), "wrong")}
	p, err := forget.New(forget.Config{Shell: shell, Areas: o, Releaser: c, Commands: c, Accounts: accounts})
	if err != nil {
		t.Fatal(err)
	}
	return pagetest.Do(t, shell, p.Routes(), consoletest.Visitor(authz.SystemManager), r)
}

// bodyOf reads what is posted, and puts it back.
func bodyOf(t *testing.T, r *http.Request) string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	return string(body)
}

func form(person, reason, password string) string {
	return url.Values{"person": {person}, "reason": {reason}, "password": {password}}.Encode()
}

func TestThePageIsSoundInBothLanguages(t *testing.T) {
	for _, lang := range []string{"ja", "en"} {
		for name, path := range map[string]string{"form": "/areas/A-1/forget?person=S-1001", "given": "/areas/A-1/forget?given=F3"} {
			p := do(t, &areatest.OneArea{}, consoletest.SomeForgets(), pagetest.Get(path, lang))
			p.Sound(t)
			p.Golden(t, name+"."+lang)
		}
	}
}

// R43-2: whom, where, by whom and why go to every controller of the area; what became of it is shown by controller.
func TestAPersonIsForgottenInAnArea(t *testing.T) {
	c := consoletest.SomeForgets()
	c.Next.Outcome = record.Done
	p := do(t, &areatest.OneArea{}, c, pagetest.Post("/areas/A-1/forget", form(" S-1001 ", "非常口から退室", password)))
	at := "/areas/A-1/forget?given=F9-ctl-1"
	if p.Status != http.StatusSeeOther || p.Header.Get("Location") != at {
		t.Fatalf("%d to %q", p.Status, p.Header.Get("Location"))
	}
	if got := c.All[0]; got.Area != "A-1" || got.Person != "S-1001" || got.Reason != "非常口から退室" || got.Actor != "account:yamada" {
		t.Fatalf("ordered %+v", got)
	}
	p = do(t, &areatest.OneArea{}, c, pagetest.Get(at, "ja"))
	p.Has(t, ".notice.good", "在室をリセットしました")
	p.Has(t, ".notice.good", "制御装置 ctl-1（S-1001）：リセット")
	p.Has(t, ".notice.good", "制御装置 ctl-2（S-1001）：リセット")
	p.Count(t, "tbody tr", 4)
}

func TestWhatWasNotResetIsSaidByController(t *testing.T) {
	for outcome, want := range map[record.Command]string{
		{Outcome: record.Unanswered}:                    "返事なし",
		{Outcome: record.Refused, Detail: "expired"}:    "期限が切れました",
		{Outcome: record.Refused, Detail: "no_reason7"}: "（no_reason7）",
	} {
		c := consoletest.SomeForgets()
		c.Next = outcome
		p := do(t, &areatest.OneArea{}, c, pagetest.Post("/areas/A-1/forget", form("", "避難訓練", password)))
		p = do(t, &areatest.OneArea{}, c, pagetest.Get(p.Header.Get("Location"), "ja"))
		p.Has(t, ".notice.error", "リセットできなかった扉があります")
		p.Has(t, ".notice.error", want)
		p.Has(t, ".notice.error", "制御装置 ctl-1（全員）")
	}
}

func TestNothingIsOrderedWithoutThePasswordAReasonOrAConnection(t *testing.T) {
	for name, x := range map[string]struct {
		form, field string
		fail        error
		status      int
	}{
		"password": {form("S-1001", "x", "wrong password 1"), "password", nil, http.StatusForbidden},
		"reason":   {form("S-1001", "", password), "reason", nil, http.StatusUnprocessableEntity},
		"person":   {form("S-9", "x", password), "person", fault.New(fault.NotFound, "staff.unknown", "nobody"), http.StatusNotFound},
		"offline":  {form("S-1001", "x", password), "", fault.New(fault.Unavailable, "command.offline", "ctl-2"), http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			c := consoletest.SomeForgets()
			c.Fail = x.fail
			before := len(c.All)
			p := do(t, &areatest.OneArea{}, c, pagetest.Post("/areas/A-1/forget", x.form))
			p.Sound(t)
			if p.Status != x.status || len(c.All) != before {
				t.Errorf("%d, %d orders", p.Status, len(c.All)-before)
			}
			p.Count(t, ".notice.error", 1)
			if x.field != "" {
				p.Count(t, "#e-"+x.field, 1)
			}
			if strings.Contains(p.Body, password) || strings.Contains(p.Body, "wrong password 1") {
				t.Error("the password is on the page")
			}
		})
	}
	p := do(t, &areatest.OneArea{}, consoletest.SomeForgets(), pagetest.Get("/areas/nowhere/forget", "ja"))
	if p.Status != http.StatusNotFound {
		t.Errorf("an area that is not there: %d", p.Status)
	}
}

func TestNamesCannotBreakThePage(t *testing.T) {
	c := consoletest.SomeForgets()
	for i := range c.All {
		c.All[i].PersonName, c.All[i].Reason, c.All[i].Controller = pagetest.Hostile, pagetest.Hostile, pagetest.Hostile
	}
	p := do(t, &areatest.OneArea{Hostile: pagetest.Hostile}, c, pagetest.Get("/areas/A-1/forget?given=F3&person="+url.QueryEscape(pagetest.Hostile), "ja"))
	p.Sound(t)
	p.Harmless(t, 8)
}
