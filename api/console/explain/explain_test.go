package explain_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"kanmon/api/console/consoletest"
	pages "kanmon/api/console/explain"
	"kanmon/api/console/pagetest"
	"kanmon/api/explain"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/authz"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/entrylog"
)

// explainer answers from memory.
type explainer struct {
	past  explain.Past
	would explain.Would
	asked []explain.Question
}

func (x *explainer) Past(_ context.Context, _ store.Actor, id int64) (explain.Past, error) {
	if id != 7 {
		return explain.Past{}, fault.New(fault.NotFound, "entry.unknown", "no such entry")
	}
	return x.past, nil
}

func (x *explainer) Would(_ context.Context, _ store.Actor, q explain.Question) (explain.Would, error) {
	x.asked = append(x.asked, q)
	if q.Card == "1002" {
		return explain.Would{}, fault.BadField("who", "explain.card", "no such card")
	}
	if q.Door == "" {
		return explain.Would{}, fault.BadField("door", "explain.door", "no such door")
	}
	w := x.would
	w.Question = q
	return w, nil
}

var office = access.Schedule{ID: "office", Name: "執務時間", Holidays: true, Special: []access.SpecialDay{{Date: "2027-04-06"}}, Windows: []access.Window{
	{Day: 1, From: 510, Until: 1035}, {Day: 2, From: 510, Until: 1035}, {Day: 3, From: 510, Until: 1035}, {Day: 4, From: 510, Until: 1035}, {Day: 5, From: 510, Until: 1035}, {Day: 6, From: 540, Until: 720},
}}

// refusal is of somebody who came at night.
func refusal() *explainer {
	until := time.Date(2028, 3, 31, 15, 0, 0, 0, time.UTC)
	checks := []explain.Check{
		{N: 1, Outcome: explain.Passed},
		{N: 2, Outcome: explain.Passed, Seen: []explain.Seen{{Code: "door", Text: "書庫 北"}, {Code: "area", Text: "書庫", N: 2}}},
		{N: 3, Outcome: explain.Passed, Seen: []explain.Seen{{Code: "card", Text: "K-2"}}},
		{N: 4, Outcome: explain.Passed, Seen: []explain.Seen{{Code: "card_active"}, {Code: "set_active", N: 4}}},
		{N: 5, Outcome: explain.Passed},
		{N: 6, Outcome: explain.Passed},
		{N: 7, Outcome: explain.Passed, Seen: []explain.Seen{{Code: "card_valid", Until: until}}},
		{N: 8, Outcome: explain.Passed, Seen: []explain.Seen{{Code: "person_valid"}}},
		{N: 9, Outcome: explain.Passed, Seen: []explain.Seen{{Code: "right", Text: "執務時間", Hours: &office, Until: until}}},
		{N: 10, Outcome: explain.Refused, Seen: []explain.Seen{{Code: "right_open", Text: "執務時間", Hours: &office}}},
	}
	made := decide.Decision{Reason: access.OutsideSchedule, Direction: access.In, Person: "1002", Card: "C-2"}
	return &explainer{
		past: explain.Past{
			Entry: entrylog.Entry{
				ID: 7, At: time.Date(2027, 4, 5, 13, 0, 0, 0, time.UTC), Kind: event.AccessDenied, Reason: access.OutsideSchedule, Controller: "ctl-2", Door: "D-3", DoorName: "書庫 北",
				AreaName: "書庫", Person: "1002", PersonName: "鈴木 一郎", Card: "C-2", CardLabel: "K-2",
			},
			Policy: &access.Version{Epoch: 1, N: 12}, State: explain.Agrees, Made: made, Checks: checks,
		},
		would: explain.Would{DoorName: "書庫 北", AreaName: "書庫", Name: "鈴木 一郎", Label: "K-2", Made: made, Checks: checks},
	}
}

func get(t *testing.T, x *explainer, path, lang string) pagetest.Page {
	t.Helper()
	shell := consoletest.Shell(t)
	now := func() time.Time { return time.Date(2027, 4, 5, 1, 0, 0, 0, time.UTC) }
	p, err := pages.New(pages.Config{Shell: shell, Explainer: x, Doors: consoletest.Areas{}, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return pagetest.Do(t, shell, p.Routes(), consoletest.Visitor(authz.SecurityManager), pagetest.Get(path, lang))
}

func TestThePagesAreSoundInBothLanguages(t *testing.T) {
	for _, lang := range []string{"ja", "en"} {
		for name, path := range map[string]string{"why": "/events/7", "try": "/try", "answer": "/try?who=K-2&door=D-3&way=in&at=2027-04-05T22:00&pin="} {
			p := get(t, refusal(), path, lang)
			p.Sound(t)
			p.Golden(t, name+"."+lang)
		}
	}
}

// R43-7: whether the decision agrees when it is made again is said in words, and so is what cannot be known.
func TestThePageSaysWhatCameOfMakingADecisionAgain(t *testing.T) {
	for state, says := range map[explain.State]string{
		explain.Agrees: "一致しました", explain.Differs: "違う結果", explain.NotKept: "計算し直すことはできません", explain.NoDecision: "判定ではありません",
	} {
		x := refusal()
		x.past.State = state
		p := get(t, x, "/events/7", "ja")
		p.Has(t, "#state", says)
		p.Has(t, "table.checks tr.open", "月–金 8:30–17:15、土 9:00–12:00、祝日 閉")
	}
	if p := get(t, refusal(), "/events/8", "ja"); p.Status != http.StatusNotFound {
		t.Errorf("an entry that is not there: %d", p.Status)
	}
	if p := get(t, refusal(), "/events/x", "ja"); p.Status != http.StatusNotFound {
		t.Errorf("no number: %d", p.Status)
	}
}

func TestWhoIsTakenForACardAndThenForAPerson(t *testing.T) {
	x := refusal()
	p := get(t, x, "/try?who=1002&door=D-3&way=out&at=2027-04-05T22:00&pin=wrong", "ja")
	p.Has(t, "#answer", "開きません")
	at := time.Date(2027, 4, 5, 13, 0, 0, 0, time.UTC)
	want := []explain.Question{
		{Card: "1002", Door: "D-3", Way: access.Out, At: at, Typed: access.TypedWrong}, {Person: "1002", Door: "D-3", Way: access.Out, At: at, Typed: access.TypedWrong},
	}
	if len(x.asked) != 2 || x.asked[0] != want[0] || x.asked[1] != want[1] {
		t.Errorf("asked %+v, want %+v", x.asked, want)
	}
}

func TestAQuestionThatCannotBeAnsweredStaysInTheForm(t *testing.T) {
	for path, says := range map[string]string{"/try?who=K-2&at=2027-04-05T22:00": "その扉はありません", "/try?who=K-2&door=D-3&at=": "日時を入力"} {
		p := get(t, refusal(), path, "ja")
		p.Has(t, ".notice", says)
		p.Count(t, "#answer", 0)
		if p.Status != http.StatusBadRequest && p.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: status %d", path, p.Status)
		}
	}
}

// Every reason and everything that a question may look at has its words in both languages.
func TestEverythingThatIsLookedAtHasWords(t *testing.T) {
	for _, code := range []string{
		"door", "area", "card", "card_active", "card_suspended", "card_revoked", "set_active", "set_suspended", "set_revoked", "recovery", "card_valid", "person_valid", "pin_valid", "right", "right_open",
		"gas", "no_gas", "lockdown", "no_lockdown", "takes_card", "takes_card_pin", "takes_pin", "takes_number_pin", "takes_two_cards", "trust_number", "trust_memory", "trust_mutual",
		"read_number", "read_memory", "read_mutual", "blocked", "typed_none", "typed_right", "typed_wrong", "twin", "no_twin", "passback_soft", "passback_hard", "passback_timed",
		"place_in", "place_out", "place_unknown", "other_open", "other_shut", "most", "inside", "coming", "with_them", "may_first", "visitor", "escorts", "visitors", "unfit", "fit",
	} {
		for _, lang := range []string{"ja", "en"} {
			x := refusal()
			x.past.Checks = []explain.Check{{N: 22, Outcome: explain.Refused, Seen: []explain.Seen{{Code: code, Text: "X", N: 3}}}}
			p := get(t, x, "/events/7", lang)
			for _, found := range p.Find("table.checks tr.open") {
				if text := pagetest.Text(found); strings.Contains(text, "seen.") || strings.Contains(text, "%") {
					t.Errorf("%s in %s: %q", code, lang, text)
				}
			}
			p.Count(t, "table.checks tr.open", 1)
		}
	}
}
