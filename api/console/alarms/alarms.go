// Package alarms is the console's pages of alarms (警報): the open ones, urgent on top, each to be acknowledged with one tap; those that were
// closed; and for each what happened and who did what, where it is closed with a note. The list renews itself.
package alarms

import (
	"cmp"
	"context"
	"embed"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"kanmon/api/console/live"
	"kanmon/api/console/ui"
	"kanmon/api/message"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/alarm"
)

//go:embed ja.json en.json templates
var files embed.FS

// Alarms is what the pages ask of the register of alarms.
type Alarms interface {
	List(ctx context.Context, actor store.Actor, f alarm.Filter) ([]alarm.Alarm, error)
	Get(ctx context.Context, actor store.Actor, id string) (alarm.Story, error)
	Acknowledge(ctx context.Context, actor store.Actor, id string, lastEntry int64) (alarm.Alarm, error)
	Close(ctx context.Context, actor store.Actor, id, note string, lastEntry int64) (alarm.Alarm, error)
	Standing(ctx context.Context, actor store.Actor) (alarm.Standing, error)
}

// Config is what the pages need.
type Config struct {
	Shell  *ui.Shell
	Alarms Alarms
}

// Pages serves the pages.
type Pages struct {
	config    Config
	list, one ui.View
}

// Words are what alarms are called, with the words for the events that raise them.
func Words() (message.Catalogue, error) {
	own, err := message.Load(files)
	if err != nil {
		return message.Catalogue{}, err
	}
	events, err := live.Words()
	if err != nil {
		return message.Catalogue{}, err
	}
	return message.Join(events, own)
}

// New reads the templates.
func New(c Config) (*Pages, error) {
	p := &Pages{config: c}
	return p, c.Shell.Open(ui.Room{
		Name: "alarms", Files: files, Words: Words, Shared: []string{"parts.html"},
		Pages: map[string]*ui.View{"list.html": &p.list, "alarm.html": &p.one},
	})
}

// Routes lists what the folder serves.
func (p *Pages) Routes() []ui.Route {
	return []ui.Route{
		{Pattern: "GET /alarms", Handle: p.showList},
		{Pattern: "GET /alarms/{id}", Handle: p.showOne},
		{Pattern: "POST /alarms/{id}/acknowledge", Handle: p.acknowledge},
		{Pattern: "POST /alarms/{id}/close", Handle: p.close},
	}
}

const (
	renew    = 5 // seconds
	openMost = 500
	pageRows = 50
)

// Name is what an alarm of a kind is called.
func Name(v ui.View, l message.Lang, kind string) string { return word(v, l, "kind.", kind) }

// word is the text of a stable value, of the alarms' own or of the event of the same name; one that nobody knows is shown as it is.
func word(v ui.View, l message.Lang, prefix, value string) string {
	for _, key := range []string{"alarm." + prefix + value, prefix + value} {
		if s := v.Text(l, key); s != key {
			return s
		}
	}
	return value
}

// item is an alarm in words.
type item struct {
	alarm.Alarm
	Name, Why string
	What, In  string // what it is about, and where that is
	Link      string // to the person it is about; empty: none
	By, Ended string // who acknowledged and who closed it
	Mine      bool   // the visitor may handle it
}

func (p *Pages) item(l message.Lang, v ui.Visitor, a alarm.Alarm) item {
	i := item{
		Alarm: a, Name: Name(p.list, l, string(a.Kind)), Why: word(p.list, l, "why.", string(a.Kind)),
		What: About(p.list, l, string(a.Subject.About), a.Subject.ID, a.SubjectName), In: where(a),
		By: person(a.TakenBy), Ended: person(a.ClosedBy), Mine: v.May(authz.AlarmHandle),
	}
	if a.Subject.About == alarm.Person && v.May(authz.StaffRead) {
		i.Link = "/staff/" + url.PathEscape(a.Subject.ID)
	}
	return i
}

// About is what an alarm is about, in words: a name, or the kind of thing with its id.
func About(v ui.View, l message.Lang, about, id, name string) string {
	switch alarm.About(about) {
	case alarm.Centre:
		return v.Text(l, "alarm.about.centre")
	case alarm.Credential, alarm.Device, alarm.Controller:
		return v.Text(l, "alarm.about."+about, id)
	case alarm.Card:
		return v.Text(l, "alarm.about.card", cmp.Or(name, id))
	default:
		return cmp.Or(name, id)
	}
}

// where is the door, the area or the place of a controller, as far as the subject does not say it itself.
func where(a alarm.Alarm) string {
	area := cmp.Or(a.AreaName, a.Area)
	switch a.Subject.About {
	case alarm.Door:
		return area
	case alarm.Area:
		return a.Place
	default:
		return cmp.Or(a.DoorName, a.Door, area, a.Place)
	}
}

// person is the login name of an account; other actors are written with their kind.
func person(actor string) string { return strings.TrimPrefix(actor, "account:") }

// page of a list.
type page struct {
	List    []item
	Closed  bool   // of those that were closed
	Next    string // address of the next page; empty: none
	Renew   int
	Problem string
	Raised  int
}

func (p *Pages) showList(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	return p.listPage(w, r, v, http.StatusOK, "")
}

func (p *Pages) listPage(w http.ResponseWriter, r *http.Request, v ui.Visitor, status int, problem string) error {
	data := page{Closed: r.URL.Query().Get("state") == string(alarm.Closed), Problem: problem}
	f := alarm.Filter{State: alarm.Open, Limit: openMost}
	if data.Closed {
		f = alarm.Filter{State: alarm.Closed, Before: r.URL.Query().Get("before"), Limit: pageRows + 1}
	} else if problem == "" {
		data.Renew = renew
	}
	found, err := p.config.Alarms.List(r.Context(), v.Actor(), f)
	if err != nil {
		return err
	}
	if data.Closed && len(found) > pageRows {
		found = found[:pageRows]
		data.Next = "/alarms?" + url.Values{"state": {string(alarm.Closed)}, "before": {found[pageRows-1].ID}}.Encode()
	}
	if !data.Closed {
		slices.SortStableFunc(found, before)
	}
	for _, a := range found {
		data.List = append(data.List, p.item(ui.LangOf(r), v, a))
		if a.State == alarm.Raised {
			data.Raised++
		}
	}
	title := p.list.Text(ui.LangOf(r), "alarm.title")
	return p.config.Shell.Render(w, r, v, p.list, ui.Page{Status: status, Title: title, Section: "alarms", Data: data})
}

// before has urgent alarms on top, and those that nobody has acknowledged above the others; the newest come first.
func before(a, b alarm.Alarm) int {
	rank := func(a alarm.Alarm) int {
		n := 0
		if a.Severity != alarm.Urgent {
			n += 2
		}
		if a.State != alarm.Raised {
			n++
		}
		return n
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), b.RaisedAt.Compare(a.RaisedAt))
}

// lastEntry is the newest entry that the page showed. Without one it showed none.
func lastEntry(r *http.Request) int64 {
	n, err := strconv.ParseInt(r.PostFormValue("last"), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// acknowledge is the one tap. Somebody else may have been faster, which the page says.
func (p *Pages) acknowledge(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	id := r.PathValue("id")
	_, err := p.config.Alarms.Acknowledge(r.Context(), v.Actor(), id, lastEntry(r))
	there := r.PostFormValue("from") == "alarm"
	switch {
	case err == nil && there:
		ui.Redirect(w, r, "/alarms/"+url.PathEscape(id))
		return nil
	case err == nil:
		ui.Redirect(w, r, "/alarms")
		return nil
	}
	sentence, _, ok := ui.Correctable(ui.LangOf(r), err)
	switch {
	case !ok || fault.KindOf(err) == fault.NotFound:
		return err
	case there:
		return p.onePage(w, r, v, ui.StatusOf(err), form{Problem: sentence})
	default:
		return p.listPage(w, r, v, ui.StatusOf(err), sentence)
	}
}
