// Package explain is the console's pages about decisions: why a door decided as it did (GET /events/{id}), with the decision made again, and what a
// door would do (GET /try, which takes who, door, way, at and pin).
package explain

import (
	"cmp"
	"context"
	"embed"
	"net/http"
	"strconv"
	"time"

	"kanmon/api/console/live"
	"kanmon/api/console/ui"
	"kanmon/api/explain"
	"kanmon/api/message"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/entrylog"
)

//go:embed ja.json en.json templates
var files embed.FS

// Explainer is what the pages ask.
type Explainer interface {
	Past(ctx context.Context, actor store.Actor, id int64) (explain.Past, error)
	Would(ctx context.Context, actor store.Actor, ask explain.Question) (explain.Would, error)
}

// Doors is what the pages read of the register of areas.
type Doors interface {
	Doors(ctx context.Context, actor store.Actor) ([]area.Door, error)
}

// Config is what the pages need.
type Config struct {
	Shell     *ui.Shell
	Explainer Explainer
	Doors     Doors
	Now       func() time.Time
}

// Pages serves the pages.
type Pages struct {
	config   Config
	why, try ui.View
}

// New reads the templates.
func New(c Config) (*Pages, error) {
	p := &Pages{config: c}
	return p, c.Shell.Open(ui.Room{
		Name: "explain", Files: files, Words: words, Shared: []string{"checks.html"},
		Pages: map[string]*ui.View{"why.html": &p.why, "try.html": &p.try},
	})
}

// words are the pages' own and those for events and reasons.
func words() (message.Catalogue, error) {
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

// Routes lists what the folder serves.
func (p *Pages) Routes() []ui.Route {
	return []ui.Route{
		{Pattern: "GET /events/{id}", Handle: p.showPast},
		{Pattern: "GET /try", Handle: p.showTry},
	}
}

// answer is a decision in words.
type answer struct{ Tone, Icon, Text, Reason string }

func (p *Pages) answer(l message.Lang, prefix string, d decide.Decision) answer {
	a := answer{Reason: p.why.Text(l, "reason."+string(d.Reason))}
	key := "deny"
	switch {
	case d.Allow:
		a.Tone, a.Icon, key = "ok", "granted", "allow"
		if d.Direction == access.Out && d.Reason != access.Granted {
			a.Reason = p.why.Text(l, "why.out_anyway", a.Reason)
		}
	case d.Wait:
		a.Tone, a.Icon, key = "warn", "waiting", "wait"
	default:
		a.Tone, a.Icon = "bad", "denied"
	}
	a.Text = p.why.Text(l, prefix+key)
	return a
}

// pastPage is what the page of an entry shows.
type pastPage struct {
	explain.Past
	What, Why  string
	Tone, Icon string
	Place, Who string
	Again      answer
	Checks     []check
}

func (p *Pages) showPast(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return fault.New(fault.NotFound, "entry.unknown", "no number of an entry")
	}
	past, err := p.config.Explainer.Past(r.Context(), v.Actor(), id)
	if err != nil {
		return err
	}
	l, e := ui.LangOf(r), past.Entry
	data := pastPage{
		Past: past, Place: cmp.Or(e.DoorName, e.Door, e.Device, e.Reader, e.Controller), Who: cmp.Or(e.PersonName, e.Person), What: p.word(l, "kind.", string(e.Kind)),
		Why: p.word(l, "why.", string(e.Kind)), Again: p.answer(l, "explain.again.", past.Made), Checks: p.checks(l, past.Checks, past.Made),
	}
	data.Tone, data.Icon = look(e)
	if e.Reason != "" {
		data.Why = p.word(l, "reason.", string(e.Reason))
	}
	if e.Kind == event.AccessGranted && e.Direction == access.Out {
		data.What = p.why.Text(l, "kind.access_granted.out")
		if e.Reason != access.Granted {
			data.Why = p.why.Text(l, "why.out_anyway", data.Why)
		}
	}
	if e.Reason == access.UnknownCredential && e.Card == "" {
		data.Who = p.why.Text(l, "who.unknown") + " " + e.Credential
	}
	return p.config.Shell.Render(w, r, v, p.why, ui.Page{Title: p.why.Text(l, "explain.title"), Section: "live", Data: data})
}

func look(e entrylog.Entry) (tone, icon string) {
	switch e.Kind {
	case event.AccessGranted:
		return "ok", "granted"
	case event.AccessDenied:
		return "bad", "denied"
	case event.AccessPending:
		return "warn", "waiting"
	default:
		return "plain", "other"
	}
}

// word is the text of a stable value; one that a newer controller invented is shown as it is.
func (p *Pages) word(l message.Lang, prefix, value string) string {
	if s := p.why.Text(l, prefix+value); s != prefix+value {
		return s
	}
	return value
}
