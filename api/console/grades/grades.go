// Package grades is the console's page of what the city asks at least of areas of each grade (レベルの表): what a person shows and how much that proves, how it
// became so, and the form by which one manager asks for a change that another approves.
package grades

import (
	"context"
	"embed"
	"fmt"
	"net/http"
	"strconv"

	"kanmon/api/console/approvals"
	"kanmon/api/console/change"
	"kanmon/api/console/ui"
	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/area/premises"
	"kanmon/lifecycle/history"
)

//go:embed ja.json en.json templates
var files embed.FS

// Grades is what the page asks of the register of grades.
type Grades interface {
	List(ctx context.Context, actor store.Actor) ([]premises.Least, error)
	History(ctx context.Context, actor store.Actor, grade int) ([]history.Change, error)
	Set(ctx context.Context, actor store.Actor, reason string, l premises.Least) error
}

// Areas lists the areas, to count those of a grade.
type Areas interface {
	Areas(ctx context.Context, actor store.Actor) ([]area.Area, error)
}

// Approvals is what waits for a second person.
type Approvals interface {
	List(ctx context.Context, actor store.Actor, f approval.Filter) ([]approval.Request, error)
}

// Config is what the page needs.
type Config struct {
	Shell     *ui.Shell
	Grades    Grades
	Areas     Areas
	Approvals Approvals
}

// Pages serves the page.
type Pages struct {
	config Config
	words  change.Words
	view   ui.View
}

// New reads the templates.
func New(c Config) (*Pages, error) {
	p := &Pages{config: c}
	var err error
	if p.words, err = change.Load(); err != nil {
		return nil, fmt.Errorf("grades: %w", err)
	}
	return p, c.Shell.Open(ui.Room{Name: "grades", Files: files, Pages: map[string]*ui.View{"grades.html": &p.view}})
}

// Routes lists what the folder serves.
func (p *Pages) Routes() []ui.Route {
	return []ui.Route{
		{Pattern: "GET /grades", Handle: p.show},
		{Pattern: "POST /grades/{grade}", Handle: p.set},
	}
}

// grade is a row of the table, with its form.
type grade struct {
	premises.Least
	Areas        []area.Area // of this grade
	Versions     []change.Version
	In           input
	Problem, Bad string // of the form
}

// input is what stands in the form.
type input struct{ Factors, Trust, Plain, Reason string }

// page is the whole table.
type page struct {
	Grades    []grade
	Pending   []approval.Request
	MayChange bool
}

// Factors lists what a person can show, weakest first.
func (page) Factors() []string {
	return []string{"pin", "number_pin", "card", "two_cards", "card_pin"}
}

// Plains lists whether a reader's wire may be unencrypted, on a recorded restricted route (R47-1).
func (page) Plains() []string { return []string{"no", "yes"} }

// Trusts lists how much a read of a card can prove, weakest first.
func (page) Trusts() []string { return []string{"number", "memory", "mutual"} }

func (p *Pages) show(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	return p.page(w, r, v, http.StatusOK, 0, grade{})
}

// page shows the table; the form of grade n, where it is not 0, as it was sent.
func (p *Pages) page(w http.ResponseWriter, r *http.Request, v ui.Visitor, status, n int, sent grade) error {
	ctx, actor := r.Context(), v.Actor()
	least, err := p.config.Grades.List(ctx, actor)
	if err != nil {
		return err
	}
	areas, err := p.config.Areas.Areas(ctx, actor)
	if err != nil {
		return err
	}
	data := page{MayChange: v.May(authz.AreaWrite)}
	for _, l := range least {
		g := grade{Least: l, In: input{Factors: string(l.Factors), Trust: string(l.Trust), Plain: plain(l.PlainRoute)}}
		if l.Grade == n {
			g.In, g.Problem, g.Bad = sent.In, sent.Problem, sent.Bad
		}
		changes, err := p.config.Grades.History(ctx, actor, l.Grade)
		if err != nil {
			return err
		}
		g.Versions = p.words.Versions(ui.LangOf(r), changes)
		for _, a := range areas {
			if a.Grade == l.Grade {
				g.Areas = append(g.Areas, a)
			}
		}
		data.Grades = append(data.Grades, g)
	}
	if data.Pending, err = p.pending(ctx, v); err != nil {
		return err
	}
	title := p.view.Text(ui.LangOf(r), "grades.title")
	return p.config.Shell.Render(w, r, v, p.view, ui.Page{Status: status, Title: title, Section: "areas", Data: data})
}

// pending are the requests about grades that wait.
func (p *Pages) pending(ctx context.Context, v ui.Visitor) ([]approval.Request, error) {
	if !v.May(authz.ApprovalRead) {
		return nil, nil
	}
	all, err := p.config.Approvals.List(ctx, v.Actor(), approval.Filter{State: approval.Pending, Limit: mostPending})
	var ours []approval.Request
	for _, r := range all {
		if r.Register == "grade" {
			ours = append(ours, r)
		}
	}
	return ours, err
}

const mostPending = 500

func plain(may bool) string {
	if may {
		return "yes"
	}
	return "no"
}

func (p *Pages) set(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	n, err := strconv.Atoi(r.PathValue("grade"))
	if err != nil || n < 1 || n > 3 {
		return fault.New(fault.NotFound, "area.grade", "no such grade")
	}
	sent := grade{In: input{Factors: r.PostFormValue("factors"), Trust: r.PostFormValue("trust"), Plain: r.PostFormValue("plain"), Reason: r.PostFormValue("reason")}}
	err = p.config.Grades.Set(r.Context(), v.Actor(), sent.In.Reason, premises.Least{
		Grade: n, Factors: access.Factors(sent.In.Factors), Trust: access.Trust(sent.In.Trust), PlainRoute: sent.In.Plain == "yes",
	})
	if approvals.Sent(w, r, err) {
		return nil
	}
	if err == nil {
		ui.Redirect(w, r, "/grades")
		return nil
	}
	var ok bool
	if sent.Problem, sent.Bad, ok = ui.Correctable(ui.LangOf(r), err); !ok {
		return err
	}
	return p.page(w, r, v, ui.StatusOf(err), n, sent)
}
