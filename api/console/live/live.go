// Package live is the console's page of entries and exits (入退室の状況): newest on top, renewed by an event stream
// without reloading. A guard reads it at arm's length at night, so every row says in words what its colour says,
// and every refusal and alarm says why and what to do.
//
// GET /live takes door (an id), show (granted, denied, alarm, other; none: all) and before (an id: older rows).
// GET /live/stream takes door, show, and after or the header Last-Event-ID, and sends:
//
//	row     one table row; its id is the entry's
//	beat    every 15 s, with the id up to which the log was looked through
//	early   every row that came before its turn, in place of those sent before; a client drops them when it connects
//	tally   the number of alarms in the last 24 hours, when alarms came
//	reload  more was missed than a page can show: ask for the page again
//	end     the log-in ended
package live

import (
	"context"
	"embed"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"kanmon/api/console/ui"
	"kanmon/api/message"
	"kanmon/internal/store"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/entrylog"
)

//go:embed ja.json en.json templates
var files embed.FS

// Entries is what the page reads of the entry log.
type Entries interface {
	List(ctx context.Context, actor store.Actor, f entrylog.Filter) ([]entrylog.Entry, error)
	Newest(ctx context.Context) (int64, error)
	// Provisional lists what controllers showed before its turn, newest first.
	Provisional(ctx context.Context, actor store.Actor, limit int) ([]entrylog.Entry, error)
}

// Doors is what the page reads of the register of areas.
type Doors interface {
	Doors(ctx context.Context, actor store.Actor) ([]area.Door, error)
	Areas(ctx context.Context, actor store.Actor) ([]area.Area, error)
}

// Config is what the page needs.
type Config struct {
	Shell   *ui.Shell
	Entries Entries
	Doors   Doors
	// Subscribe returns a channel that delivers when there may be new entries, and how to end it.
	Subscribe func() (wake <-chan struct{}, cancel func())
	// Identify finds the visitor of a request again, while a stream is open.
	Identify func(*http.Request) (ui.Visitor, error)
	Now      func() time.Time
}

// Pages serves the page and its stream.
type Pages struct {
	config  Config
	view    ui.View
	streams atomic.Int32
	count   counter
}

// New reads the templates.
func New(c Config) (*Pages, error) {
	p := &Pages{config: c}
	return p, c.Shell.Open(ui.Room{Name: "live", Files: files, Words: Words, Pages: map[string]*ui.View{"live.html": &p.view}})
}

// Words are what events are called, what they mean, and the reasons of decisions: keys "kind.", "why." and "reason.", beside the page's own.
func Words() (message.Catalogue, error) { return message.Load(files) }

// Routes lists what the folder serves.
func (p *Pages) Routes() []ui.Route {
	return []ui.Route{
		{Pattern: "GET /live", Handle: p.page},
		{Pattern: "GET /live/stream", Handle: p.stream},
	}
}

const (
	pageRows = 50
	keptRows = 100 // on a page that renews itself
)

type page struct {
	Rows    []row
	Early   []row // before their turn
	Filter  filter
	Doors   []area.Door
	Locked  []area.Area // down
	Shows   []string
	Alarms  count
	After   int64  // the newest id the page has looked at
	Stream  string // empty on a page of older rows
	Older   string // address of the next older page; empty: none
	Newest  string // address of the newest page under the same filter
	Keep    int
	Visitor ui.Visitor
}

func (p *Pages) page(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	ctx, lang := r.Context(), ui.LangOf(r)
	f, err := parseFilter(r.URL.Query())
	if err != nil {
		return err
	}
	data := page{Filter: f, Shows: shows(), Newest: f.path("/live", 0), Keep: keptRows, Visitor: v}
	if data.After, err = p.config.Entries.Newest(ctx); err != nil {
		return err
	}
	entries, err := p.older(ctx, v.Actor(), f, pageRows+1)
	if err != nil {
		return err
	}
	if len(entries) > pageRows {
		entries = entries[:pageRows]
		data.Older = f.path("/live", entries[pageRows-1].ID)
	}
	for _, e := range entries {
		data.Rows = append(data.Rows, p.row(lang, v, e))
	}
	if data.Doors, err = p.config.Doors.Doors(ctx, v.Actor()); err != nil {
		return err
	}
	if data.Locked, err = p.config.Doors.Areas(ctx, v.Actor()); err != nil {
		return err
	}
	data.Locked = slices.DeleteFunc(data.Locked, func(a area.Area) bool { return !a.Lockdown.On })
	if data.Alarms, err = p.alarms(ctx, v.Actor(), 0); err != nil {
		return err
	}
	if f.before == 0 {
		data.Stream = f.path("/live/stream", 0)
		if data.Early, err = p.early(ctx, lang, v, f); err != nil {
			return err
		}
	}
	return p.config.Shell.Render(w, r, v, p.view, ui.Page{Title: p.view.Text(lang, "live.title"), Section: "live", Data: data})
}
