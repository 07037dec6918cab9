// Package taps is how a card comes to a page of the console: the page waits, somebody holds the card to the reader of a desk, and the page, and no other,
// hears of it. The card's number is not among what it hears. The page for guards, whose card is this, is here too.
//
// GET /taps/stream takes desk and for (issue: a card that no card has yet is wanted; whose: any), and sends events whose data is JSON:
//
//	wait     the desk's reader may be used now; seconds: for how long
//	tap      a card was held there; id: to be sent with the form; text: what it is
//	refused  a card was held there that is none, or is not wanted; text: why. The page goes on waiting, but for one that is not wanted
//	over     nobody waits any more; text: why
//
// The stream is the question: it ends when the page closes it, with a tap, and after a minute.
package taps

import (
	"context"
	"embed"
	"net/http"
	"net/url"
	"time"

	"kanmon/api/console/ui"
	seat "kanmon/api/desk"
	"kanmon/api/message"
	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/period"
)

//go:embed ja.json en.json templates
var files embed.FS

// Cards is what the pages ask of the register of cards.
type Cards interface {
	Find(ctx context.Context, actor store.Actor, key access.Key) (card.Found, error)
}

// Config is what the pages need.
type Config struct {
	Shell *ui.Shell
	Counter
	Cards Cards
	// Identify finds the visitor of a request again, when a card comes.
	Identify func(*http.Request) (ui.Visitor, error)
	Now      func() time.Time
}

// Pages serves the pages.
type Pages struct {
	config Config
	view   ui.View
}

// New reads the templates.
func New(c Config) (*Pages, error) {
	p := &Pages{config: c}
	return p, c.Shell.Open(ui.Room{Name: "taps", Files: files, Words: words, Pages: map[string]*ui.View{"whose.html": &p.view}})
}

//go:embed shared
var shared embed.FS

// Words are what cards that were read are called, and what a page says that waits for one: keys "tap.", beside the page's own.
func Words() (message.Catalogue, error) { return message.Load(sharedFiles()) }

// Routes lists what the folder serves.
func (p *Pages) Routes() []ui.Route {
	return []ui.Route{
		{Pattern: "GET /cards/whose", Handle: p.page},
		{Pattern: "GET /taps/stream", Handle: p.stream},
	}
}

// Text says what was read: the kind of card, and what such a read proves.
func Text(v ui.View, l message.Lang, t seat.Tap) string {
	return v.Text(l, "tap.read", v.Text(l, "tap.format."+t.Format), v.Text(l, "tap.trust."+string(t.Trust)))
}

type whosePage struct {
	Choices  []Choice
	Problem  string
	Read     string // what was read; empty: nothing yet
	Found    bool
	Card     card.Card
	Standing string
	MayStaff bool
}

// page shows whose card was held to the reader, with what the visitor may see.
func (p *Pages) page(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	l := ui.LangOf(r)
	data := whosePage{MayStaff: v.May(authz.StaffRead)}
	var err error
	if data.Choices, err = p.config.Choices(r.Context(), v); err != nil {
		return err
	}
	status := http.StatusOK
	if id := r.FormValue("tap"); id != "" {
		if err := p.find(r.Context(), l, v, id, &data); err != nil {
			var correctable bool
			if data.Problem, _, correctable = ui.Correctable(l, err); !correctable {
				return err
			}
			status = ui.StatusOf(err)
		}
	}
	return p.config.Shell.Render(w, r, v, p.view, ui.Page{Status: status, Title: p.view.Text(l, "whose.title"), Section: "cards", Data: data})
}

func (p *Pages) find(ctx context.Context, l message.Lang, v ui.Visitor, id string, data *whosePage) error {
	t, err := p.config.Read(v, id)
	if err != nil {
		return err
	}
	data.Read = Text(p.view, l, t)
	c, err := p.config.Cards.Find(ctx, v.Actor(), t.Key)
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	data.Found, data.Card, data.Standing = err == nil, c.Card, standing(c, p.config.Now())
	return err
}

// standing is how what was held to the reader stands now: a card that goes on may have been read by a credential that was taken from it.
func standing(c card.Found, now time.Time) string {
	switch {
	case c.Ended && c.State != card.Revoked:
		return "ended"
	case c.State != card.Issued:
		return string(c.State)
	case now.Before(c.From):
		return "early"
	case over(c.Period, now):
		return "over"
	default:
		return "now"
	}
}

func over(p period.Period, now time.Time) bool { return !p.Until.IsZero() && !now.Before(p.Until) }

// Path is the address of a card's page.
func (d whosePage) Path() string { return "/cards/" + url.PathEscape(d.Card.ID) }
