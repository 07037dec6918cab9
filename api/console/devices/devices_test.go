package devices_test

import (
	"strings"
	"testing"

	"kanmon/api/console/consoletest"
	"kanmon/api/console/devices"
	"kanmon/internal/authz"
)

func page(t *testing.T, d consoletest.Devices, lang string) consoletest.Page {
	t.Helper()
	shell := consoletest.Shell(t)
	p, err := devices.New(devices.Config{Shell: shell, Devices: d, Now: consoletest.Clock})
	if err != nil {
		t.Fatal(err)
	}
	return consoletest.Do(t, shell, p.Routes(), consoletest.Visitor(authz.Guard), consoletest.Get("/controllers", lang))
}

func TestThePageIsSoundInBothLanguages(t *testing.T) {
	for _, lang := range []string{"ja", "en"} {
		p := page(t, consoletest.Devices{}, lang)
		p.Sound(t)
		p.Golden(t, "devices."+lang)
	}
}

// R121-1, R103-1: what is cut off, out of step, behind, or unknown is in sight.
func TestWhatIsWrongWithAControllerIsSaid(t *testing.T) {
	p := page(t, consoletest.Devices{}, "ja")
	p.Count(t, "section.panel", 3)
	p.Count(t, "section.down", 2)
	p.Has(t, ".top .chip", "切断 2 台")
	panels := p.Find("section.panel")
	for i, want := range [][]string{
		{"ctl-1 本庁舎3階 電気室 接続中", "4 秒前", "+0.03 秒 許容範囲内", "0 件 すべて受信済み", "反映済み 適用 1.7 ／ 最新 1.7"},
		{"ctl-2 文書館 切断", "1 時間前", "−3.40 秒 ずれが大きい", "128 件 接続が戻ると受信します", "反映待ち 適用 1.6 ／ 最新 1.7", "journal_slow"},
		{"ctl-3 別館 切断", "通信なし"},
	} {
		for _, words := range want {
			if !strings.Contains(consoletest.Text(panels[i]), words) {
				t.Errorf("panel %d lacks %q: %s", i, words, consoletest.Text(panels[i]))
			}
		}
	}
}

func TestEachDeviceSaysItsLineAndItsChannel(t *testing.T) {
	p := page(t, consoletest.Devices{}, "ja")
	rows := p.Find("section.panel tbody tr")
	for i, want := range []string{
		"IN-1 読取機 1 接続中 確立", "IN-2 読取機 2 切断 — 応答なし", "IO-1 入出力装置 3 接続中 確立", "OUT-2 読取機 4 報告なし —",
		"IN-9 未登録 — 接続中 未確立", "IN-3 読取機 1 報告なし —",
	} {
		if got := consoletest.Text(rows[i]); got != want {
			t.Errorf("row %d: %q, want %q", i, got, want)
		}
	}
}

func TestWhatControllersSayIsShownAsText(t *testing.T) {
	p := page(t, consoletest.Devices{Hostile: consoletest.Hostile}, "ja")
	p.Sound(t)
	p.Harmless(t, 3)
}
