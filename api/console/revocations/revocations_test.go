package revocations_test

import (
	"net/http"
	"strings"
	"testing"

	"kanmon/api/console/consoletest"
	"kanmon/api/console/pagetest"
	"kanmon/api/console/revocations"
	"kanmon/api/console/ui"
	"kanmon/internal/access"
	"kanmon/internal/authz"
)

func do(t *testing.T, r consoletest.Revocations, who ui.Visitor, path, lang string) pagetest.Page {
	t.Helper()
	shell := consoletest.Shell(t)
	p, err := revocations.New(revocations.Config{Shell: shell, Revocations: r, Now: consoletest.Clock})
	if err != nil {
		t.Fatal(err)
	}
	return pagetest.Do(t, shell, p.Routes(), who, pagetest.Get(path, lang))
}

func get(t *testing.T, r consoletest.Revocations, path string) pagetest.Page {
	t.Helper()
	return do(t, r, consoletest.Visitor(authz.SystemManager), path, "ja")
}

func TestEveryPageIsSoundInBothLanguages(t *testing.T) {
	for _, c := range []struct {
		name, path string
		register   consoletest.Revocations
	}{
		{"list", "/revocations", consoletest.Revocations{}},
		{"open", "/revocations/1/3", consoletest.Revocations{}},
		{"whole", "/revocations/1/3", consoletest.Revocations{Back: true}},
		{"lifted", "/revocations/1/2", consoletest.Revocations{}},
		{"nobody", "/revocations/1/3", consoletest.Revocations{Nobody: true}},
	} {
		for _, lang := range []string{"ja", "en"} {
			p := do(t, c.register, consoletest.Visitor(authz.SystemManager), c.path, lang)
			p.Sound(t)
			p.Golden(t, c.name+"."+lang)
		}
	}
}

// R75-3: the receipt says how many doors obey, which ones do not yet, and when those will refuse by themselves.
func TestAReceiptSaysWhoIsMissingAndWhenItWillRefuseByItself(t *testing.T) {
	p := get(t, consoletest.Revocations{}, "/revocations/1/3")
	p.Has(t, "h1", "失効の確認")
	p.Has(t, ".verdict.open .verdict-word", "1 台の制御装置（扉 1 か所）がまだ確認していません")
	for i, want := range []string{"2 / 3 台", "4 / 5 か所"} {
		if got := pagetest.Text(p.Find(".score dd")[i]); got != want {
			t.Errorf("figure %d: %q, want %q", i, got, want)
		}
	}
	rows := p.Find(".steps tbody tr")
	for i, want := range []string{
		"ctl-2 文書館 文書館 通用口 未確認 通信切断 02:58:11.204 通信が戻らない場合、9月20日(日) 18時22分に自動的に拒否に切り替わります。",
		"ctl-1 本庁舎3階 電気室 書庫 入口、電子計算機室 正面扉 確認済み 02:58:11.204 02:58:11.205 +1.1 ミリ秒 02:58:11.206 +2.4 ミリ秒 02:58:11.209 +5.9 ミリ秒 署名の鍵 9f2c41d07ab35e18",
	} {
		if got := pagetest.Text(rows[i]); got != want {
			t.Errorf("row %d:\n got %q\nwant %q", i, got, want)
		}
	}
	p.Count(t, ".steps tr.open", 1)
	if got := pagetest.Attr(p.Find("[data-renew]")[0], "data-renew"); got != "1" {
		t.Errorf("it asks for itself again every %q s", got)
	}
	late := get(t, consoletest.Revocations{Lapsed: true}, "/revocations/1/3")
	late.Has(t, "td.later", "9月18日(金) 02時02分に自動的に拒否に切り替わっているはずです")
}

// R75-3
func TestAReceiptThatIsWholeSaysSo(t *testing.T) {
	p := get(t, consoletest.Revocations{Back: true}, "/revocations/1/3")
	p.Has(t, ".verdict.good b", "すべての扉で、このカードは拒否されます")
	p.Has(t, ".verdict.good .verdict-word", "操作の 11.9 ミリ秒 後")
	p.Count(t, "tr.open td.later", 0)
	if got := pagetest.Attr(p.Find("[data-renew]")[0], "data-renew"); got != "15" {
		t.Errorf("it asks for itself again every %q s", got)
	}
}

// A door that confirmed and has another list in force is not green.
func TestADoorWithAnotherListIsNotGreen(t *testing.T) {
	p := get(t, consoletest.Revocations{Back: true, Differs: true}, "/revocations/1/3")
	p.Has(t, ".verdict.open .verdict-word", "1 台の制御装置（扉 2 か所）がまだ確認していません")
	p.Count(t, ".steps tr.open", 1)
	p.Has(t, ".steps tr.open", "不一致 02:58:11.204 制御装置の停止一覧が中央装置と異なります")
}

// R76-2: where a lost card was used since it was lost.
func TestUsesSinceTheLossAreShownToWhoMayReadTheLog(t *testing.T) {
	p := get(t, consoletest.Revocations{}, "/revocations/1/3")
	panels := p.Find("section.panel")
	uses := pagetest.Text(panels[1])
	for _, want := range []string{"紛失後の使用（9月17日(木) 21時00分 以降）", "入室拒否", "入室許可", "退室", "23:44:11", "通信が切れている扉での使用は、通信が戻ってから表示されます"} {
		if !strings.Contains(uses, want) {
			t.Errorf("uses lack %q: %s", want, uses)
		}
	}
	if p := do(t, consoletest.Revocations{}, consoletest.Visitor(authz.DepartmentHead), "/revocations/1/3", "ja"); strings.Contains(p.Body, "23:44:11") {
		t.Error("uses are shown to who may not read the log")
	}
}

func TestAReceiptOfThePastLeadsToTheNewest(t *testing.T) {
	p := get(t, consoletest.Revocations{}, "/revocations/1/1")
	p.Has(t, "h1", "一時停止の確認")
	p.Has(t, ".notice", "この後に新しい操作があります（無効化、2026年9月18日(金) 02:58:11）")
	if got := pagetest.Attr(p.Find(".notice a")[0], "href"); got != "/revocations/1/3" {
		t.Errorf("it leads to %q", got)
	}
	get(t, consoletest.Revocations{}, "/revocations/1/3").Count(t, ".notice", 0)
}

func TestTheListIsNarrowedAndPaged(t *testing.T) {
	get(t, consoletest.Revocations{}, "/revocations").Count(t, "tbody tr", 3)
	get(t, consoletest.Revocations{}, "/revocations?before=1.3").Count(t, "tbody tr", 2)
	p := get(t, consoletest.Revocations{}, "/revocations?card=C-AAAAAAAAAA")
	p.Has(t, ".top .sub", "カード T-001 の記録")
	get(t, consoletest.Revocations{}, "/revocations?card=C-none").Has(t, ".none", "まだありません")
}

func TestAnAddressThatIsNoRevocationIsAFriendlyPage(t *testing.T) {
	for path, status := range map[string]int{
		"/revocations/1/9": http.StatusNotFound, "/revocations/x/1": http.StatusNotFound, "/revocations/1/-1": http.StatusNotFound,
		"/revocations/1/99999999999999999999": http.StatusNotFound, "/revocations?before=1": http.StatusUnprocessableEntity, "/revocations?before=%00": http.StatusUnprocessableEntity,
	} {
		p := get(t, consoletest.Revocations{}, path)
		p.Sound(t)
		if p.Status != status {
			t.Errorf("%s: %d, want %d", path, p.Status, status)
		}
	}
}

func TestWhatPeopleTypedIsShownAsText(t *testing.T) {
	for path, n := range map[string]int{"/revocations": 3, "/revocations/1/3": 5} {
		p := get(t, consoletest.Revocations{Hostile: pagetest.Hostile}, path)
		p.Sound(t)
		p.Harmless(t, n)
	}
}

func TestPathIsTheAddressOfAReceipt(t *testing.T) {
	if got := revocations.Path(access.Version{Epoch: 2, N: 7}); got != "/revocations/2/7" {
		t.Errorf("Path = %q", got)
	}
}
