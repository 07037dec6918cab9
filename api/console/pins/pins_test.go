package pins_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"kanmon/api/console/consoletest"
	"kanmon/api/console/pagetest"
	"kanmon/api/console/pins"
	"kanmon/api/console/ui"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/lifecycle/pin"
)

type office struct {
	shell *ui.Shell
	pins  *consoletest.PINs
	staff consoletest.Staff
	areas consoletest.Areas
	who   ui.Visitor
}

func open(t *testing.T) office {
	t.Helper()
	return office{
		shell: consoletest.Shell(t), pins: consoletest.CityPINs(), staff: consoletest.City(), who: consoletest.Visitor(authz.SecurityManager),
	}
}

func (o office) do(t *testing.T, r *http.Request) pagetest.Page {
	t.Helper()
	p, err := pins.New(pins.Config{Shell: o.shell, PINs: o.pins, Staff: o.staff, Areas: o.areas, Now: consoletest.Clock})
	if err != nil {
		t.Fatal(err)
	}
	return pagetest.Do(t, o.shell, p.Routes(), o.who, r)
}

func (o office) get(t *testing.T, path string) pagetest.Page {
	t.Helper()
	return o.do(t, pagetest.Get(path, "ja"))
}

func send(fields ...string) *http.Request {
	v := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		v.Set(fields[i], fields[i+1])
	}
	return pagetest.Post("/staff/S-1001/pins", v.Encode())
}

func TestEveryPageIsSoundInBothLanguages(t *testing.T) {
	o := open(t)
	for name, path := range map[string]string{"list": "/pins", "one": "/staff/S-1001/pins", "none": "/staff/S-1002/pins", "done": "/staff/S-1002/pins?done=set"} {
		for _, lang := range []string{"ja", "en"} {
			p := o.do(t, pagetest.Get(path, lang))
			p.Sound(t)
			p.Golden(t, name+"."+lang)
		}
	}
	for _, lang := range []string{"ja", "en"} {
		r := send("act", "draw", "place", "A-2@1", "duress", "yes", "reason", "定期変更")
		r.Header.Set("Cookie", "kanmon_lang="+lang)
		p := o.do(t, r)
		p.Sound(t)
		p.Golden(t, "issued."+lang)
	}
}

// R44-3: the manager is warned of what ends, of what is over and of what is too short.
func TestPINsToBeRenewedAreListedWithTheirEnd(t *testing.T) {
	p := open(t).get(t, "/pins")
	var rows []string
	for _, n := range p.Find("tbody tr") {
		rows = append(rows, pagetest.Text(n))
	}
	want := []string{
		"佐藤 花子 S-1001 書庫 番号だけで開く あと7日 桁数不足 2026年9月25日(金) 03:02:41",
		"髙橋 美咲 S-1003 本人の番号 カードや職員番号と合わせて使う 期限切れ（開きません） 2026年7月31日(金) 00:00:00",
	}
	for i := range want {
		if len(rows) != len(want) || !strings.HasPrefix(rows[i], want[i]) {
			t.Fatalf("%q, want %q", rows, want)
		}
	}
}

func TestALongListIsReadPageByPage(t *testing.T) {
	o := open(t)
	o.pins.All = nil
	for i := range 120 {
		id := fmt.Sprintf("S-%03d", i)
		o.pins.All = append(o.pins.All, pin.PIN{ID: id, Person: id, State: pin.Set, Expires: consoletest.Now.Add(time.Hour)})
	}
	seen, path := 0, "/pins"
	for range 5 {
		p := o.get(t, path)
		seen += len(p.Find("tbody tr"))
		next := p.Find(".pages a")
		if len(next) == 0 {
			break
		}
		path = pagetest.Attr(next[0], "href")
	}
	if seen != 120 {
		t.Errorf("%d rows seen", seen)
	}
}

// R44-1: a PIN that was drawn is on the page that answers the form, which no cache keeps, and on none afterwards.
func TestADrawnPINIsOnOnePage(t *testing.T) {
	o := open(t)
	p := o.do(t, send("act", "draw", "place", "A-1@2", "duress", "yes", "reason", "新規"))
	p.Sound(t)
	p.Count(t, ".once dd", 2)
	p.Has(t, ".notice", "控えてから閉じてください")
	for i, want := range []string{"4711", "8642"} {
		if got := pagetest.Text(p.Find(".once dd")[i]); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if p.Header.Get("Cache-Control") != "no-store" || p.Header.Get("Location") != "" {
		t.Errorf("%v", p.Header)
	}
	if got := o.pins.Last; got.Person != "S-1001" || got.Area != "A-1" || got.After != 2 || !got.Duress || got.Reason != "新規" || got.Chosen.Len() != 0 {
		t.Errorf("asked for %+v", got)
	}
	p = o.get(t, "/staff/S-1001/pins")
	if strings.Contains(p.Body, "4711") || strings.Contains(p.Body, "8642") {
		t.Error("the PIN is on a later page")
	}
}

// Loading the page again sends the form again; it says after which version its PIN comes, so that the register refuses it.
func TestLoadingThePageAgainShowsNoPIN(t *testing.T) {
	o := open(t)
	o.pins.Fail = fault.New(fault.Conflict, "pin.moved", "moved")
	p := o.do(t, send("act", "draw", "place", "@3", "reason", "新規"))
	p.Sound(t)
	if o.pins.Last.After != 3 || p.Status != http.StatusConflict || strings.Contains(p.Body, "4711") {
		t.Errorf("%d, %+v", p.Status, o.pins.Last)
	}
	p.Has(t, "[role=alert]", "すでに変更されています")
	for _, option := range p.Find("#f-place option") { // what the form offers next is of the version there is
		if v := pagetest.Attr(option, "value"); v != "@3" && v != "A-1@2" && v != "A-2@1" {
			t.Errorf("offers %q", v)
		}
	}
}

func TestAHolderChoosesTheirOwnPINByTypingItTwice(t *testing.T) {
	o := open(t)
	p := o.do(t, send("act", "choose", "after", "3", "reason", "新規", "pin", "5937", "pin_again", "5937", "duress_pin", "8160", "duress_pin_again", "8160"))
	if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/staff/S-1001/pins?done=set" {
		t.Fatalf("%d to %q: %s", p.Status, p.Header.Get("Location"), pagetest.Text(p.Node))
	}
	got := o.pins.Last
	if got.Area != "" || got.After != 3 || got.Chosen.Reveal() != "5937" || got.ChosenDuress.Reveal() != "8160" {
		t.Errorf("asked for %+v", got)
	}
}

// What was typed as a PIN comes back on no page, whatever was wrong with the form.
func TestARefusedFormKeepsEverythingButThePIN(t *testing.T) {
	good := []string{"act", "choose", "after", "3", "reason", "忘れた", "pin", "5937", "pin_again", "5937"}
	for name, c := range map[string]struct {
		change []string
		fail   error
		field  string
		says   string
	}{
		"typed otherwise":         {[]string{"pin_again", "5938"}, nil, "pin_again", "一致しません"},
		"typed once":              {[]string{"pin_again", ""}, nil, "pin_again", "一致しません"},
		"not digits":              {[]string{"pin", "59a7", "pin_again", "59a7"}, nil, "pin", "数字で"},
		"nothing":                 {[]string{"pin", "", "pin_again", ""}, nil, "pin", "数字で"},
		"other one for threats":   {[]string{"duress_pin", "8160"}, nil, "duress_pin_again", "一致しません"},
		"trivial":                 {nil, fault.BadField("pin", "pin.trivial", "trivial"), "pin", "推測されやすい"},
		"used before":             {nil, &fault.Error{Kind: fault.Conflict, Code: "pin.used_before", Field: "duress_pin"}, "duress_pin", "以前に使った"},
		"no reason":               {[]string{"reason", ""}, nil, "choose-reason", "入力してください"},
		"somebody was faster":     {nil, fault.New(fault.Conflict, "pin.moved", "moved"), "", "すでに変更"},
		"a form out of its place": {[]string{"after", "-1"}, nil, "", "入力してください"},
	} {
		t.Run(name, func(t *testing.T) {
			o := open(t)
			o.pins.Fail = c.fail
			p := o.do(t, send(append(good[:len(good):len(good)], c.change...)...))
			p.Sound(t)
			if p.Status != http.StatusUnprocessableEntity && p.Status != http.StatusConflict {
				t.Errorf("status %d", p.Status)
			}
			p.Has(t, "[role=alert]", c.says)
			if c.field != "" {
				p.Count(t, "#f-"+c.field+"[aria-invalid]", 1)
				p.Has(t, "#e-"+c.field, c.says)
			}
			if got := pagetest.Attr(p.Find("#f-choose-reason")[0], "value"); got != "忘れた" && name != "no reason" {
				t.Errorf("the reason was lost: %q", got)
			}
			for _, typed := range []string{"5937", "5938", "59a7", "8160"} {
				if strings.Contains(p.Body, typed) {
					t.Errorf("the page repeats %s", typed)
				}
			}
		})
	}
}

// R44-3: what has leaked is withdrawn with a reason.
func TestALeakedPINIsWithdrawn(t *testing.T) {
	o := open(t)
	p := o.do(t, send("act", "withdraw", "area", "A-2", "reason", "漏れた"))
	if p.Status != http.StatusSeeOther || o.pins.Withdrawn != "S-1001/A-2" || o.pins.Reason != "漏れた" {
		t.Errorf("%d, %q, %q", p.Status, o.pins.Withdrawn, o.pins.Reason)
	}
	o.get(t, "/staff/S-1001/pins?done=withdrawn").Has(t, ".notice.good", "無効にしました")
	o.pins.Fail = fault.New(fault.Conflict, "pin.withdrawn", "already")
	p = o.do(t, send("act", "withdraw", "area", "", "reason", "漏れた"))
	p.Sound(t)
	p.Has(t, "[role=alert]", "すでに無効")
}

func TestThePageOffersWhatTheVisitorMayDo(t *testing.T) {
	o := open(t)
	o.get(t, "/staff/S-1001/pins").Count(t, "section.act form", 3)
	o.get(t, "/staff/S-1002/pins").Count(t, "section.act form", 2) // nothing to withdraw
	o.who = consoletest.Visitor(authz.Auditor)
	p := o.get(t, "/staff/S-1001/pins")
	p.Sound(t)
	p.Count(t, "section.act form", 0)
	p.Count(t, "#h-log", 1)
	if p := o.get(t, "/staff/S-9999/pins"); p.Status != http.StatusNotFound {
		t.Errorf("nobody: %d", p.Status)
	}
	if p := open(t).do(t, send("act", "guess")); p.Status != http.StatusUnprocessableEntity && p.Status != http.StatusBadRequest {
		t.Errorf("no such form: %d", p.Status)
	}
	fails := open(t)
	fails.pins.Fail = fault.New(fault.Denied, "auth.denied", "not allowed")
	if p := fails.do(t, send("act", "draw", "place", "@3", "reason", "新規")); p.Status != http.StatusForbidden {
		t.Errorf("denied: %d", p.Status)
	}
}

// R44-3: the rotation log as a file; a reason that looks like a formula is a text in it.
func TestTheRotationLogIsAFile(t *testing.T) {
	o := open(t)
	o.pins.Changes = o.pins.Changes[:1]
	o.pins.Changes[0].Reason = "=HYPERLINK(\"x\")"
	p := o.get(t, "/staff/S-1001/pins/log.csv")
	want := "\ufeff日時,操作した人,用途,状態,脅されたときの番号,発行日,期限,理由\n" +
		"2026-08-01 00:00:00,account:yamada,本人の番号,発行,あり,2026-08-01 00:00:00,2027-01-28 00:00:00,\"'=HYPERLINK(\"\"x\"\")\"\n"
	if p.Body != want || p.Header.Get("Content-Type") != "text/csv; charset=utf-8" || p.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%q, want %q; %v", p.Body, want, p.Header)
	}
}

func TestWhatPeopleTypedIsShownAsText(t *testing.T) {
	o := open(t)
	o.staff.Members[0].Name = pagetest.Hostile
	o.areas.Hostile = pagetest.Hostile
	for i := range o.pins.All {
		o.pins.All[i].PersonName, o.pins.All[i].AreaName = pagetest.Hostile, pagetest.Hostile
	}
	for i := range o.pins.Changes {
		o.pins.Changes[i].Reason, o.pins.Changes[i].AreaName = pagetest.Hostile, pagetest.Hostile
	}
	for path, n := range map[string]int{"/pins": 2, "/staff/S-1001/pins": 10} {
		p := o.get(t, path)
		p.Sound(t)
		p.Harmless(t, n)
	}
	p := o.do(t, send("act", "draw", "place", "@3", "reason", "新規"))
	p.Sound(t)
	p.Harmless(t, 1)
}
