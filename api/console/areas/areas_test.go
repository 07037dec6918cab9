package areas_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"kanmon/api/console/areas"
	"kanmon/api/console/consoletest"
	"kanmon/api/console/pagetest"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	record "kanmon/lifecycle/command"
)

func do(t *testing.T, a consoletest.Areas, c *consoletest.Commands, who authz.Role, r *http.Request) pagetest.Page {
	t.Helper()
	return as(t, &consoletest.Accounts{}, a, c, who, r)
}

func as(t *testing.T, accounts *consoletest.Accounts, a consoletest.Areas, c *consoletest.Commands, who authz.Role, r *http.Request) pagetest.Page {
	t.Helper()
	shell := consoletest.Shell(t)
	p, err := areas.New(areas.Config{Shell: shell, Areas: a, Releaser: c, Commands: c, Accounts: accounts})
	if err != nil {
		t.Fatal(err)
	}
	return pagetest.Do(t, shell, p.Routes(), consoletest.Visitor(who), r)
}

func page(t *testing.T, a consoletest.Areas, lang string) pagetest.Page {
	t.Helper()
	return do(t, a, nil, authz.Guard, pagetest.Get("/areas", lang))
}

func TestTheReleasePagesAreSoundInBothLanguages(t *testing.T) {
	for _, lang := range []string{"ja", "en"} {
		for name, path := range map[string]string{
			"manager": "/areas", "release": "/doors/D-2/release", "done": "/doors/D-1/release?command=C3", "refused": "/doors/D-1/release?command=C2", "unanswered": "/doors/D-1/release?command=C1",
		} {
			p := do(t, consoletest.Areas{}, consoletest.SomeCommands(), authz.SystemManager, pagetest.Get(path, lang))
			p.Sound(t)
			p.Golden(t, name+"."+lang)
		}
	}
}

const password = "correct horse battery"

func form(password, reason string) string {
	return url.Values{"password": {password}, "reason": {reason}}.Encode()
}

// R105-1: a door is released from afar with the password once more and a reason, and what became of it is told in words.
func TestAReleaseIsGivenOnceAndItsOutcomeTold(t *testing.T) {
	for _, x := range []struct {
		next record.Command
		tone string
		says string
	}{
		{record.Command{Outcome: record.Done, Took: 41 * time.Millisecond}, "good", "解錠しました 03:02:41 に指示し、0.04 秒で制御装置が解錠を知らせました。"},
		{record.Command{Outcome: record.Refused, Detail: "not_recorded"}, "error", "解錠できませんでした 制御装置が記録を保存できないため"},
		{record.Command{Outcome: record.Refused, Detail: "odd_new_code"}, "error", "制御装置が断りました（odd_new_code）"},
		{record.Command{Outcome: record.Unanswered}, "error", "制御装置から返事がありません 解錠されたかどうかは、入退室の記録と現地で確認してください。"},
		{record.Command{}, "error", "結果がまだ届いていません"},
	} {
		c := consoletest.SomeCommands()
		c.Next = x.next
		p := do(t, consoletest.Areas{}, c, authz.SystemManager, pagetest.Post("/doors/D-1/release", form(password, "救急隊")))
		if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/doors/D-1/release?command=C9" || c.All[0].Reason != "救急隊" || c.All[0].Actor != "account:yamada" {
			t.Fatalf("%d to %q: %+v", p.Status, p.Header.Get("Location"), c.All[0])
		}
		p = do(t, consoletest.Areas{}, c, authz.SystemManager, pagetest.Get("/doors/D-1/release?command=C9", "ja"))
		p.Sound(t)
		p.Has(t, ".notice."+x.tone, x.says)
		p.Count(t, "tbody tr", 3) // those before
		if len(c.All) != 4 {
			t.Error("looking at the outcome gave another command")
		}
	}
}

// R105-1
func TestAReleaseThatIsRefusedKeepsTheReasonAndNeverThePassword(t *testing.T) {
	for name, x := range map[string]struct {
		password, reason string
		fail             error
		status           int
		field, says      string
	}{
		"wrong password": {"wrong password 1", "救急隊", nil, http.StatusForbidden, "password", "パスワードが違います"},
		"no reason":      {password, "", nil, http.StatusUnprocessableEntity, "reason", "入力してください"},
		"offline":        {password, "救急隊", fault.New(fault.Unavailable, "command.offline", "off"), http.StatusServiceUnavailable, "", "通信できないため"},
		"no controller":  {password, "救急隊", fault.New(fault.Conflict, "command.no_controller", "none"), http.StatusConflict, "", "指示を送れません"},
		"too many":       {password, "救急隊", fault.New(fault.TooMany, "command.too_many", "many"), http.StatusTooManyRequests, "", "立て込んでいます"},
	} {
		t.Run(name, func(t *testing.T) {
			c := consoletest.SomeCommands()
			c.Fail = x.fail
			accounts := &consoletest.Accounts{Wrong: x.password != password}
			p := as(t, accounts, consoletest.Areas{}, c, authz.SystemManager, pagetest.Post("/doors/D-1/release", form(x.password, x.reason)))
			p.Sound(t)
			p.Has(t, "[role=alert]", x.says)
			if x.field != "" {
				p.Count(t, "#f-"+x.field+"[aria-invalid]", 1)
			}
			if got := pagetest.Attr(p.Find("#f-reason")[0], "value"); got != x.reason || p.Status != x.status || len(c.All) != 3 {
				t.Errorf("%d, reason %q, %d commands", p.Status, got, len(c.All))
			}
			if strings.Contains(p.Body, x.password) {
				t.Error("the password is on the page")
			}
		})
	}
	c := consoletest.SomeCommands()
	for _, r := range []*http.Request{pagetest.Get("/doors/D-9/release", "ja"), pagetest.Post("/doors/D-9/release", form("wrong password 1", "x"))} {
		if p := do(t, consoletest.Areas{}, c, authz.SystemManager, r); p.Status != http.StatusNotFound {
			t.Errorf("%s: %d", r.Method, p.Status)
		}
	}
}

func TestOnlyWhoMayReleaseIsOfferedIt(t *testing.T) {
	page(t, consoletest.Areas{}, "ja").Count(t, "td.do", 0)
	do(t, consoletest.Areas{}, nil, authz.SecurityManager, pagetest.Get("/areas", "ja")).Count(t, "td.do a", 2)
}

// R43-1: the areas, their doors and grades are in sight.
func TestAreasDoorsAndSchedulesAreShown(t *testing.T) {
	for _, lang := range []string{"ja", "en"} {
		p := page(t, consoletest.Areas{}, lang)
		p.Sound(t)
		p.Golden(t, "areas."+lang)
	}
	p := page(t, consoletest.Areas{}, "ja")
	rows := p.Find("tbody tr")
	for i, want := range []string{
		"電子計算機室 正面扉 D-1 ctl-1 IN-1 なし（退室ボタン） 3 秒 15 秒", "書庫 入口 D-2 ctl-1 IN-2 OUT-2 5 秒 30 秒",
		"開庁時間 weekdays 8:30–17:15 8:30–17:15 8:30–17:15 8:30–17:15 8:30–17:15 — —", "夜間保守 night — — — — — 22:00–30:00 —",
	} {
		if got := pagetest.Text(rows[i]); got != want {
			t.Errorf("row %d: %q, want %q", i, got, want)
		}
	}
}

func TestWhatPeopleTypedIsShownAsText(t *testing.T) {
	p := page(t, consoletest.Areas{Hostile: pagetest.Hostile}, "ja")
	p.Sound(t)
	p.Harmless(t, 6)
	c := consoletest.SomeCommands()
	c.All[1].Reason, c.All[1].Detail = pagetest.Hostile, pagetest.Hostile
	p = do(t, consoletest.Areas{Hostile: pagetest.Hostile}, c, authz.SystemManager, pagetest.Get("/doors/D-1/release", "ja"))
	p.Sound(t)
	p.Harmless(t, 4)
}
