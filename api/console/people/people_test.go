package people_test

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"kanmon/api/console/consoletest"
	"kanmon/api/console/desktest"
	"kanmon/api/console/pagetest"
	"kanmon/api/console/people"
	"kanmon/api/console/taps"
	"kanmon/api/console/ui"
	seat "kanmon/api/desk"
	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/period"
	"kanmon/lifecycle/staff"
	"kanmon/reader/credential"
)

type office struct {
	shell  *ui.Shell
	staff  consoletest.Staff
	cards  *consoletest.Cards
	rights consoletest.Areas
	pins   *consoletest.PINs
	desks  *desktest.Desks
	key    credential.HashKey
	who    ui.Visitor
}

func open(t *testing.T) office {
	t.Helper()
	key, err := credential.NewHashKey([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	return office{
		shell: consoletest.Shell(t), staff: consoletest.City(), cards: consoletest.CityCards(), pins: consoletest.CityPINs(), key: key, desks: desktest.SomeDesks(""),
		who: consoletest.Visitor(authz.SystemManager),
	}
}

func (o office) do(t *testing.T, r *http.Request) pagetest.Page {
	t.Helper()
	p, err := people.New(people.Config{
		Shell: o.shell, Staff: o.staff, Cards: o.cards, Rights: o.rights, PINs: o.pins, Counter: taps.Counter{Desks: o.desks, Seats: o.desks}, HashKey: o.key, Now: consoletest.Clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	return pagetest.Do(t, o.shell, p.Routes(), o.who, r)
}

func (o office) get(t *testing.T, path string) pagetest.Page {
	t.Helper()
	return o.do(t, pagetest.Get(path, "ja"))
}

func TestEveryPageIsSoundInBothLanguages(t *testing.T) {
	o := open(t)
	for name, path := range map[string]string{
		"staff": "/staff", "member": "/staff/S-1001", "cards": "/cards", "card": "/cards/C-AAAAAAAAAA", "new": "/cards/new?person=S-1001",
		"paused": "/cards/C-CCCCCCCCCC",
	} {
		for _, lang := range []string{"ja", "en"} {
			p := o.do(t, pagetest.Get(path, lang))
			p.Sound(t)
			p.Golden(t, name+"."+lang)
		}
	}
}

// R44-2, R76-1: who holds which card, since when, until when, in which state.
func TestTheCardRegisterSaysWhoHoldsWhatUntilWhenAndHowItStands(t *testing.T) {
	p := open(t).get(t, "/cards")
	p.Count(t, "tbody tr", 4)
	var rows []string
	for _, n := range p.Find("tbody tr") {
		rows = append(rows, pagetest.Text(n))
	}
	for i, want := range []string{
		"T-001 佐藤 花子 S-1001 個人認証用 有効 2026年4月1日(水) ～ 2029年3月31日(土) 2026年4月1日(水)",
		"T-002 鈴木 一郎 S-1002 個人認証用 有効", "T-003 髙橋 美咲 S-1003 個人認証用 一時停止", "T-004 田中 健 S-1004 個人認証用 期間終了",
	} {
		if !strings.HasPrefix(rows[i], want) {
			t.Errorf("row %d: %s", i, rows[i])
		}
	}
}

func TestSearchNarrowsAndKeepsWhatWasTyped(t *testing.T) {
	o := open(t)
	p := o.get(t, "/staff?q="+url.QueryEscape("デジタル"))
	p.Count(t, "tbody tr", 2)
	if got := pagetest.Attr(p.Find("#q")[0], "value"); got != "デジタル" {
		t.Errorf("the field says %q", got)
	}
	p = o.get(t, "/cards?q="+url.QueryEscape("だれもいない"))
	p.Has(t, ".none", "条件に合うものはありません")
}

func TestALongListIsReadPageByPage(t *testing.T) {
	o := open(t)
	o.staff.Members = nil
	for i := range 130 {
		o.staff.Members = append(o.staff.Members, staff.Member{ID: "S-" + string(rune('A'+i/26)) + string(rune('A'+i%26)), Name: "名"})
	}
	seen, path := 0, "/staff?q=S"
	for range 5 {
		p := o.get(t, path)
		seen += len(p.Find("tbody tr"))
		next := p.Find(".pages a")
		if len(next) == 0 {
			break
		}
		path = pagetest.Attr(next[0], "href")
	}
	if seen != 130 {
		t.Errorf("%d rows seen", seen)
	}
}

func TestAMembersPageShowsCardsAndRightsToWhoMaySeeThem(t *testing.T) {
	o := open(t)
	p := o.get(t, "/staff/S-1001")
	p.Has(t, "h1", "佐藤 花子")
	p.Count(t, "section.panel", 3)
	p.Count(t, ".top .button", 2) // change, issue a card
	p.Has(t, "section.panel a[href=/staff/S-1001/pins]", "発行・無効化・変更記録")
	o.who = consoletest.Visitor(authz.CSIRT) // may see areas, neither cards nor PINs
	p = o.get(t, "/staff/S-1001")
	p.Count(t, "section.panel", 1)
	p.Count(t, ".top .button", 0)
}

func TestAnUnknownMemberOrCardIsNotFound(t *testing.T) {
	for _, path := range []string{"/staff/S-9999", "/cards/C-9999"} {
		if p := open(t).get(t, path); p.Status != http.StatusNotFound {
			t.Errorf("%s: %d", path, p.Status)
		} else {
			p.Sound(t)
		}
	}
}

const number = "bits:26:bdd93740"

func form(change func(url.Values)) string {
	v := url.Values{"label": {"T-100"}, "person": {"S-1001"}, "number": {number}, "from": {"2026-10-01"}, "until": {"2027-03-31"}}
	if change != nil {
		change(v)
	}
	return v.Encode()
}

// R76-1, R44-2: a card is issued to one named holder.
func TestIssuingACardHandsOverItsKeyAndNotItsNumber(t *testing.T) {
	o := open(t)
	p := o.do(t, pagetest.Post("/cards", form(nil)))
	if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/cards/C-NEW0000000?done=issued" {
		t.Fatalf("%d to %q: %s", p.Status, p.Header.Get("Location"), pagetest.Text(p.Node))
	}
	c, err := credential.Parse(number)
	if err != nil {
		t.Fatal(err)
	}
	want := card.Issue{
		Label: "T-100", Kind: card.Personal, Person: "S-1001", Key: c.Key(o.key), Format: "bits", Siblings: o.cards.Last.Siblings,
		Period: period.Period{From: consoletest.Day(2026, 10, 1), Until: consoletest.Day(2027, 4, 1)}, // the last day counts
	}
	if !reflect.DeepEqual(o.cards.Last, want) || len(want.Siblings) == 0 {
		t.Errorf("issued %+v, want %+v", o.cards.Last, want)
	}
}

// A card number that was typed comes back on no page, whatever was wrong with the form.
func TestARefusedFormKeepsEverythingButTheNumber(t *testing.T) {
	for name, c := range map[string]struct {
		change func(url.Values)
		fail   error
		field  string
		says   string
	}{
		"number out of form": {func(v url.Values) { v.Set("number", "12345678901234") }, nil, "number", "「形式:ビット数:16進数」"},
		"number too long":    {func(v url.Values) { v.Set("number", "bits:26:bdd9374012345678") }, nil, "number", "桁数"},
		"not a date":         {func(v url.Values) { v.Set("until", "soon") }, nil, "until", "日付"},
		"number taken":       {nil, fault.New(fault.Conflict, "card.credential_taken", "taken"), "number", "すでに登録"},
		"label taken":        {nil, fault.New(fault.Conflict, "card.label_taken", "taken"), "label", "すでに登録"},
		"field at fault":     {nil, fault.BadField("until", "period.order", "order"), "until", "始めより後"},
	} {
		t.Run(name, func(t *testing.T) {
			o := open(t)
			o.cards.Fail = c.fail
			body := form(c.change)
			p := o.do(t, pagetest.Post("/cards", body))
			p.Sound(t)
			if p.Status != http.StatusUnprocessableEntity && p.Status != http.StatusConflict {
				t.Errorf("status %d", p.Status)
			}
			p.Has(t, "[role=alert]", c.says)
			p.Count(t, "#f-"+c.field+"[aria-invalid]", 1)
			p.Has(t, "#e-"+c.field, c.says)
			if got := pagetest.Attr(p.Find("#f-label")[0], "value"); got != "T-100" {
				t.Errorf("the label was lost: %q", got)
			}
			typed, _ := url.ParseQuery(body)
			if strings.Contains(strings.ReplaceAll(p.Body, "例 bits:26:bdd93740", ""), `value="`+typed.Get("number")) {
				t.Error("the page repeats the card number")
			}
		})
	}
}

// R76-1: what was held to a reader stands for the number; it is used up by the card that it makes, and stays for a form that was refused.
func TestACardIsIssuedByWhatWasHeldToAReader(t *testing.T) {
	o := open(t)
	o.desks.Taps["t"] = seat.Tap{ID: "t", Key: access.Key{7}, Format: access.FormatFeliCa, Trust: access.TrustMemory}
	tapped := func(v url.Values) { v.Set("tap", "t"); v.Del("number") }
	o.cards.Fail = fault.New(fault.Conflict, "card.label_taken", "taken")
	p := o.do(t, pagetest.Post("/cards", form(tapped)))
	p.Sound(t)
	p.Has(t, ".tap-said", "FeliCaの記録／カードの記録を読み取り")
	if got := pagetest.Attr(p.Find("input[name=tap]")[0], "value"); got != "t" || len(o.desks.Used) != 0 {
		t.Errorf("the refused form keeps %q, used up: %v", got, o.desks.Used)
	}
	o.cards.Fail = nil
	p = o.do(t, pagetest.Post("/cards", form(tapped)))
	if p.Status != http.StatusSeeOther || o.cards.Last.Key != (access.Key{7}) || o.cards.Last.Format != access.FormatFeliCa || len(o.desks.Used) != 1 {
		t.Errorf("%d, issued %+v, used up %v", p.Status, o.cards.Last, o.desks.Used)
	}
	for name, id := range map[string]string{"gone": "x", "foreign": "f"} {
		o.desks.Taps["f"] = seat.Tap{ID: "f", Key: access.Key{8}, Format: access.FormatUID, Foreign: true}
		o.cards.Last = card.Issue{}
		p := o.do(t, pagetest.Post("/cards", form(func(v url.Values) { v.Set("tap", id) })))
		if p.Status != http.StatusUnprocessableEntity || o.cards.Last.Label != "" {
			t.Errorf("%s: %d, issued %+v", name, p.Status, o.cards.Last)
		}
	}
}

func stopping(change func(url.Values)) string {
	v := url.Values{"reason": {"紛失"}, "lost_at": {"2026-09-17T21:00"}}
	if change != nil {
		change(v)
	}
	return v.Encode()
}

// R75-3, R76-2: one form, one press, and the receipt.
func TestStoppingACardIsOneFormAndLeadsToTheReceipt(t *testing.T) {
	for action, want := range map[string]card.State{"revoke": card.Revoked, "suspend": card.Suspended, "lift": card.Issued} {
		o := open(t)
		p := o.do(t, pagetest.Post("/cards/C-AAAAAAAAAA/"+action, stopping(nil)))
		if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/revocations/1/3" {
			t.Fatalf("%s: %d to %q", action, p.Status, p.Header.Get("Location"))
		}
		lost := consoletest.Day(2026, 9, 17).Add(21 * time.Hour)
		if action == "lift" {
			lost = time.Time{}
		}
		if o.cards.All[0].State != want || o.cards.Reason != "紛失" || !o.cards.LostAt.Equal(lost) {
			t.Errorf("%s: %+v %q %v", action, o.cards.All[0], o.cards.Reason, o.cards.LostAt)
		}
	}
}

// R76-2: a guard suspends; a manager disables and lifts.
func TestACardsPageOffersWhatTheVisitorMayDo(t *testing.T) {
	for _, c := range []struct {
		who    authz.Role
		card   string
		action string // of the form; empty: no form
		words  []string
	}{
		{authz.SystemManager, "C-AAAAAAAAAA", "/cards/C-AAAAAAAAAA/revoke", []string{"このカードを無効にする", "一時停止"}},
		{authz.SystemManager, "C-CCCCCCCCCC", "/cards/C-CCCCCCCCCC/revoke", []string{"このカードを無効にする", "停止を解除"}},
		{authz.Guard, "C-AAAAAAAAAA", "/cards/C-AAAAAAAAAA/suspend", []string{"一時停止"}},
		{authz.Guard, "C-CCCCCCCCCC", "", nil},
		{authz.Auditor, "C-AAAAAAAAAA", "", nil},
		{authz.SystemManager, "C-BBBBBBBBBB", "", nil},
	} {
		o := open(t)
		o.who = consoletest.Visitor(c.who)
		o.cards.All[1].State = card.Revoked
		p := o.get(t, "/cards/"+c.card)
		p.Sound(t)
		forms := p.Find("section[aria-labelledby=stop] form")
		if len(forms) == 0 || c.action == "" {
			if len(forms) > 0 || c.action != "" {
				t.Errorf("%s, %s: %d forms", c.who, c.card, len(forms))
			}
			continue
		}
		if got := pagetest.Attr(forms[0], "action"); got != c.action {
			t.Errorf("%s, %s: the form goes to %s", c.who, c.card, got)
		}
		var words []string
		for i, b := range p.Find("section[aria-labelledby=stop] button") {
			if i == 0 { // the one that the Enter key would press is dead
				p.Count(t, "section[aria-labelledby=stop] button[disabled]", 1)
				continue
			}
			words = append(words, pagetest.Text(b))
		}
		if strings.Join(words, "|") != strings.Join(c.words, "|") {
			t.Errorf("%s, %s: %q", c.who, c.card, words)
		}
	}
}

func TestARefusedStopKeepsWhatWasTyped(t *testing.T) {
	for name, c := range map[string]struct {
		change func(url.Values)
		fail   error
		field  string
		says   string
	}{
		"no reason":       {func(v url.Values) { v.Set("reason", "") }, nil, "reason", "入力してください"},
		"not a time":      {func(v url.Values) { v.Set("lost_at", "yesterday") }, nil, "lost_at", "今より前の日時"},
		"in the future":   {nil, fault.BadField("lost_at", "card.lost_at", "future"), "lost_at", "今より前の日時"},
		"already revoked": {nil, fault.New(fault.Conflict, "card.already_revoked", "final"), "", "すでに無効"},
	} {
		t.Run(name, func(t *testing.T) {
			o := open(t)
			o.cards.Fail = c.fail
			p := o.do(t, pagetest.Post("/cards/C-AAAAAAAAAA/revoke", stopping(c.change)))
			p.Sound(t)
			p.Has(t, "[role=alert]", c.says)
			if c.field != "" {
				p.Count(t, "#f-"+c.field+"[aria-invalid]", 1)
			}
			if got := pagetest.Attr(p.Find("#f-lost_at")[0], "value"); name != "not a time" && got != "2026-09-17T21:00" {
				t.Errorf("the time was lost: %q", got)
			}
		})
	}
	if p := open(t).do(t, pagetest.Post("/cards/C-none/revoke", stopping(nil))); p.Status != http.StatusNotFound {
		t.Errorf("an unknown card: %d", p.Status)
	}
}

func TestAFailureInsideIsNoFormError(t *testing.T) {
	o := open(t)
	o.cards.Fail = fault.New(fault.Denied, "auth.denied", "not allowed")
	if p := o.do(t, pagetest.Post("/cards", form(nil))); p.Status != http.StatusForbidden {
		t.Errorf("status %d", p.Status)
	}
}

func TestWhatPeopleTypedIsShownAsText(t *testing.T) {
	o := open(t)
	o.staff.Members = []staff.Member{{ID: "S-1", Name: pagetest.Hostile, Kana: pagetest.Hostile, Section: pagetest.Hostile}}
	o.cards.All = []card.Card{{ID: "C-1", Label: pagetest.Hostile, Kind: card.Personal, State: card.Issued, Person: "S-1", PersonName: pagetest.Hostile, IssuedAt: time.Unix(0, 0)}}
	o.rights = consoletest.Areas{Hostile: pagetest.Hostile}
	for path, n := range map[string]int{
		"/staff?q=" + url.QueryEscape(pagetest.Hostile): 1, "/staff": 3, "/staff/S-1": 6, "/cards": 2, "/cards/C-1": 2, "/cards/new?person=S-1": 2,
	} {
		p := o.get(t, path)
		p.Sound(t)
		p.Harmless(t, n)
	}
}

// R44-1: a card gets one more credential, which is hashed before anything else; a number that runs into another card's says so, and whose it is to who may see.
func TestACardIsGivenOneMoreCredentialAndItsNumberGoesNoFurther(t *testing.T) {
	const path, typed = "/cards/C-AAAAAAAAAA/credentials", "idm:64:0114b34d5e6f7081"
	o := open(t)
	p := o.do(t, pagetest.Post(path, url.Values{"number": {typed}, "note": {"増設"}}.Encode()))
	if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/cards/C-AAAAAAAAAA?done=enrolled" {
		t.Fatalf("%d to %q: %s", p.Status, p.Header.Get("Location"), pagetest.Text(p.Node))
	}
	c, err := credential.Parse(typed)
	if err != nil || o.cards.Read.Key != c.Key(o.key) || o.cards.Read.Format != "idm" || o.cards.Reason != "増設" || o.cards.Read.Apart {
		t.Errorf("enrolled %+v (%v)", o.cards.Read, err)
	}
	for name, tt := range map[string]struct {
		typed string
		fail  error
		says  string
		apart int
	}{
		"random":   {"uid:32:08aabbcc", nil, "毎回", 0},
		"reversed": {typed, fault.New(fault.Conflict, "card.credential_reversed", "known"), "並び順", 1},
		"taken":    {typed, fault.New(fault.Conflict, "card.credential_taken", "taken"), "すでに登録", 0},
	} {
		o := open(t)
		o.cards.Fail = tt.fail
		p := o.do(t, pagetest.Post(path, url.Values{"number": {tt.typed}}.Encode()))
		p.Sound(t)
		p.Count(t, "#f-number[aria-invalid]", 1)
		p.Count(t, "#f-apart", tt.apart)
		if tt.fail != nil {
			p.Has(t, "#e-number", tt.says)
		}
		if strings.Contains(p.Body, tt.typed) {
			t.Errorf("%s: the page repeats the number", name)
		}
	}
}

// A credential that was enrolled by mistake is taken away by itself; the way leads to its receipt.
func TestACredentialIsEndedByItself(t *testing.T) {
	o := open(t)
	o.get(t, "/cards/C-AAAAAAAAAA").Count(t, "#f-credential option", 1) // neither the card's own nor one that ended
	p := o.do(t, pagetest.Post("/cards/C-AAAAAAAAAA/credentials/end", url.Values{"credential": {"K-BBBBBBBBBB"}, "why": {"取り違え"}}.Encode()))
	if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/revocations/1/4" || o.cards.Ended != "K-BBBBBBBBBB" || o.cards.Reason != "取り違え" {
		t.Errorf("%d to %q, ended %q", p.Status, p.Header.Get("Location"), o.cards.Ended)
	}
	p = o.do(t, pagetest.Post("/cards/C-AAAAAAAAAA/credentials/end", url.Values{"credential": {"K-BBBBBBBBBB"}}.Encode()))
	p.Count(t, "#f-why[aria-invalid]", 1)
}
