package approvals_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"kanmon/api/console/approvals"
	"kanmon/api/console/areatest"
	"kanmon/api/console/consoletest"
	"kanmon/api/console/pagetest"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
)

func do(t *testing.T, a *areatest.Approvals, who authz.Role, r *http.Request) pagetest.Page {
	t.Helper()
	shell := consoletest.Shell(t)
	p, err := approvals.New(approvals.Config{Shell: shell, Approvals: a})
	if err != nil {
		t.Fatal(err)
	}
	return pagetest.Do(t, shell, p.Routes(), consoletest.Visitor(who), r)
}

func TestEveryPageIsSoundInBothLanguages(t *testing.T) {
	for _, lang := range []string{"ja", "en"} {
		for name, path := range map[string]string{"list": "/approvals", "one": "/approvals/Q-1", "own": "/approvals/Q-2?asked", "done": "/approvals/Q-3?done"} {
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
	want := "レベル レベル 2 レベル 3|責任者 なし S-1001|入室に使うもの カード カードと暗証番号|入退室の両側に読取機 いいえ はい|二重入室の扱い なし しばらく断る|断る時間 なし 300 秒|" +
		"在室を白紙に戻す時刻 なし 4:00|二人で入る いいえ はい"
	if got := strings.Join(rows, "|"); got != want {
		t.Errorf("changes %q, want %q", got, want)
	}
	p.Count(t, "form[action=/approvals/Q-1/approve]", 1)
	own := do(t, areatest.SomeApprovals(""), authz.SecurityManager, pagetest.Get("/approvals/Q-2", "ja"))
	own.Count(t, "form[action=/approvals/Q-2/approve]", 0)
	own.Count(t, "form[action=/approvals/Q-2/withdraw]", 1)
	own.Has(t, ".act", "自分の申請は承認できません")
	own.Count(t, ".changes table", 2)
	do(t, areatest.SomeApprovals(""), authz.Auditor, pagetest.Get("/approvals/Q-1", "ja")).Count(t, "main form", 0)
	if p := do(t, areatest.SomeApprovals(""), authz.Auditor, pagetest.Get("/approvals/Q-9", "ja")); p.Status != http.StatusNotFound {
		t.Errorf("no such request: %d", p.Status)
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
	for _, path := range []string{"/approvals", "/approvals/Q-1", "/approvals/Q-3"} {
		p := do(t, areatest.SomeApprovals(pagetest.Hostile), authz.SystemManager, pagetest.Get(path, "ja"))
		p.Sound(t)
		p.Harmless(t, 1)
	}
}
