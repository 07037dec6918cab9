package approvals_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"kanmon/api/console/approvals"
	"kanmon/api/console/areatest"
	"kanmon/api/console/consoletest"
	"kanmon/api/console/pagetest"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/lifecycle/approval"
)

func do(t *testing.T, a *areatest.Approvals, who authz.Role, r *http.Request) pagetest.Page {
	t.Helper()
	shell := consoletest.Shell(t)
	p, err := approvals.New(approvals.Config{Shell: shell, Approvals: a, Areas: consoletest.Areas{}, Staff: consoletest.City()})
	if err != nil {
		t.Fatal(err)
	}
	return pagetest.Do(t, shell, p.Routes(), consoletest.Visitor(who), r)
}

func TestEveryPageIsSoundInBothLanguages(t *testing.T) {
	for _, lang := range []string{"ja", "en"} {
		for name, path := range map[string]string{"list": "/approvals", "one": "/approvals/Q-1", "hours": "/approvals/Q-4", "day": "/approvals/Q-5", "own": "/approvals/Q-2?asked", "done": "/approvals/Q-3?done"} {
			p := do(t, areatest.SomeApprovals(""), authz.SystemManager, pagetest.Get(path, lang))
			p.Sound(t)
			p.Golden(t, name+"."+lang)
		}
		p := do(t, &areatest.Approvals{}, authz.SystemManager, pagetest.Get("/approvals", lang))
		p.Sound(t)
		p.Golden(t, "none."+lang)
	}
}

// R14-1: who approves sees from what to what, by whom and why; who asked is not offered to approve.
func TestARequestShowsWhatChangesAndWhoMayDecideIt(t *testing.T) {
	p := do(t, areatest.SomeApprovals(""), authz.SecurityManager, pagetest.Get("/approvals/Q-1", "ja"))
	var rows []string
	for _, n := range p.Find(".changes tbody tr") {
		rows = append(rows, pagetest.Text(n))
	}
	want := "レベル レベル 2 レベル 3|責任者 なし 佐藤 花子（S-1001）|入室に使うもの カード カードと暗証番号|入退室の両側に読取機 いいえ はい|二重入室の扱い なし しばらく断る|断る時間 なし 300 秒|" +
		"在室を白紙に戻す時刻 なし 4:00|二人で入る いいえ はい"
	if got := strings.Join(rows, "|"); got != want {
		t.Errorf("changes %q, want %q", got, want)
	}
	p.Count(t, "form[action=/approvals/Q-1/approve]", 1)
	own := do(t, areatest.SomeApprovals(""), authz.SecurityManager, pagetest.Get("/approvals/Q-2", "ja"))
	own.Count(t, "form[action=/approvals/Q-2/approve]", 0)
	own.Count(t, "form[action=/approvals/Q-2/withdraw]", 1)
	own.Has(t, ".act", "自分の申請は承認できません")
	own.Count(t, ".changes table", 3) // two rights, and the hours of the timetable of one
	do(t, areatest.SomeApprovals(""), authz.Auditor, pagetest.Get("/approvals/Q-1", "ja")).Count(t, "main form", 0)
	if p := do(t, areatest.SomeApprovals(""), authz.Auditor, pagetest.Get("/approvals/Q-9", "ja")); p.Status != http.StatusNotFound {
		t.Errorf("no such request: %d", p.Status)
	}
}

// rows are what a page says of a request.
func rows(p pagetest.Page) (rows []string) {
	for _, n := range p.Find(".changes tbody tr") {
		rows = append(rows, pagetest.Text(n))
	}
	return rows
}

// R14-1, R43-1: who approves hours sees each day of the week before and after, with nights, holidays and the special days that change.
func TestTheHoursOfATimetableStandBeforeAndAfter(t *testing.T) {
	p := do(t, areatest.SomeApprovals(""), authz.SecurityManager, pagetest.Get("/approvals/Q-4", "ja"))
	want := []string{
		"名称 開庁時間 開庁時間", "月曜日 8:30–17:15 8:30–17:15", "火曜日 閉 閉", "水曜日 閉 閉", "木曜日 閉 閉", "金曜日 8:30–17:15 8:30–17:15、22:00–翌6:00", "土曜日 閉 閉", "日曜日 閉 閉",
		"祝休日 曜日のとおり 9:00–12:00", "特別な日 2026年11月1日(日) なし 8:30–12:00",
	}
	if got := rows(p); !slices.Equal(got, want) {
		t.Errorf("rows %q, want %q", got, want)
	}
	p.Count(t, ".changes strong", 3)
	p.Count(t, ".facts a[href=/schedules/weekdays]", 1)
}

// R14-1, R43-1: who approves a day sees what becomes of it, and which timetables of which areas are open at other hours.
func TestADayStandsWithTheTimetablesThatItTouches(t *testing.T) {
	p := do(t, areatest.SomeApprovals(""), authz.SecurityManager, pagetest.Get("/approvals/Q-5", "ja"))
	want := []string{
		"日付 2026年11月3日(火) 2026年11月3日(火)", "市の定め なし 祝休日の開庁", "名称 なし 期日前投票", "扉での扱い 祝休日 ふだんの日",
		"開庁時間（電子計算機室、書庫） 閉 8:30–17:15", "休日当番（書庫） 22:00–翌6:00 閉",
	}
	if got := rows(p); !slices.Equal(got, want) {
		t.Errorf("rows %q, want %q", got, want)
	}
	p.Has(t, ".changes caption", "この日に開く時間が変わる時間帯（使っている区域）")
	if got := pagetest.Attr(p.Find(".facts a")[0], "href"); got != "/calendar?day=2026-11-03&year=2026#own" {
		t.Errorf("leads to %q", got)
	}
}

// R14-1: who approves rights sees whose they are, and the hours that they give while they wait; what is decided shows no hours that may be others by now.
func TestRightsStandWithNamesAndHours(t *testing.T) {
	a := areatest.SomeApprovals("")
	want := []string{
		"職員 髙橋 美咲（S-1003）", "区域 電子計算機室（A-1）", "時間帯 開庁時間（weekdays）", "いつまで 2027年3月31日(水)", "来訪者の付き添い はい", "職員 田中 健（S-1004）", "区域 電子計算機室（A-1）",
		"月曜日 8:30–17:15", "火曜日 8:30–17:15", "水曜日 8:30–17:15", "木曜日 8:30–17:15", "金曜日 8:30–17:15", "土曜日 閉", "日曜日 閉", "祝休日 曜日のとおり",
	}
	got := rows(do(t, a, authz.SecurityManager, pagetest.Get("/approvals/Q-2", "ja")))
	if !slices.Equal(got, want) {
		t.Errorf("rows %q, want %q", got, want)
	}
	a.All[1].State = approval.Approved
	if got := rows(do(t, a, authz.SecurityManager, pagetest.Get("/approvals/Q-2", "ja"))); !slices.Equal(got, want[:7]) {
		t.Errorf("decided: rows %q", got)
	}
}

// R14-1
func TestARequestIsDecidedAndARefusalIsExplained(t *testing.T) {
	for _, what := range []string{"approve", "refuse", "withdraw"} {
		a := areatest.SomeApprovals("")
		p := do(t, a, authz.SecurityManager, pagetest.Post("/approvals/Q-1/"+what, url.Values{"note": {"確認"}}.Encode()))
		if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/approvals/Q-1?done" || a.Done != what+" Q-1: 確認" {
			t.Errorf("%s: %d to %q, %q", what, p.Status, p.Header.Get("Location"), a.Done)
		}
	}
	for code, x := range map[string]struct {
		fail   error
		status int
		says   string
	}{
		"own":      {fault.New(fault.Denied, "approval.own", "x"), http.StatusForbidden, "自分の申請は承認できません"},
		"no staff": {fault.New(fault.Denied, "approval.no_staff", "x"), http.StatusForbidden, "職員番号が登録されたアカウントだけ"},
		"in hand":  {fault.New(fault.Denied, "approval.in_hand", "x"), http.StatusForbidden, "申請した人が作成"},
		"stale":    {fault.New(fault.Conflict, "approval.stale", "x"), http.StatusConflict, "無効になりました"},
		"note":     {fault.BadField("note", "field.required", "x"), http.StatusUnprocessableEntity, "入力してください"},
	} {
		a := areatest.SomeApprovals("")
		a.Fail = x.fail
		p := do(t, a, authz.SecurityManager, pagetest.Post("/approvals/Q-1/approve", ""))
		p.Sound(t)
		p.Has(t, "[role=alert]", x.says)
		if p.Status != x.status {
			t.Errorf("%s: %d", code, p.Status)
		}
	}
}

func TestWhatPeopleTypedIsShownAsText(t *testing.T) {
	for _, path := range []string{"/approvals", "/approvals/Q-1", "/approvals/Q-3", "/approvals/Q-4", "/approvals/Q-5"} {
		p := do(t, areatest.SomeApprovals(pagetest.Hostile), authz.SystemManager, pagetest.Get(path, "ja"))
		p.Sound(t)
		p.Harmless(t, 1)
	}
}
