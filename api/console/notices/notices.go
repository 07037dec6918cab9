// Package notices is the console's page of what the visitor was told (お知らせ). Opening a notice marks it as read and leads to what it is about.
package notices

import (
	"context"
	"embed"
	"net/http"
	"net/url"
	"time"

	"kanmon/api/console/alarms"
	"kanmon/api/console/ui"
	"kanmon/api/message"
	"kanmon/internal/store"
	"kanmon/lifecycle/alarm"
	"kanmon/lifecycle/desk"
	"kanmon/lifecycle/notice"
	"kanmon/lifecycle/pin"
)

//go:embed ja.json en.json templates
var files embed.FS

// Notices is what the page asks of the register of notices.
type Notices interface {
	Inbox(ctx context.Context, actor store.Actor, f notice.Filter) ([]notice.Notice, error)
	Unread(ctx context.Context, actor store.Actor) (int, error)
	MarkRead(ctx context.Context, actor store.Actor, id string) (link string, err error)
}

// Config is what the page needs.
type Config struct {
	Shell   *ui.Shell
	Notices Notices
}

// Pages serves the page.
type Pages struct {
	config Config
	view   ui.View
}

// New reads the templates.
func New(c Config) (*Pages, error) {
	p := &Pages{config: c}
	return p, c.Shell.Open(ui.Room{Name: "notices", Files: files, Words: words, Pages: map[string]*ui.View{"notices.html": &p.view}})
}

// words are those of the page, and those by which its notices name things.
func words() (message.Catalogue, error) {
	own, err := message.Load(files)
	if err != nil {
		return message.Catalogue{}, err
	}
	named, err := alarms.Words()
	if err != nil {
		return message.Catalogue{}, err
	}
	return message.Join(named, own)
}

// Routes lists what the folder serves.
func (p *Pages) Routes() []ui.Route {
	return []ui.Route{
		{Pattern: "GET /notices", Handle: p.page},
		{Pattern: "POST /notices/{id}/read", Handle: p.read},
	}
}

const pageRows = 50

type row struct {
	ID     string
	At     time.Time
	Unread bool
	Text   string
}

func (p *Pages) page(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	l := ui.LangOf(r)
	found, err := p.config.Notices.Inbox(r.Context(), v.Actor(), notice.Filter{Before: r.URL.Query().Get("before"), Limit: pageRows + 1})
	if err != nil {
		return err
	}
	var data struct {
		List []row
		Next string
	}
	if len(found) > pageRows {
		found = found[:pageRows]
		data.Next = "/notices?" + url.Values{"before": {found[pageRows-1].ID}}.Encode()
	}
	for _, n := range found {
		data.List = append(data.List, row{n.ID, n.At, n.ReadAt.IsZero(), p.text(l, n)})
	}
	return p.config.Shell.Render(w, r, v, p.view, ui.Page{Title: p.view.Text(l, "notices.title"), Section: "notices", Data: data})
}

// text is a notice in words; one of a kind that nobody knows is shown by its kind.
func (p *Pages) text(l message.Lang, n notice.Notice) string {
	switch n.Kind {
	case alarm.Escalated:
		about := alarms.About(p.view, l, n.Params["about"], n.Params["subject"], n.Params["name"])
		return p.view.Text(l, "notice.alarm_escalated", alarms.Name(p.view, l, n.Params["alarm"]), about)
	case pin.EndingNotice:
		first, err := time.Parse(time.RFC3339, n.Params["first"])
		if err != nil {
			return n.Kind
		}
		return p.view.Text(l, "notice.pins_ending", n.Params["days"], n.Params["count"], ui.Date(l, first))
	case desk.CardLeft:
		if n.Params["label"] == "" {
			return p.view.Text(l, "notice.card_left.unknown", n.Params["place"], n.Params["desk"], n.Params["minutes"])
		}
		return p.view.Text(l, "notice.card_left", n.Params["place"], n.Params["desk"], n.Params["label"], n.Params["minutes"])
	case desk.CardLeftOwn:
		return p.view.Text(l, "notice.card_left_own", n.Params["label"], n.Params["place"], n.Params["minutes"])
	default:
		return n.Kind
	}
}

func (p *Pages) read(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	link, err := p.config.Notices.MarkRead(r.Context(), v.Actor(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if r.PostFormValue("stay") != "" {
		link = "/notices"
	}
	ui.Redirect(w, r, ui.LocalPath(link))
	return nil
}
