// Package areas is the console's pages of controlled areas (管理区域), their doors and the weekly schedules, and of a door's release from afar
// (遠隔解錠), which asks for the password again and for a reason.
package areas

import (
	"context"
	"embed"
	"fmt"
	"net/http"
	"strconv"

	"kanmon/api/command"
	"kanmon/api/console/ui"
	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/store"
	"kanmon/lifecycle/account"
	"kanmon/lifecycle/area"
	record "kanmon/lifecycle/command"
)

//go:embed ja.json en.json templates
var files embed.FS

// Areas is what the page asks of the register of areas.
type Areas interface {
	Areas(ctx context.Context, actor store.Actor) ([]area.Area, error)
	Doors(ctx context.Context, actor store.Actor) ([]area.Door, error)
	Schedules(ctx context.Context, actor store.Actor) ([]area.Schedule, error)
}

// Releaser releases doors.
type Releaser interface {
	Release(ctx context.Context, actor store.Actor, door, reason string) (command.Outcome, error)
}

// Commands is what was ordered from afar, and what became of it.
type Commands interface {
	List(ctx context.Context, actor store.Actor, f record.Filter) ([]record.Command, error)
}

// Accounts asks a person for the password again.
type Accounts interface {
	CheckPassword(ctx context.Context, id string, p account.Password) error
}

// Config is what the pages need.
type Config struct {
	Shell    *ui.Shell
	Areas    Areas
	Releaser Releaser
	Commands Commands
	Accounts Accounts
}

// Pages serves the pages.
type Pages struct {
	config        Config
	view, release ui.View
}

// New reads the templates.
func New(c Config) (*Pages, error) {
	p := &Pages{config: c}
	return p, c.Shell.Open(ui.Room{
		Name: "areas", Files: files,
		Pages: map[string]*ui.View{"areas.html": &p.view, "release.html": &p.release},
	})
}

// Routes lists what the folder serves.
func (p *Pages) Routes() []ui.Route {
	return []ui.Route{
		{Pattern: "GET /areas", Handle: p.page},
		{Pattern: "GET /doors/{id}/release", Handle: p.askRelease},
		{Pattern: "POST /doors/{id}/release", Handle: p.doRelease},
	}
}

// block is an area with its doors.
type block struct {
	area.Area
	Doors []doorRow
}

type doorRow struct {
	area.Door
	Release, Held string // in seconds
}

// Best reports an area whose doors open even when the decision cannot be written down.
func (b block) Best() bool { return b.Record == access.BestEffort }

// plan is a schedule, by day of the week from Monday.
type plan struct {
	area.Schedule
	Days []day
}

type day struct {
	Weekday int // 0 Sunday
	Spans   []string
}

func (p *Pages) page(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	ctx, actor := r.Context(), v.Actor()
	all, err := p.config.Areas.Areas(ctx, actor)
	if err != nil {
		return err
	}
	doors, err := p.config.Areas.Doors(ctx, actor)
	if err != nil {
		return err
	}
	schedules, err := p.config.Areas.Schedules(ctx, actor)
	if err != nil {
		return err
	}
	data := struct {
		Areas      []block
		Plans      []plan
		MayRelease bool
		MayWrite   bool
	}{blocks(all, doors), plans(schedules), v.May(authz.DoorRelease), v.May(authz.AreaWrite)}
	title := p.view.Text(ui.LangOf(r), "areas.title")
	return p.config.Shell.Render(w, r, v, p.view, ui.Page{Title: title, Section: "areas", Data: data})
}

func blocks(all []area.Area, doors []area.Door) []block {
	by := map[string][]doorRow{}
	for _, d := range doors {
		by[d.Area] = append(by[d.Area], doorRow{d, seconds(d.ReleaseMS), seconds(d.HeldMS)})
	}
	out := make([]block, len(all))
	for i, a := range all {
		out[i] = block{a, by[a.ID]}
	}
	return out
}

func plans(schedules []area.Schedule) []plan {
	out := make([]plan, len(schedules))
	for i, s := range schedules {
		out[i] = plan{s, days(s.Windows)}
	}
	return out
}

func days(windows []access.Window) []day {
	out := make([]day, 7)
	for i := range out {
		out[i].Weekday = (i + 1) % 7
		for _, w := range windows {
			if w.Day == out[i].Weekday {
				out[i].Spans = append(out[i].Spans, span(w))
			}
		}
	}
	return out
}

// seconds writes milliseconds as seconds, without zeros that say nothing: "3", "0.5".
func seconds(ms int) string { return strconv.FormatFloat(float64(ms)/1000, 'f', -1, 64) }

// span is a window as hours: "8:30–17:15". One that crosses midnight ends on the next day, in the way of "22:00–30:00".
func span(w access.Window) string {
	until := w.Until
	if until <= w.From {
		until += 24 * 60
	}
	return fmt.Sprintf("%d:%02d–%d:%02d", w.From/60, w.From%60, until/60, until%60)
}
