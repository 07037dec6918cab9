// Package presence is the console's list of who is inside (在室者一覧), by area: since when, how that is known, and up to when it is known. It asks
// for itself again every half minute, is made to be printed, and takes what a guard or manager enters by hand.
//
// GET /presence takes area (an id), q (part of a name or a number), gone (not empty: also those whose exit is unknown), and, to fill in the form, person, in and way (in, out).
package presence

import (
	"cmp"
	"context"
	"embed"
	"net/http"
	"net/url"
	"strings"
	"time"

	"kanmon/api/console/ui"
	"kanmon/api/message"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/entrylog"
)

//go:embed ja.json en.json templates
var files embed.FS

// Entries is what the page asks of the entry log.
type Entries interface {
	Present(ctx context.Context, actor store.Actor, area string) (entrylog.Presence, error)
	EnterByHand(ctx context.Context, actor store.Actor, person, area, reason string) error
	LeaveByHand(ctx context.Context, actor store.Actor, person, area, reason string) error
}

// Config is what the page needs.
type Config struct {
	Shell   *ui.Shell
	Entries Entries
}

// Pages serves the page.
type Pages struct {
	config Config
	view   ui.View
}

// New reads the templates.
func New(c Config) (*Pages, error) {
	p := &Pages{config: c}
	return p, c.Shell.Open(ui.Room{Name: "presence", Files: files, Pages: map[string]*ui.View{"presence.html": &p.view}})
}

// Routes lists what the folder serves.
func (p *Pages) Routes() []ui.Route {
	return []ui.Route{
		{Pattern: "GET /presence", Handle: p.show},
		{Pattern: "POST /presence", Handle: p.enter},
	}
}

// Ways in the form.
const (
	wayIn  = "in"
	wayOut = "out"
)

// page is what the template gets.
type page struct {
	Made      time.Time
	Inside    int // in the areas shown
	Late      []late
	Areas     []panel
	Empty     []string         // names of areas without anybody
	Choices   []entrylog.Named // every area
	Area      string           // the only one shown; empty: all
	AreaName  string
	Query     string
	Gone      bool   // also those whose exit is unknown
	Toggle    string // address of the page with Gone the other way
	MayHand   bool
	MayForget bool
	Hand      form
	Said      string // what has just been entered: in, out
}

// form is what is entered by hand.
type form struct {
	Person, Area, Way, Reason string
	Problem, Field            string
}

// panel is one area.
type panel struct {
	entrylog.PresentArea
	Title   string
	KnownTo time.Time
	Late    bool
	In      []row
	Gone    []row // whose exit is unknown
}

// row is one person.
type row struct {
	entrylog.Present
	Name    string
	Lasting string // for how long
	Also    string // names of the other areas
	Leave   string // address at which the form says that this person left; empty: the visitor may not
	Forget  string // address of the form to have the doors forget this person; empty likewise
}

func (p *Pages) show(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	q := r.URL.Query()
	return p.render(w, r, v, http.StatusOK, form{
		Person: q.Get("person"), Area: cmp.Or(q.Get("in"), q.Get("area")), Way: cmp.Or(q.Get("way"), wayIn),
	})
}

func (p *Pages) render(w http.ResponseWriter, r *http.Request, v ui.Visitor, status int, f form) error {
	lang, q := ui.LangOf(r), r.URL.Query()
	now, err := p.config.Entries.Present(r.Context(), v.Actor(), "")
	if err != nil {
		return err
	}
	data := page{
		Made: now.At, Area: q.Get("area"), Query: strings.TrimSpace(q.Get("q")), MayHand: v.May(authz.PresenceHand), MayForget: v.May(authz.PresenceForget), Hand: f, Said: q.Get("said"),
		Gone: q.Get("gone") != "",
	}
	data.Toggle = data.path(!data.Gone)
	for _, a := range now.Areas {
		data.add(p, lang, a)
	}
	if data.Area != "" && data.AreaName == "" {
		return fault.New(fault.NotFound, "area.unknown_area", "no such area")
	}
	return p.config.Shell.Render(w, r, v, p.view, ui.Page{
		Status: status, Title: p.view.Text(lang, "presence.title"), Section: "presence", Data: data,
	})
}

// path is the address of the page with what was asked for.
func (d *page) path(gone bool) string {
	q := url.Values{}
	for name, value := range map[string]string{"area": d.Area, "q": d.Query} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if gone {
		q.Set("gone", "1")
	}
	return (&url.URL{Path: "/presence", RawQuery: q.Encode()}).String()
}

// add puts one area on the page.
func (d *page) add(p *Pages, l message.Lang, a entrylog.PresentArea) {
	title := cmp.Or(a.Name, a.ID)
	if a.Name != "" {
		d.Choices = append(d.Choices, entrylog.Named{ID: a.ID, Name: a.Name})
	}
	if d.Area != "" && d.Area != a.ID {
		return
	}
	if d.Area != "" {
		d.AreaName = title
	}
	one := panel{PresentArea: a, Title: title, KnownTo: a.KnownTo()}
	for _, s := range a.Sources {
		if s.Behind(d.Made) {
			one.Late = true
			d.Late = append(d.Late, p.late(l, title, s, d.Made))
		}
	}
	for _, who := range a.People {
		if !matches(who, d.Query) {
			continue
		}
		if who.ExitUnknown {
			one.Gone = append(one.Gone, d.row(p, l, a, who))
		} else {
			one.In = append(one.In, d.row(p, l, a, who))
		}
	}
	d.Inside += len(one.In)
	switch {
	case len(one.In)+len(one.Gone) > 0 || d.Area != "":
		d.Areas = append(d.Areas, one)
	case d.Query == "":
		d.Empty = append(d.Empty, title)
	}
}

func matches(who entrylog.Present, query string) bool {
	squeeze := strings.NewReplacer(" ", "", "　", "")
	return strings.Contains(squeeze.Replace(who.PersonName), squeeze.Replace(query)) || strings.Contains(who.Person, query)
}

func (d *page) row(p *Pages, l message.Lang, a entrylog.PresentArea, who entrylog.Present) row {
	out := row{Present: who, Name: cmp.Or(who.PersonName, who.Person), Lasting: p.length(l, d.Made.Sub(who.Since))}
	var also []string
	for _, n := range who.Also {
		also = append(also, cmp.Or(n.Name, n.ID))
	}
	out.Also = strings.Join(also, p.view.Text(l, "and"))
	if d.MayHand && a.Name != "" {
		out.Leave = "/presence?" + url.Values{"area": {d.Area}, "person": {who.Person}, "in": {a.ID}, "way": {wayOut}}.Encode() + "#hand"
	}
	if d.MayForget && a.Name != "" {
		out.Forget = (&url.URL{Path: "/areas/" + a.ID + "/forget", RawQuery: url.Values{"person": {who.Person}}.Encode()}).String()
	}
	return out
}

// late is a controller that has not told everything about an area, in words.
type late struct{ Area, Why string }

func (p *Pages) late(l message.Lang, area string, s entrylog.Source, now time.Time) late {
	ago := p.length(l, now.Sub(s.KnownTo))
	switch {
	case s.KnownTo.IsZero():
		return late{area, p.view.Text(l, "late.never", s.Controller)}
	case !s.Online:
		return late{area, p.view.Text(l, "late.offline", ui.Minute(l, s.KnownTo), s.Controller, ago)}
	default:
		return late{area, p.view.Text(l, "late.missing", ui.Minute(l, s.KnownTo), s.Controller, s.Missing)}
	}
}

// length is a length of time in words: 35 minutes, 2 hours 14 minutes, 3 days.
func (p *Pages) length(l message.Lang, d time.Duration) string {
	minutes := int(max(0, d).Minutes())
	switch {
	case minutes < 60:
		return p.view.Text(l, "length.minutes", minutes)
	case minutes < 48*60:
		return p.view.Text(l, "length.hours", minutes/60, minutes%60)
	default:
		return p.view.Text(l, "length.days", minutes/60/24)
	}
}

// enter takes the form. What it says stands in the list that the visitor is then sent to.
func (p *Pages) enter(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	f := form{Person: strings.TrimSpace(r.PostFormValue("person")), Area: r.PostFormValue("in"), Way: r.PostFormValue("way"), Reason: r.PostFormValue("reason")}
	say := p.config.Entries.EnterByHand
	if f.Way == wayOut {
		say = p.config.Entries.LeaveByHand
	} else {
		f.Way = wayIn
	}
	err := say(r.Context(), v.Actor(), f.Person, f.Area, f.Reason)
	if err == nil {
		ui.Redirect(w, r, "/presence?"+url.Values{"said": {f.Way}}.Encode())
		return nil
	}
	sentence, field, ok := ui.Correctable(ui.LangOf(r), err)
	if !ok {
		return err
	}
	f.Problem, f.Field = sentence, field
	if fault.CodeOf(err) == "staff.unknown" {
		f.Field = "person"
	}
	return p.render(w, r, v, ui.StatusOf(err), f)
}
