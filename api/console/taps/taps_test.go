package taps_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"kanmon/api/console/consoletest"
	"kanmon/api/console/desktest"
	"kanmon/api/console/pagetest"
	"kanmon/api/console/taps"
	"kanmon/api/console/ui"
	seat "kanmon/api/desk"
	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/lifecycle/card"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type hall struct {
	shell *ui.Shell
	desks *desktest.Desks
	cards *consoletest.Cards
	who   ui.Visitor
	again func() (ui.Visitor, error) // who it is when a card comes
}

func open(t *testing.T, roles ...authz.Role) *hall {
	t.Helper()
	h := &hall{shell: consoletest.Shell(t), desks: desktest.SomeDesks(""), cards: consoletest.CityCards(), who: consoletest.Visitor(roles...)}
	h.again = func() (ui.Visitor, error) { return h.who, nil }
	return h
}

func (h *hall) pages(t *testing.T) *taps.Pages {
	t.Helper()
	p, err := taps.New(taps.Config{
		Shell: h.shell, Counter: taps.Counter{Desks: h.desks, Seats: h.desks}, Cards: h.cards, Now: consoletest.Clock,
		Identify: func(*http.Request) (ui.Visitor, error) { return h.again() },
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (h *hall) get(t *testing.T, path, lang string) pagetest.Page {
	t.Helper()
	return pagetest.Do(t, h.shell, h.pages(t).Routes(), h.who, pagetest.Get(path, lang))
}

func tapOf(n byte) seat.Tap {
	return seat.Tap{ID: "t", Desk: "front-1", Key: access.Key{n}, Format: access.FormatIDm, Trust: access.TrustNumber}
}

func TestThePageIsSoundInBothLanguages(t *testing.T) {
	h := open(t, authz.Guard)
	h.desks.Taps["known"], h.desks.Taps["strange"] = tapOf(3), tapOf(9)
	for name, path := range map[string]string{"ask": "/cards/whose", "known": "/cards/whose?tap=known", "strange": "/cards/whose?tap=strange", "gone": "/cards/whose?tap=x"} {
		for _, lang := range []string{"ja", "en"} {
			p := h.get(t, path, lang)
			p.Sound(t)
			p.Golden(t, name+"."+lang)
		}
	}
}

// A guard sees whose card was found and how it stands; who may not read the staff register sees no name.
func TestAFoundCardShowsWhatTheVisitorMaySee(t *testing.T) {
	h := open(t, authz.Guard)
	h.desks.Taps["t"] = tapOf(3)
	p := h.get(t, "/cards/whose?tap=t", "ja")
	p.Has(t, "section.panel", "T-003")
	p.Has(t, "section.panel", "一時停止")
	p.Has(t, "section.panel", "髙橋 美咲")
	h.desks.Taps["e"] = seat.Tap{ID: "e", Key: access.Key{1, 1}, Format: access.FormatIDm, Trust: access.TrustNumber}
	if p := h.get(t, "/cards/whose?tap=e", "ja"); !strings.Contains(p.Body, "この読み取りは無効") || strings.Contains(p.Body, "有効<") {
		t.Error("a credential that was taken from a card that goes on counts as in force")
	}
	h.who.Session.Account.Roles = nil
	if p := h.get(t, "/cards/whose?tap=t", "ja"); strings.Contains(p.Body, "髙橋") {
		t.Error("a name is shown to who may not read the staff register")
	}
	h.desks.Taps["s"] = tapOf(9)
	h.get(t, "/cards/whose?tap=s", "ja").Has(t, ".notice.error", "カード管理簿にないカード")
	if p := h.get(t, "/cards/whose?tap=gone", "ja"); p.Status != http.StatusUnprocessableEntity {
		t.Errorf("a tap that is gone: %d", p.Status)
	}
}

// stream asks and hears until the stream ends; held puts a card to the reader once the page waits.
func (h *hall) stream(t *testing.T, query string, held func(*seat.Question)) (int, string) {
	t.Helper()
	handler := h.pages(t).Routes()[1].Handle
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := httptest.NewRequest(http.MethodGet, "/taps/stream?"+query, nil).WithContext(ctx)
	r.Header.Set("Sec-Fetch-Mode", "cors")
	w := httptest.NewRecorder()
	done := make(chan error, 1)
	go func() { done <- handler(w, r, h.who) }()
	if held != nil {
		held(<-h.desks.Asked)
	}
	if err := <-done; err != nil {
		return ui.StatusOf(err), ""
	}
	return w.Code, w.Body.String()
}

func TestOneCardAnswersThePageThatWaits(t *testing.T) {
	for name, c := range map[string]struct {
		purpose string
		tap     seat.Tap
		says    string
		used    bool
	}{
		"a new card":            {"issue", tapOf(9), `event: tap` + "\n" + `data: {"id":"t","text":"読み取りました（FeliCaのIDm／番号のみ）"}`, false},
		"a card that is known":  {"issue", tapOf(1), `event: over` + "\n" + `data: {"text":"このカードは、すでにカード T-001 として登録されています。"}`, true},
		"a foreign card":        {"issue", seat.Tap{ID: "t", Key: access.Key{9}, Foreign: true}, `event: over` + "\n" + `data: {"text":"この窓口で登録する種別のカードではありません。"}`, true},
		"a known card, whose":   {"whose", tapOf(1), `event: tap`, false},
		"a foreign card, whose": {"whose", seat.Tap{ID: "t", Key: access.Key{9}, Format: "uid", Foreign: true}, `event: tap`, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, authz.SystemManager)
			status, body := h.stream(t, "desk=front-1&for="+c.purpose, func(q *seat.Question) { q.Put(seat.Answer{Tap: c.tap}) })
			if status != http.StatusOK || !strings.HasPrefix(body, "event: wait\n") || !strings.Contains(body, c.says) || strings.Count(body, "event:") != 2 {
				t.Errorf("%d: %s", status, body)
			}
			if (len(h.desks.Used) == 1) != c.used {
				t.Errorf("used up: %v", h.desks.Used)
			}
			if strings.Contains(body, "09000000") {
				t.Error("the page hears of the key")
			}
		})
	}
}

func TestAReadThatFailsIsSaidAndThePageWaitsOn(t *testing.T) {
	h := open(t, authz.Operator)
	_, body := h.stream(t, "desk=front-1&for=issue", func(q *seat.Question) {
		q.Put(seat.Answer{Err: fault.New(fault.Invalid, "credential.type_b", "")})
		q.Put(seat.Answer{Tap: tapOf(9)})
	})
	if !strings.Contains(body, "event: refused\n") || !strings.Contains(body, "マイナンバーカード") || !strings.Contains(body, "event: tap\n") {
		t.Error(body)
	}
}

func TestWhoLoggedOutMeanwhileHearsNothing(t *testing.T) {
	for name, again := range map[string]func() (ui.Visitor, error){
		"no session": func() (ui.Visitor, error) { return ui.Visitor{}, fault.New(fault.Unauthenticated, "auth.session", "") },
		"another account": func() (ui.Visitor, error) {
			v := consoletest.Visitor(authz.Guard)
			v.Session.Account.ID = "other"
			return v, nil
		},
		"no right": func() (ui.Visitor, error) { return consoletest.Visitor(), nil },
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, authz.Guard)
			h.again = again
			_, body := h.stream(t, "desk=front-1&for=whose", func(q *seat.Question) { q.Put(seat.Answer{Tap: tapOf(1)}) })
			if strings.Contains(body, "event: tap") || !strings.Contains(body, "event: over") || len(h.desks.Used) != 1 {
				t.Errorf("%s, used %v", body, h.desks.Used)
			}
		})
	}
}

func TestAQuestionEndsAfterAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, authz.Guard)
		_, body := h.stream(t, "desk=front-1&for=whose", func(*seat.Question) {})
		if !strings.Contains(body, "1分以内に") {
			t.Error(body)
		}
	})
}

func TestWhoMayAskForWhat(t *testing.T) {
	h := open(t, authz.Guard)
	if status, _ := h.stream(t, "desk=front-1&for=issue", nil); status != http.StatusForbidden {
		t.Errorf("a guard enters cards: %d", status)
	}
	if status, _ := h.stream(t, "desk=front-1&for=else", nil); status != http.StatusUnprocessableEntity {
		t.Errorf("another purpose: %d", status)
	}
	for _, name := range []string{"guard-1", "old-1", "none"} { // not there, thrown out, never entered
		if _, body := h.stream(t, "for=whose&desk="+name, nil); !strings.Contains(body, "event: over") || !strings.Contains(body, "接続されていません") {
			t.Errorf("%s: %s", name, body)
		}
	}
	handler := h.pages(t).Routes()[1].Handle
	r := httptest.NewRequest(http.MethodGet, "/taps/stream?desk=front-1&for=whose", nil)
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	if err := handler(httptest.NewRecorder(), r, h.who); fault.CodeOf(err) != "auth.cross_origin" {
		t.Errorf("a link led to the stream: %v", err)
	}
}

func TestADeskThatSomebodyElseUsesIsBusy(t *testing.T) {
	h := open(t, authz.Guard)
	if _, err := h.desks.Questions.Ask(consoletest.Now, "other", "front-1"); err != nil {
		t.Fatal(err)
	}
	if _, body := h.stream(t, "desk=front-1&for=whose", nil); !strings.Contains(body, "ほかの人が") {
		t.Error(body)
	}
}

var _ taps.Cards = (*card.Register)(nil)
