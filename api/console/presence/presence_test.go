package presence_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"kanmon/api/console/consoletest"
	"kanmon/api/console/pagetest"
	"kanmon/api/console/presence"
	"kanmon/internal/authz"
)

func do(t *testing.T, e *consoletest.Entries, who authz.Role, r *http.Request) pagetest.Page {
	t.Helper()
	shell := consoletest.Shell(t)
	p, err := presence.New(presence.Config{Shell: shell, Entries: e})
	if err != nil {
		t.Fatal(err)
	}
	return pagetest.Do(t, shell, p.Routes(), consoletest.Visitor(who), r)
}

func get(t *testing.T, path string) pagetest.Page {
	t.Helper()
	p := do(t, &consoletest.Entries{}, authz.Guard, pagetest.Get(path, "ja"))
	p.Sound(t)
	return p
}

func TestThePageIsSoundInBothLanguages(t *testing.T) {
	for _, lang := range []string{"ja", "en"} {
		p := do(t, &consoletest.Entries{}, authz.Guard, pagetest.Get("/presence", lang))
		p.Sound(t)
		p.Golden(t, "presence."+lang)
	}
}

func rows(p pagetest.Page) []string {
	var all []string
	for _, n := range p.Find("tbody tr") {
		all = append(all, pagetest.Text(n))
	}
	return all
}

// R43-2, R76-1: who is inside each area, since when, from what evidence; two places at once are flagged.
func TestTheListSaysWhoIsInsideSinceWhenAndHowThatIsKnown(t *testing.T) {
	p := get(t, "/presence?gone=1")
	want := []string{
		"佐藤 花子 S-1001 9月18日(金) 02時42分 20 分 書庫 入口 入室・退室の読取機 二か所に在室：電子計算機室 退室を記入",
		"高橋 次郎 S-1003 9月18日(金) 02時12分 50 分 — 手で記入 退室を記入",
		"鈴木 一郎 S-1002 9月18日(金) 00時48分 2 時間 14 分 執務室 東 入室のみ。退室は記録されない 扉が開いたことは確かめられていません 退室を記入",
		"田中 美咲 S-1004 9月15日(火) 00時02分 3 日 執務室 東 退室不明 入室のみ。退室は記録されない 退室を記入",
		"佐藤 花子 S-1001 9月18日(金) 00時02分 3 時間 0 分 電子計算機室 正面扉 入室・退室の読取機 二か所に在室：書庫 退室を記入",
		"鈴木 一郎 S-1002 9月17日(木) 22時02分 5 時間 0 分 電子計算機室 正面扉 不確か 入室の後、記録されずに退室したおそれがあります 退室を記入",
	}
	if got := rows(p); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("rows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	p.Has(t, ".present-sum", "在室 5 人 2026年9月18日(金) 03:02:41 現在")
	p = get(t, "/presence")
	p.Has(t, "p.gone", "退室不明 1 人 表示する")
	p.Has(t, "p.gone a[href=/presence?gone=1]", "表示する")
	p.Count(t, "tbody tr", 5)
}

// What is not known is said above the list, with the moment up to which it is known.
func TestThePageSaysWhatItDoesNotKnow(t *testing.T) {
	p := get(t, "/presence")
	for _, want := range []string{
		"書庫 9月18日(金) 02時27分 時点（制御装置 ctl-2 は 35 分前から不通）",
		"執務室 9月18日(金) 02時53分 時点（制御装置 ctl-3 の記録 1200 件がまだ届いていません）",
		"電子計算機室 制御装置 ctl-4 から一度も情報が届いていません",
	} {
		p.Has(t, ".notice.error", want)
	}
	p.Count(t, ".panel.down", 3)
	get(t, "/presence?area=meeting").Count(t, ".notice", 0)
}

func TestTheListIsSearchedAndNarrowed(t *testing.T) {
	for _, tt := range []struct {
		path   string
		rows   int
		inside string
	}{
		{"/presence?q=" + url.QueryEscape("佐藤花"), 2, "在室 2 人"},
		{"/presence?q=1002", 2, "在室 2 人"},
		{"/presence?q=nobody", 0, "在室 0 人"},
		{"/presence?area=archive", 2, "在室 2 人 書庫"},
		{"/presence?area=archive&q=1003", 1, "在室 1 人 書庫"},
		{"/presence?area=meeting", 0, "在室 0 人 会議室"},
	} {
		p := get(t, tt.path)
		p.Count(t, "tbody tr", tt.rows)
		p.Has(t, ".present-sum", tt.inside)
	}
	if p := do(t, &consoletest.Entries{}, authz.Guard, pagetest.Get("/presence?area=nowhere", "ja")); p.Status != http.StatusNotFound {
		t.Errorf("an area that is not there: %d", p.Status)
	}
}

func form(way, person, area, reason string) string {
	return url.Values{"way": {way}, "person": {person}, "in": {area}, "reason": {reason}}.Encode()
}

// R43-2
func TestAGuardEntersByHand(t *testing.T) {
	e := &consoletest.Entries{}
	for _, way := range []string{"in", "out"} {
		p := do(t, e, authz.Guard, pagetest.Post("/presence", form(way, "S-1001", "archive", "非常口")))
		if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/presence?said="+way {
			t.Fatalf("%d to %q", p.Status, p.Header.Get("Location"))
		}
	}
	want := []consoletest.Said{{In: true, Person: "S-1001", Area: "archive", Reason: "非常口"}, {Person: "S-1001", Area: "archive", Reason: "非常口"}}
	if len(e.Said) != 2 || e.Said[0] != want[0] || e.Said[1] != want[1] {
		t.Errorf("said %+v", e.Said)
	}
	get(t, "/presence?said=out").Has(t, ".notice.good", "退室を記入しました")
}

func TestAFormThatIsRefusedKeepsWhatWasTyped(t *testing.T) {
	for field, body := range map[string]string{
		"person": form("out", "S-9999", "archive", "非常口"),
		"reason": form("out", "S-1001", "archive", ""),
	} {
		p := do(t, &consoletest.Entries{}, authz.Guard, pagetest.Post("/presence", body))
		p.Sound(t)
		p.Count(t, "#f-"+field+"[aria-invalid]", 1)
		p.Count(t, "#f-way option[value=out][selected]", 1)
		p.Count(t, "#f-in option[value=archive][selected]", 1)
		p.Count(t, "tbody tr", 5)
	}
}

func TestTheRowOfAPersonFillsInTheForm(t *testing.T) {
	p := get(t, "/presence")
	next := strings.TrimSuffix(pagetest.Attr(p.Find("td.do a")[1], "href"), "#hand")
	p = get(t, next)
	p.Count(t, "#f-way option[value=out][selected]", 1)
	p.Count(t, "#f-in option[value=archive][selected]", 1)
	if got := pagetest.Attr(p.Find("#f-person")[0], "value"); got != "S-1003" {
		t.Errorf("person %q", got)
	}
}

func TestWhoMayNotEnterByHandIsNotOfferedIt(t *testing.T) {
	p := do(t, &consoletest.Entries{}, authz.Auditor, pagetest.Get("/presence", "ja"))
	p.Sound(t)
	p.Count(t, "form[method=post][action=/presence]", 0)
	p.Count(t, "td.do", 0)
	p.Count(t, "tbody tr", 5)
}

func TestWhatPeopleTypedIsShownAsText(t *testing.T) {
	e := &consoletest.Entries{Hostile: pagetest.Hostile}
	p := do(t, e, authz.Guard, pagetest.Get("/presence?q="+url.QueryEscape(pagetest.Hostile)+"&person="+url.QueryEscape(pagetest.Hostile), "ja"))
	p.Sound(t)
	p.Harmless(t, 8)
}

// R43-2: a manager gets from each person to the form that has the doors forget them; a guard does not.
func TestAManagerMayHaveTheDoorsForgetAPerson(t *testing.T) {
	p := do(t, &consoletest.Entries{}, authz.SecurityManager, pagetest.Get("/presence", "ja"))
	p.Sound(t)
	p.Count(t, `a[href=/areas/archive/forget?person=S-1003]`, 1)
	p.Count(t, `a[href=/areas/server-room/forget?person=S-1001]`, 1)
	p = get(t, "/presence")
	p.Count(t, `a[href=/areas/archive/forget?person=S-1003]`, 0)
}
