package alarms_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"kanmon/api/console/alarms"
	"kanmon/api/console/consoletest"
	"kanmon/api/console/pagetest"
	"kanmon/api/console/ui"
	"kanmon/internal/authz"
	"kanmon/lifecycle/alarm"
)

func do(t *testing.T, a *consoletest.Alarms, who ui.Visitor, r *http.Request) pagetest.Page {
	t.Helper()
	shell := consoletest.Shell(t)
	p, err := alarms.New(alarms.Config{Shell: shell, Alarms: a})
	if err != nil {
		t.Fatal(err)
	}
	return pagetest.Do(t, shell, p.Routes(), who, r)
}

func guard() ui.Visitor { return consoletest.Visitor(authz.Guard) }

func TestEveryPageIsSoundInBothLanguages(t *testing.T) {
	for _, c := range []struct{ name, path string }{
		{"open", "/alarms"}, {"closed", "/alarms?state=closed"}, {"raised", "/alarms/A-0000000001"}, {"taken", "/alarms/A-0000000005"}, {"ended", "/alarms/A-0000000006"},
	} {
		for _, lang := range []string{"ja", "en"} {
			p := do(t, consoletest.SomeAlarms(""), guard(), pagetest.Get(c.path, lang))
			p.Sound(t)
			p.Golden(t, c.name+"."+lang)
		}
	}
}

// R43-2: what nobody has acknowledged and is urgent stands on top, and says since when, how often, and that the managers were told.
func TestUrgentAlarmsAreOnTop(t *testing.T) {
	p := do(t, consoletest.SomeAlarms(""), guard(), pagetest.Get("/alarms", "ja"))
	rows := p.Find("tbody tr")
	want := []string{"A-0000000001", "A-0000000005", "A-0000000003", "A-0000000002", "A-0000000004"}
	if len(rows) != len(want) {
		t.Fatalf("%d rows", len(rows))
	}
	for i, id := range want {
		if got := pagetest.Attr(rows[i], "id"); got != id {
			t.Errorf("row %d is %s, want %s", i, got, id)
		}
	}
	if got := pagetest.Text(rows[0]); got != "こじ開け 緊急 許可なく扉が開きました。現地を確認してください。 電子計算機室 正面扉 電子計算機室 02:58:41 9月18日(金) 3回 最後 03:00:41 未確認 管理者に通知 1回（最後 03:01:41） 確認 詳しく" {
		t.Errorf("the first row says %q", got)
	}
	if got := pagetest.Text(rows[3]); !strings.Contains(got, "02:52:41 に収まった") {
		t.Errorf("a door that was closed says %q", got)
	}
	p.Has(t, ".top .chip", "未確認 3件")
	p.Count(t, "tr.open", 1)
}

func TestAnAlarmIsAcknowledgedWithOneTapAndClosedWithANote(t *testing.T) {
	a := consoletest.SomeAlarms("")
	p := do(t, a, guard(), pagetest.Post("/alarms/A-0000000001/acknowledge", "last=1"))
	if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/alarms" {
		t.Fatalf("acknowledged: %d to %s", p.Status, p.Header.Get("Location"))
	}
	p = do(t, a, guard(), pagetest.Post("/alarms/A-0000000001/acknowledge", "last=1"))
	p.Has(t, "[role=alert]", "すでにほかの人が確認しています")
	p.Count(t, "tbody tr", 5)
	p = do(t, a, guard(), pagetest.Post("/alarms/A-0000000001/acknowledge", "from=alarm&last=1"))
	p.Has(t, "[role=alert]", "すでにほかの人が確認しています")
	p.Has(t, "h1", "こじ開け：電子計算機室 正面扉")
	p = do(t, a, guard(), pagetest.Post("/alarms/A-0000000001/close", "note="))
	if p.Status != http.StatusUnprocessableEntity && p.Status != http.StatusBadRequest {
		t.Errorf("without a note: %d", p.Status)
	}
	p.Count(t, "#e-note", 1)
	p = do(t, a, guard(), pagetest.Post("/alarms/A-0000000001/close", "last=1&note="+url.QueryEscape("清掃業者")))
	if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/alarms/A-0000000001" || a.All[0].Note != "清掃業者" {
		t.Fatalf("closed: %d to %s, %+v", p.Status, p.Header.Get("Location"), a.All[0])
	}
	p = do(t, a, guard(), pagetest.Get("/alarms/A-0000000001", "ja"))
	p.Count(t, "main form", 0)
	p.Has(t, ".alarm-facts", "清掃業者")
	p = do(t, a, guard(), pagetest.Post("/alarms/A-1/acknowledge", ""))
	if p.Status != http.StatusNotFound {
		t.Errorf("an alarm that is not there: %d", p.Status)
	}
}

func TestWhatThePageDidNotShowIsShownBeforeItIsAnsweredFor(t *testing.T) {
	a := consoletest.SomeAlarms("")
	a.All[0].LastEntry, a.All[4].LastEntry = 7, 9
	p := do(t, a, guard(), pagetest.Post("/alarms/A-0000000001/acknowledge", "last=1"))
	p.Has(t, "[role=alert]", "新しいできごとが加わりました")
	hidden(t, p, "7")
	p = do(t, a, guard(), pagetest.Post("/alarms/A-0000000001/acknowledge", "from=alarm"))
	p.Has(t, "[role=alert]", "新しいできごとが加わりました")
	hidden(t, p, "7")
	p = do(t, a, guard(), pagetest.Post("/alarms/A-0000000005/close", "last=8&note="+url.QueryEscape("訓練")))
	p.Has(t, "[role=alert]", "新しいできごとが加わりました")
	hidden(t, p, "9")
	if got := pagetest.Attr(p.Find("#f-note")[0], "value"); got != "訓練" {
		t.Errorf("the note is %q", got)
	}
}

// hidden wants a form on the page that says it shows entries up to last.
func hidden(t *testing.T, p pagetest.Page, last string) {
	t.Helper()
	for _, n := range p.Find("input") {
		if pagetest.Attr(n, "name") == "last" && pagetest.Attr(n, "value") == last {
			return
		}
	}
	t.Errorf("no form up to entry %s", last)
}

// R101-1
func TestWhoOnlyReadsHasNoButtons(t *testing.T) {
	for _, path := range []string{"/alarms", "/alarms/A-0000000001"} {
		p := do(t, consoletest.SomeAlarms(""), consoletest.Visitor(authz.Auditor), pagetest.Get(path, "ja"))
		p.Count(t, "main form", 0)
		p.Count(t, "main button", 0)
	}
}

func TestHostileNamesAreOnlyText(t *testing.T) {
	for path, n := range map[string]int{"/alarms": 8, "/alarms?state=closed": 2, "/alarms/A-0000000001": 3, "/alarms/A-0000000006": 2} {
		do(t, consoletest.SomeAlarms(pagetest.Hostile), guard(), pagetest.Get(path, "ja")).Harmless(t, n)
	}
}

func TestWithoutAlarmsThePageSaysSo(t *testing.T) {
	for path, want := range map[string]string{"/alarms": "対応が必要な警報はありません", "/alarms?state=closed": "終了した警報はまだありません"} {
		do(t, &consoletest.Alarms{}, guard(), pagetest.Get(path, "ja")).Has(t, ".none", want)
	}
}

func TestClosedAlarmsArePaged(t *testing.T) {
	a := &consoletest.Alarms{}
	for i := range 60 {
		x := consoletest.SomeAlarms("").All[5]
		x.ID = "A-" + string(rune('0'+i/10)) + string(rune('0'+i%10))
		a.All = append(a.All, x)
	}
	p := do(t, a, guard(), pagetest.Get("/alarms?state=closed", "ja"))
	p.Count(t, "tbody tr", 50)
	next := pagetest.Attr(p.Find(".pages a")[0], "href")
	p = do(t, a, guard(), pagetest.Get(next, "ja"))
	p.Count(t, "tbody tr", 10)
	p.Count(t, ".pages", 0)
}

// What the register may raise has a name and says what to do, in both languages.
func TestEveryKindOfAlarmHasWords(t *testing.T) {
	for _, kind := range []alarm.Kind{
		alarm.LeftAlone, alarm.EscortLeft, alarm.RepeatedRefusals, alarm.WeakRead, alarm.ControllerSilent, alarm.ClockOff, alarm.Quarantined, "door_forced", "door_held", "duress",
		"fire_alarm", "box_opened", "lease_lapsed", "lockdown_begun", "clock_stepped",
	} {
		for _, lang := range []string{"ja", "en"} {
			a := consoletest.SomeAlarms("")
			a.All[0].Kind = kind
			p := do(t, a, guard(), pagetest.Get("/alarms", lang))
			if got := pagetest.Text(p.Find("tbody tr")[0]); strings.Contains(got, string(kind)) {
				t.Errorf("%s in %s: %q", kind, lang, got)
			}
		}
	}
}
