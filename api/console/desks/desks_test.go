package desks_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"kanmon/api/console/consoletest"
	"kanmon/api/console/desks"
	"kanmon/api/console/desktest"
	"kanmon/api/console/pagetest"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
)

func do(t *testing.T, d *desktest.Desks, who authz.Role, r *http.Request) pagetest.Page {
	t.Helper()
	shell := consoletest.Shell(t)
	p, err := desks.New(desks.Config{Shell: shell, Desks: d, Seats: d, URL: "https://kanmon.example.jp/", Now: consoletest.Clock})
	if err != nil {
		t.Fatal(err)
	}
	return pagetest.Do(t, shell, p.Routes(), consoletest.Visitor(who), r)
}

func TestThePagesAreSoundInBothLanguages(t *testing.T) {
	for _, lang := range []string{"ja", "en"} {
		for name, r := range map[string]*http.Request{
			"desks": pagetest.Get("/desks", lang), "desk": pagetest.Get("/desks/front-1", lang), "new": pagetest.Get("/desks/side-1", lang),
			"revoked": pagetest.Get("/desks/old-1", lang), "token": pagetest.Post("/desks/side-1/token", ""),
		} {
			r.Header.Set("Cookie", "kanmon_lang="+lang)
			p := do(t, desktest.SomeDesks(""), authz.SystemManager, r)
			p.Sound(t)
			p.Golden(t, name+"."+lang)
		}
	}
}

// R75-2: what lies in a reader for too long stands above everything else.
func TestACardThatWasLeftStandsOnTop(t *testing.T) {
	p := do(t, desktest.SomeDesks(""), authz.Guard, pagetest.Get("/desks", "ja"))
	if got := pagetest.Text(p.Find(".notice.error")[0]); !strings.Contains(got, "カード T-001") {
		t.Errorf("on top: %s", got)
	}
	p.Count(t, ".notice.error", 2)
	p.Count(t, "form[action=/desks]", 0)
}

func TestADeskIsEnteredWithItsTimeInMinutes(t *testing.T) {
	d := desktest.SomeDesks("")
	p := do(t, d, authz.SystemManager, pagetest.Post("/desks", "name=front-2&place=%E7%AA%93%E5%8F%A3&watch=1.5&accepts=idm&accepts=uid"))
	if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/desks/front-2" || d.Act != "add front-2" {
		t.Fatalf("%d to %q, %q", p.Status, p.Header.Get("Location"), d.Act)
	}
	if d.Last.Place != "窓口" || d.Last.Watch != 90*time.Second || !slices.Equal(d.Last.Accepts, []string{"idm", "uid"}) {
		t.Errorf("entered %+v", d.Last)
	}
	d.Fail = fault.BadField("watch", "desk.watch", "too short")
	p = do(t, d, authz.SystemManager, pagetest.Post("/desks", "name=front-2&place=x&watch=soon&accepts=idm"))
	p.Sound(t)
	p.Has(t, "#e-watch", "10秒から24時間")
	p.Count(t, "input[name=accepts][checked]", 1)
	if d.Last.Watch >= 0 {
		t.Errorf("a time that is none became %v", d.Last.Watch)
	}
}

func TestADeskIsChangedAndThrownOutWithAReason(t *testing.T) {
	d := desktest.SomeDesks("")
	for path, want := range map[string]string{"/desks/front-1": "change front-1: x", "/desks/front-1/revoke": "revoke front-1: x"} {
		d.Fail = nil
		if p := do(t, d, authz.SystemManager, pagetest.Post(path, "reason=x&place=y&watch=0")); p.Status != http.StatusSeeOther || d.Act != want {
			t.Errorf("%s: %d, %q", path, p.Status, d.Act)
		}
		d.Fail = fault.BadField("reason", "field.required", "empty")
		p := do(t, d, authz.SystemManager, pagetest.Post(path, "reason="))
		p.Sound(t)
		p.Has(t, "[role=alert]", "入力してください")
	}
	if p := do(t, d, authz.SystemManager, pagetest.Get("/desks/none", "ja")); p.Status != http.StatusNotFound {
		t.Errorf("an unknown desk: %d", p.Status)
	}
}

// R103-1: the token is on the page that made it, with the line to run and the authority to check; asking for the page again shows none.
func TestATokenIsShownOnceWithTheCommandToRun(t *testing.T) {
	d := desktest.SomeDesks("")
	p := do(t, d, authz.SystemManager, pagetest.Post("/desks/side-1/token", ""))
	p.Has(t, "pre.command", `kanmon-desk enroll -config desk.json \ -url https://kanmon.example.jp \ -token `+consoletest.TokenText)
	p.Has(t, "code.print", d.Fingerprint())
	if p := do(t, d, authz.SystemManager, pagetest.Get("/desks/side-1", "ja")); strings.Contains(p.Body, consoletest.TokenText[:11]) {
		t.Error("the token is shown again")
	}
}

func TestACentreWithoutAPortForDesksSaysSo(t *testing.T) {
	d := desktest.SomeDesks("")
	d.Without = true
	d.Left = nil
	do(t, d, authz.SystemManager, pagetest.Get("/desks", "ja")).Has(t, ".notice", "desks に listen")
	do(t, d, authz.SystemManager, pagetest.Get("/desks/side-1", "ja")).Count(t, "form[action=/desks/side-1/token]", 0)
}

func TestWhatIsEnteredAboutDesksIsShownAsText(t *testing.T) {
	for path, n := range map[string]int{"/desks": 4, "/desks/old-1": 2} {
		p := do(t, desktest.SomeDesks(pagetest.Hostile), authz.Guard, pagetest.Get(path, "ja"))
		p.Sound(t)
		p.Harmless(t, n)
	}
}
