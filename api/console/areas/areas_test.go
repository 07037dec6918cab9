package areas_test

import (
	"testing"

	"kanmon/api/console/areas"
	"kanmon/api/console/consoletest"
	"kanmon/internal/authz"
)

func page(t *testing.T, a consoletest.Areas, lang string) consoletest.Page {
	t.Helper()
	shell := consoletest.Shell(t)
	p, err := areas.New(areas.Config{Shell: shell, Areas: a})
	if err != nil {
		t.Fatal(err)
	}
	return consoletest.Do(t, shell, p.Routes(), consoletest.Visitor(authz.Guard), consoletest.Get("/areas", lang))
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
		if got := consoletest.Text(rows[i]); got != want {
			t.Errorf("row %d: %q, want %q", i, got, want)
		}
	}
}

func TestWhatPeopleTypedIsShownAsText(t *testing.T) {
	p := page(t, consoletest.Areas{Hostile: consoletest.Hostile}, "ja")
	p.Sound(t)
	p.Harmless(t, 6)
}
