// Package approvals is the console's pages of changes that wait for a second person (承認待ち): what they change, who asked and why, and the forms to approve,
// refuse or withdraw one. Nobody is offered to approve their own.
package approvals

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"kanmon/api/console/change"
	"kanmon/api/console/ui"
	"kanmon/api/message"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/staff"
)

//go:embed ja.json en.json templates
var files embed.FS

// Approvals is what the pages ask of the register of approvals.
type Approvals interface {
	List(ctx context.Context, actor store.Actor, f approval.Filter) ([]approval.Request, error)
	Get(ctx context.Context, actor store.Actor, id string) (approval.Request, error)
	Approve(ctx context.Context, actor store.Actor, note string, ids ...string) ([]approval.Request, error)
	Refuse(ctx context.Context, actor store.Actor, id, note string) (approval.Request, error)
	Withdraw(ctx context.Context, actor store.Actor, id, note string) (approval.Request, error)
}

// Config is what the pages need.
type Config struct {
	Shell     *ui.Shell
	Approvals Approvals
	Areas     Areas
	Staff     Staff
}

// Areas is what the pages ask of the register of areas, for names and hours.
type Areas interface {
	Areas(ctx context.Context, actor store.Actor) ([]area.Area, error)
	Schedules(ctx context.Context, actor store.Actor) ([]area.Schedule, error)
}

// Staff is what they ask of the register of staff, for names.
type Staff interface {
	Get(ctx context.Context, actor store.Actor, id string) (staff.Member, error)
}

// Pages serves the pages.
type Pages struct {
	config    Config
	words     change.Words
	list, one ui.View
}

// New reads the templates.
func New(c Config) (*Pages, error) {
	p := &Pages{config: c}
	var err error
	if p.words, err = change.Load(); err != nil {
		return nil, fmt.Errorf("approvals: %w", err)
	}
	return p, c.Shell.Open(ui.Room{
		Name: "approvals", Files: files, Shared: []string{"parts.html"},
		Pages: map[string]*ui.View{"list.html": &p.list, "one.html": &p.one},
	})
}

// Routes lists what the folder serves.
func (p *Pages) Routes() []ui.Route {
	return []ui.Route{
		{Pattern: "GET /approvals", Handle: p.page},
		{Pattern: "GET /approvals/{id}", Handle: p.show},
		{Pattern: "POST /approvals/{id}/approve", Handle: p.decide(func(r *http.Request, v ui.Visitor, id, note string) error {
			_, err := p.config.Approvals.Approve(r.Context(), v.Actor(), note, id)
			return err
		})},
		{Pattern: "POST /approvals/{id}/refuse", Handle: p.decide(func(r *http.Request, v ui.Visitor, id, note string) error {
			_, err := p.config.Approvals.Refuse(r.Context(), v.Actor(), id, note)
			return err
		})},
		{Pattern: "POST /approvals/{id}/withdraw", Handle: p.decide(func(r *http.Request, v ui.Visitor, id, note string) error {
			_, err := p.config.Approvals.Withdraw(r.Context(), v.Actor(), id, note)
			return err
		})},
	}
}

// Sent sends the visitor to the page of a request, when that is what has become of a change, and reports whether it did. Pages of other registers ask it.
func Sent(w http.ResponseWriter, r *http.Request, err error) bool {
	waits, ok := errors.AsType[*approval.WaitingError](err)
	if ok {
		ui.Redirect(w, r, "/approvals/"+url.PathEscape(waits.Request.ID)+"?asked")
	}
	return ok
}

const (
	shownPending = 100
	shownDecided = 20
)

// line is a request in a list.
type line struct {
	approval.Request
	By, DecidedBy string
	Own           bool
}

func newLine(r approval.Request, v ui.Visitor) line {
	return line{r, change.Person(r.Applicant), change.Person(r.Decider), r.Applicant == v.Actor().String()}
}

func (p *Pages) page(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	data := struct{ Pending, Decided []line }{}
	pending, err := p.config.Approvals.List(r.Context(), v.Actor(), approval.Filter{State: approval.Pending, Limit: shownPending})
	if err != nil {
		return err
	}
	all, err := p.config.Approvals.List(r.Context(), v.Actor(), approval.Filter{Limit: shownPending})
	if err != nil {
		return err
	}
	for _, req := range pending {
		data.Pending = append(data.Pending, newLine(req, v))
	}
	for _, req := range all {
		if req.State != approval.Pending && len(data.Decided) < shownDecided {
			data.Decided = append(data.Decided, newLine(req, v))
		}
	}
	title := p.list.Text(ui.LangOf(r), "approvals.title")
	return p.config.Shell.Render(w, r, v, p.list, ui.Page{Title: title, Section: "approvals", Data: data})
}

// onePage is one request, with the forms that the visitor may use.
type onePage struct {
	line
	Blocks       []change.Block
	MayDecide    bool
	Link         string // to what changes; empty where there is none to follow
	Asked, Done  bool   // just now
	Note         string
	Problem, Bad string // of the form
}

func (p *Pages) show(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	return p.onePage(w, r, v, http.StatusOK, onePage{Asked: r.URL.Query().Has("asked"), Done: r.URL.Query().Has("done")})
}

func (p *Pages) onePage(w http.ResponseWriter, r *http.Request, v ui.Visitor, status int, data onePage) error {
	req, err := p.config.Approvals.Get(r.Context(), v.Actor(), r.PathValue("id"))
	if err != nil {
		return err
	}
	data.line = newLine(req, v)
	if data.Blocks, err = p.blocks(r, v, req); err != nil {
		return err
	}
	data.MayDecide = v.May(authz.AreaWrite)
	if v.May(authz.AreaRead) {
		data.Link = link(req)
	}
	title := p.one.Text(ui.LangOf(r), "kind."+req.Kind)
	return p.config.Shell.Render(w, r, v, p.one, ui.Page{Status: status, Title: title, Section: "approvals", Data: &data})
}

// own are the codes of what a person may not do to one request and may to another.
var own = []string{"approval.own", "approval.no_staff", "approval.in_hand", "approval.not_yours"}

// decide does something to a request and shows what has become of it.
func (p *Pages) decide(do func(r *http.Request, v ui.Visitor, id, note string) error) ui.Handler {
	return func(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
		id, note := r.PathValue("id"), r.PostFormValue("note")
		err := do(r, v, id, note)
		if err == nil {
			ui.Redirect(w, r, "/approvals/"+url.PathEscape(id)+"?done")
			return nil
		}
		sentence, field, ok := ui.Correctable(ui.LangOf(r), err)
		if code := fault.CodeOf(err); slices.Contains(own, code) { // Denied, and yet for this page
			sentence, ok = message.Sentence(ui.LangOf(r), fault.KindOf(err).String(), code), true
		}
		if !ok || fault.CodeOf(err) == "approval.unknown" {
			return err
		}
		return p.onePage(w, r, v, ui.StatusOf(err), onePage{Note: note, Problem: sentence, Bad: field})
	}
}
