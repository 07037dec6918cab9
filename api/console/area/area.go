// Package area is the console's pages of one controlled area (管理区域): who is responsible, what it asks in words, its doors, its versions with both people,
// and what waits for approval; the forms to define and change it, to let people in and not any more, and to lock it down.
package area

import (
	"context"
	"embed"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"kanmon/api/console/approvals"
	"kanmon/api/console/change"
	"kanmon/api/console/ui"
	"kanmon/internal/authz"
	"kanmon/internal/store"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/area/premises"
	"kanmon/lifecycle/history"
)

//go:embed ja.json en.json templates
var files embed.FS

// Areas is what the pages ask of the register of areas.
type Areas interface {
	Area(ctx context.Context, actor store.Actor, id string) (area.Area, error)
	AreaHistory(ctx context.Context, actor store.Actor, id string) ([]history.Change, error)
	AddArea(ctx context.Context, actor store.Actor, a area.Area) (area.Area, error)
	ChangeArea(ctx context.Context, actor store.Actor, reason string, a area.Area) error
	Doors(ctx context.Context, actor store.Actor) ([]area.Door, error)
	Schedules(ctx context.Context, actor store.Actor) ([]area.Schedule, error)
	Rights(ctx context.Context, actor store.Actor, f area.RightFilter) ([]area.Right, error)
	GrantAll(ctx context.Context, actor store.Actor, reason string, rights []area.Right) ([]area.Right, error)
	Withdraw(ctx context.Context, actor store.Actor, id, reason string) error
}

// Lockdowns is what the pages ask of the register of lockdowns.
type Lockdowns interface {
	Begin(ctx context.Context, actor store.Actor, area, reason string) error
	Lift(ctx context.Context, actor store.Actor, area, reason string) error
}

// Grades is what the pages ask of the register of grades.
type Grades interface {
	List(ctx context.Context, actor store.Actor) ([]premises.Least, error)
}

// Approvals is what waits for a second person.
type Approvals interface {
	List(ctx context.Context, actor store.Actor, f approval.Filter) ([]approval.Request, error)
}

// Config is what the pages need.
type Config struct {
	Shell     *ui.Shell
	Areas     Areas
	Lockdowns Lockdowns
	Grades    Grades
	Approvals Approvals
}

// Pages serves the pages.
type Pages struct {
	config                     Config
	words                      change.Words
	area, edit, rights, lockup ui.View
}

// New reads the templates.
func New(c Config) (*Pages, error) {
	p := &Pages{config: c}
	var err error
	if p.words, err = change.Load(); err != nil {
		return nil, fmt.Errorf("area: %w", err)
	}
	return p, c.Shell.Open(ui.Room{
		Name: "area", Files: files, Shared: []string{"parts.html"},
		Pages: map[string]*ui.View{"area.html": &p.area, "edit.html": &p.edit, "rights.html": &p.rights, "lockdown.html": &p.lockup},
	})
}

// Routes lists what the folder serves.
func (p *Pages) Routes() []ui.Route {
	return []ui.Route{
		{Pattern: "GET /areas/{id}", Handle: p.show},
		{Pattern: "GET /areas/new", Handle: p.askNew},
		{Pattern: "POST /areas", Handle: p.add},
		{Pattern: "GET /areas/{id}/edit", Handle: p.askEdit},
		{Pattern: "POST /areas/{id}", Handle: p.change},
		{Pattern: "GET /areas/{id}/rights", Handle: p.askRights},
		{Pattern: "POST /areas/{id}/rights", Handle: p.grant},
		{Pattern: "POST /areas/{id}/rights/{right}/withdraw", Handle: p.withdraw},
		{Pattern: "GET /areas/{id}/lockdown", Handle: p.askLockdown},
		{Pattern: "POST /areas/{id}/lockdown", Handle: p.lockDown},
		{Pattern: "POST /areas/{id}/lift", Handle: p.lift},
	}
}

// areaPage is an area with what belongs to it.
type areaPage struct {
	area.Area
	LockedBy                    string
	Rules                       []string
	Doors                       []area.Door
	Pending                     []approval.Request
	Versions                    []change.Version
	Saved, MayChange            bool
	MayLock, MayLift, MayForget bool
}

// Best reports an area whose doors open even when the decision cannot be written down.
func (a areaPage) Best() bool { return a.Record == "best_effort" }

func (p *Pages) show(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	ctx, actor, id, lang := r.Context(), v.Actor(), r.PathValue("id"), ui.LangOf(r)
	a, err := p.config.Areas.Area(ctx, actor, id)
	if err != nil {
		return err
	}
	data := areaPage{
		Area: a, LockedBy: change.Person(a.Lockdown.By), Saved: r.URL.Query().Has("saved"),
		MayChange: v.May(authz.AreaWrite), MayLock: v.May(authz.AreaLockdown), MayLift: v.May(authz.AreaLift), MayForget: v.May(authz.PresenceForget),
	}
	if data.Doors, err = p.doors(ctx, actor, id); err != nil {
		return err
	}
	schedule, err := p.schedule(ctx, actor, a.Unlock)
	if err != nil {
		return err
	}
	data.Rules = p.words.Rules(lang, a.Rules, schedule)
	if v.May(authz.ApprovalRead) {
		if data.Pending, err = p.config.Approvals.List(ctx, actor, approval.Filter{State: approval.Pending, About: id}); err != nil {
			return err
		}
	}
	changes, err := p.config.Areas.AreaHistory(ctx, actor, id)
	if err != nil {
		return err
	}
	data.Versions = p.words.Versions(lang, changes)
	return p.config.Shell.Render(w, r, v, p.area, ui.Page{Title: a.Name, Section: "areas", Data: data})
}

func (p *Pages) doors(ctx context.Context, actor store.Actor, area string) ([]premises.Door, error) {
	all, err := p.config.Areas.Doors(ctx, actor)
	return slices.DeleteFunc(all, func(d premises.Door) bool { return d.Area != area }), err
}

// schedule is the name of a timetable; empty for none.
func (p *Pages) schedule(ctx context.Context, actor store.Actor, id string) (string, error) {
	if id == "" {
		return "", nil
	}
	all, err := p.config.Areas.Schedules(ctx, actor)
	for _, s := range all {
		if s.ID == id {
			return s.Name, nil
		}
	}
	return id, err
}

// after sends the visitor to the page of a request that waits, or else to where the change can be seen.
func after(w http.ResponseWriter, r *http.Request, err error, done string) bool {
	if approvals.Sent(w, r, err) {
		return true
	}
	if err == nil {
		ui.Redirect(w, r, done)
	}
	return err == nil
}

func pathOf(id string) string { return "/areas/" + url.PathEscape(id) }

// lockdownPage is the form to lock an area down, or to end that.
type lockdownPage struct {
	area.Area
	LockedBy             string
	MayLift              bool
	Reason, Problem, Bad string
}

func (p *Pages) askLockdown(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	return p.lockdownPage(w, r, v, http.StatusOK, lockdownPage{})
}

func (p *Pages) lockdownPage(w http.ResponseWriter, r *http.Request, v ui.Visitor, status int, data lockdownPage) error {
	a, err := p.config.Areas.Area(r.Context(), v.Actor(), r.PathValue("id"))
	if err != nil {
		return err
	}
	data.Area, data.LockedBy, data.MayLift = a, change.Person(a.Lockdown.By), v.May(authz.AreaLift)
	title := p.lockup.Text(ui.LangOf(r), "lockdown.title", a.Name)
	return p.config.Shell.Render(w, r, v, p.lockup, ui.Page{Status: status, Title: title, Section: "areas", Data: data})
}

func (p *Pages) lockDown(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	return p.setLockdown(w, r, v, p.config.Lockdowns.Begin)
}

func (p *Pages) lift(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	return p.setLockdown(w, r, v, p.config.Lockdowns.Lift)
}

func (p *Pages) setLockdown(w http.ResponseWriter, r *http.Request, v ui.Visitor, do func(context.Context, store.Actor, string, string) error) error {
	id, reason := r.PathValue("id"), r.PostFormValue("reason")
	err := do(r.Context(), v.Actor(), id, reason)
	if after(w, r, err, pathOf(id)) {
		return nil
	}
	sentence, field, ok := ui.Correctable(ui.LangOf(r), err)
	if !ok {
		return err
	}
	return p.lockdownPage(w, r, v, ui.StatusOf(err), lockdownPage{Reason: reason, Problem: sentence, Bad: field})
}
