package devices_test

import (
	"net/http"
	"strings"
	"testing"

	"kanmon/api/console/consoletest"
	"kanmon/api/console/devices"
	"kanmon/api/console/pagetest"
	"kanmon/internal/authz"
)

func do(t *testing.T, d consoletest.Devices, who authz.Role, r *http.Request) pagetest.Page {
	t.Helper()
	shell := consoletest.Shell(t)
	p, err := devices.New(devices.Config{
		Shell: shell, Devices: d, Enrolment: consoletest.Enrolment{}, Revocations: consoletest.Revocations{}, URL: "https://kanmon.example.jp/", Now: consoletest.Clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	return pagetest.Do(t, shell, p.Routes(), consoletest.Visitor(who), r)
}

func page(t *testing.T, d consoletest.Devices, lang string) pagetest.Page {
	t.Helper()
	return do(t, d, authz.Guard, pagetest.Get("/controllers", lang))
}

func TestThePagesAreSoundInBothLanguages(t *testing.T) {
	for _, lang := range []string{"ja", "en"} {
		for name, r := range map[string]*http.Request{
			"devices": pagetest.Get("/controllers", lang), "active": pagetest.Get("/controllers/ctl-1", lang), "new": pagetest.Get("/controllers/ctl-5", lang),
			"revoked": pagetest.Get("/controllers/ctl-6", lang), "token": pagetest.Post("/controllers/ctl-5/token", ""),
			"add": pagetest.Get("/controllers/new", lang), "added": pagetest.Get("/controllers/ctl-1?added=IN-1", lang),
		} {
			r.Header.Set("Cookie", "kanmon_lang="+lang)
			p := do(t, consoletest.Devices{}, authz.SystemManager, r)
			p.Sound(t)
			p.Golden(t, name+"."+lang)
		}
	}
}

// R121-1, R103-1: what is cut off, out of step, behind, unknown, ending or thrown out is in sight.
func TestWhatIsWrongWithAControllerIsSaid(t *testing.T) {
	p := page(t, consoletest.Devices{}, "ja")
	p.Count(t, "section.panel", 6)
	p.Count(t, "section.down", 2)
	p.Has(t, ".top .chip", "切断 2 台")
	panels := p.Find("section.panel")
	for i, want := range [][]string{
		{
			"ctl-1 本庁舎3階 電気室 有効 接続中", "4 秒前", "+0.03 秒 許容範囲内", "0 件 すべて受信済み", "1.2 % 4120 件を保管", "反映済み 適用 1.7 ／ 最新 1.7 照合値 5e21a8d4",
			"失効の反映 反映済み 適用 1.3 ／ 最新 1.3 照合値 c0ffee5e", "中央との最終確認 4 秒前 9月21日(月) 03時02分 まで有効", "残り 163 日 2027年2月28日(日) まで",
		},
		{
			"ctl-2 文書館 有効 切断", "1 時間前", "−3.40 秒 ずれが大きい", "128 件 接続が戻ると受信します", "83.4 %", "反映待ち 適用 1.6 ／ 最新 1.7", "反映待ち 適用 1.2 ／ 最新 1.3",
			"9月21日(月) 01時50分 まで有効", "残り 6 日", "制御装置からの異常報告： 記録領域が残りわずかです、odd_new_code",
		},
		{"ctl-3 別館 登録済み 切断", "まだ一度も通信がありません"},
		{"ctl-4 車庫 登録待ち", "登録用トークンを発行済みです（9月18日(金) 23時02分 まで有効）"},
		{"ctl-5 倉庫 未登録", "まだ登録されていません"},
		{"ctl-6 旧館 失効", "2026年9月16日(水) 01:02:41 に失効させました（理由：盗難）"},
	} {
		for _, words := range want {
			if !strings.Contains(pagetest.Text(panels[i]), words) {
				t.Errorf("panel %d lacks %q: %s", i, words, pagetest.Text(panels[i]))
			}
		}
	}
	if got := len(p.Find("dl.figures .off")); got != 5 { // clock, journal, policy, revocations, certificate of ctl-2
		t.Errorf("%d figures are marked", got)
	}
}

// The comparison with the centre's revocation set is for those who may see cards.
func TestWhoMayNotSeeCardsSeesNoComparisonOfRevocations(t *testing.T) {
	p := do(t, consoletest.Devices{}, authz.CSIRT, pagetest.Get("/controllers", "ja"))
	if strings.Contains(p.Body, "最新 1.3") || p.Status != http.StatusOK {
		t.Errorf("%d: %s", p.Status, pagetest.Text(p.Node))
	}
}

// R103-1: the token is on the page that made it, with the line to run and the authority to check; asking for the page again shows none.
func TestATokenIsShownOnceWithTheCommandToRun(t *testing.T) {
	p := do(t, consoletest.Devices{}, authz.SystemManager, pagetest.Post("/controllers/ctl-5/token", ""))
	p.Has(t, "pre.command", `kanmon-controller enroll -config controller.json \ -url https://kanmon.example.jp \ -token `+consoletest.TokenText)
	p.Has(t, ".notice", "2026年9月19日(土) 03:02:41 まで、一度だけ")
	p.Has(t, "code.print", consoletest.Enrolment{}.Fingerprint())
	if p := do(t, consoletest.Devices{}, authz.SystemManager, pagetest.Get("/controllers/ctl-5", "ja")); strings.Contains(p.Body, consoletest.TokenText[:11]) {
		t.Error("the token is shown again")
	}
	if p := do(t, consoletest.Devices{}, authz.SystemManager, pagetest.Post("/controllers/none/token", "")); p.Status != http.StatusNotFound {
		t.Errorf("an unknown controller: %d", p.Status)
	}
}

func TestACommandNamesTheCentreAsTheVisitorReachesItWhenNothingElseIsKnown(t *testing.T) {
	shell := consoletest.Shell(t)
	p, err := devices.New(devices.Config{Shell: shell, Devices: consoletest.Devices{}, Enrolment: consoletest.Enrolment{}, Now: consoletest.Clock})
	if err != nil {
		t.Fatal(err)
	}
	r := pagetest.Post("/controllers/ctl-5/token", "")
	r.Host = "centre.example:8480"
	pagetest.Do(t, shell, p.Routes(), consoletest.Visitor(authz.SystemManager), r).Has(t, "pre.command", `-url https://centre.example:8480 \ -token`)
}

// R103-1
func TestAControllerIsThrownOutWithAReason(t *testing.T) {
	var reason string
	d := consoletest.Devices{Revoked: &reason}
	p := do(t, d, authz.SecurityManager, pagetest.Post("/controllers/ctl-1/revoke", "reason=%E7%9B%97%E9%9B%A3"))
	if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/controllers/ctl-1" || reason != "盗難" {
		t.Fatalf("%d to %q, %q", p.Status, p.Header.Get("Location"), reason)
	}
	p = do(t, d, authz.SecurityManager, pagetest.Post("/controllers/ctl-1/revoke", "reason="))
	p.Sound(t)
	p.Has(t, "#e-reason", "入力してください")
	p = do(t, d, authz.SecurityManager, pagetest.Post("/controllers/ctl-6/revoke", "reason=x"))
	p.Sound(t)
	p.Has(t, "[role=alert]", "すでに失効しています")
	if p := do(t, d, authz.SecurityManager, pagetest.Post("/controllers/none/revoke", "reason=x")); p.Status != http.StatusNotFound {
		t.Errorf("an unknown controller: %d", p.Status)
	}
}

func TestAControllersPageOffersWhatTheVisitorMayDo(t *testing.T) {
	for _, c := range []struct {
		who   authz.Role
		name  string
		forms int
	}{
		{authz.SystemManager, "ctl-1", 2}, {authz.SecurityManager, "ctl-1", 1}, {authz.Guard, "ctl-1", 0}, {authz.SystemManager, "ctl-5", 1}, {authz.SystemManager, "ctl-6", 1},
	} {
		do(t, consoletest.Devices{}, c.who, pagetest.Get("/controllers/"+c.name, "ja")).Count(t, "section.act form", c.forms)
	}
}

func TestEachDeviceSaysItsLineAndItsChannel(t *testing.T) {
	p := page(t, consoletest.Devices{}, "ja")
	rows := p.Find("section.panel tbody tr")
	for i, want := range []string{
		"IN-1 OSDP読取機 1 接続中 確立", "IN-2 OSDP読取機 2 切断 — 応答なし", "IO-1 OSDP入出力装置 3 接続中 確立", "OUT-2 OSDP読取機 4 報告なし —",
		"IN-9 未登録 — 接続中 未確立", "IN-3 OSDP読取機 1 報告なし —",
	} {
		if got := pagetest.Text(rows[i]); got != want {
			t.Errorf("row %d: %q, want %q", i, got, want)
		}
	}
}

func TestWhatControllersSayIsShownAsText(t *testing.T) {
	for path, n := range map[string]int{"/controllers": 4, "/controllers/ctl-6": 1, "/controllers/ctl-1": 1} {
		p := do(t, consoletest.Devices{Hostile: pagetest.Hostile}, authz.SystemManager, pagetest.Get(path, "ja"))
		p.Sound(t)
		p.Harmless(t, n)
	}
}
