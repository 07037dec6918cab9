package notices_test

import (
	"net/http"
	"testing"

	"kanmon/api/console/consoletest"
	"kanmon/api/console/notices"
	"kanmon/api/console/pagetest"
	"kanmon/internal/authz"
)

func do(t *testing.T, n *consoletest.Notices, r *http.Request) pagetest.Page {
	t.Helper()
	shell := consoletest.Shell(t)
	p, err := notices.New(notices.Config{Shell: shell, Notices: n})
	if err != nil {
		t.Fatal(err)
	}
	return pagetest.Do(t, shell, p.Routes(), consoletest.Visitor(authz.SecurityManager), r)
}

func TestThePageIsSoundInBothLanguages(t *testing.T) {
	for _, lang := range []string{"ja", "en"} {
		p := do(t, consoletest.SomeNotices(""), pagetest.Get("/notices", lang))
		p.Sound(t)
		p.Golden(t, "notices."+lang)
	}
}

func TestANoticeSaysWhatItIsAboutAndLeadsThere(t *testing.T) {
	n := consoletest.SomeNotices("")
	p := do(t, n, pagetest.Get("/notices", "ja"))
	for i, want := range []string{
		"03:01:41 2026年9月18日(金) 警報「こじ開け」（電子計算機室 正面扉）を、まだだれも確認していません。 未読 既読にする 開く",
		"02:02:41 2026年9月18日(金) 警報「制御装置の不通」（制御装置 ctl-2）を、まだだれも確認していません。 開く",
		"00:02:41 2026年9月18日(金) 期限まで 14 日以内の暗証番号が 3 件あります。最も早い期限は 2026年10月1日(木) です。新しい番号を発行してください。 開く",
		"03:02:41 2026年9月17日(木) of_tomorrow 開く",
	} {
		if got := pagetest.Text(p.Find("tbody tr")[i]); got != want {
			t.Errorf("row %d: %q, want %q", i, got, want)
		}
	}
	p = do(t, n, pagetest.Post("/notices/N-0000000001/read", ""))
	if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/alarms/A-0000000001" || n.All[0].ReadAt.IsZero() {
		t.Errorf("opened: %d to %s", p.Status, p.Header.Get("Location"))
	}
	p = do(t, n, pagetest.Post("/notices/N-0000000001/read", "stay=1"))
	if p.Header.Get("Location") != "/notices" {
		t.Errorf("marked: to %s", p.Header.Get("Location"))
	}
	if p = do(t, n, pagetest.Post("/notices/N-1/read", "")); p.Status != http.StatusNotFound {
		t.Errorf("another's: %d", p.Status)
	}
}

func TestHostileNamesAreOnlyText(t *testing.T) {
	do(t, consoletest.SomeNotices(pagetest.Hostile), pagetest.Get("/notices", "ja")).Harmless(t, 1)
}

func TestALinkThatLeadsAwayGoesNowhere(t *testing.T) {
	n := consoletest.SomeNotices("")
	n.All[0].Link = "//elsewhere.example"
	if p := do(t, n, pagetest.Post("/notices/N-0000000001/read", "")); p.Header.Get("Location") != "/" {
		t.Errorf("to %s", p.Header.Get("Location"))
	}
}
