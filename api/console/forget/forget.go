// Package forget is the console's page by which the doors of an area forget where somebody, or everybody, is (在室のリセット). Nothing that counts on it
// holds them back then. It asks for the password again and for a reason, and shows what became of the orders of the last time.
//
// GET /areas/{id}/forget takes person (an id, to fill in the form) and given (the id of a command: the order it belongs to is shown above the form).
package forget

import (
	"cmp"
	"context"
	"embed"
	"net/http"
	"net/url"
	"strings"
	"time"

	"kanmon/api/command"
	"kanmon/api/console/ui"
	"kanmon/api/message"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/account"
	"kanmon/lifecycle/area"
	record "kanmon/lifecycle/command"
)

//go:embed ja.json en.json templates
var files embed.FS

// Areas is what the page asks of the register of areas.
type Areas interface {
	Area(ctx context.Context, actor store.Actor, id string) (area.Area, error)
}

// Releaser gives the commands.
type Releaser interface {
	Forget(ctx context.Context, actor store.Actor, area, person, reason string) ([]command.Outcome, error)
}

// Commands is what was ordered from afar, and what became of it.
type Commands interface {
	List(ctx context.Context, actor store.Actor, f record.Filter) ([]record.Command, error)
}

// Accounts asks a person for the password again.
type Accounts interface {
	CheckPassword(ctx context.Context, id string, p account.Password) error
}

// Config is what the page needs.
type Config struct {
	Shell    *ui.Shell
	Areas    Areas
	Releaser Releaser
	Commands Commands
	Accounts Accounts
}

// Pages serves the page.
type Pages struct {
	config Config
	view   ui.View
}

// New reads the template.
func New(c Config) (*Pages, error) {
	p := &Pages{config: c}
	return p, c.Shell.Open(ui.Room{Name: "forget", Files: files, Pages: map[string]*ui.View{"forget.html": &p.view}})
}

// Routes lists what the folder serves.
func (p *Pages) Routes() []ui.Route {
	return []ui.Route{
		{Pattern: "GET /areas/{id}/forget", Handle: p.ask},
		{Pattern: "POST /areas/{id}/forget", Handle: p.do},
	}
}

// page is the form, with what was ordered lately.
type page struct {
	area.Area
	Person, Reason string
	Problem, Field string
	Given          []outcome // the order just given, by controller
	Done           bool      // all of it
	Before         []outcome // earlier ones, newest first
}

// outcome is a command in words.
type outcome struct {
	record.Command
	Standing string // done, refused, unanswered, open
	Whom     string
	Why      string // of a refusal
	By       string
}

const shown = 20

func (p *Pages) ask(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	return p.page(w, r, v, http.StatusOK, page{Person: r.URL.Query().Get("person")})
}

func (p *Pages) page(w http.ResponseWriter, r *http.Request, v ui.Visitor, status int, data page) error {
	ctx, actor, l := r.Context(), v.Actor(), ui.LangOf(r)
	var err error
	if data.Area, err = p.config.Areas.Area(ctx, actor, r.PathValue("id")); err != nil {
		return err
	}
	if v.May(authz.EntryRead) {
		list, err := p.config.Commands.List(ctx, actor, record.Filter{Area: data.ID, Limit: shown})
		if err != nil {
			return err
		}
		data.split(p, l, list, r.URL.Query().Get("given"))
	}
	title := p.view.Text(l, "forget.title", data.Name)
	return p.config.Shell.Render(w, r, v, p.view, ui.Page{Status: status, Title: title, Section: "areas", Data: &data})
}

// split tells the order just given from those before it. The commands of one order are of one moment and by one person.
func (d *page) split(p *Pages, l message.Lang, list []record.Command, given string) {
	var at time.Time
	var by string
	for _, c := range list {
		if given != "" && c.ID == given {
			at, by = c.At, c.Actor
		}
	}
	d.Done = true
	for _, c := range list {
		o := p.outcome(l, c)
		if by != "" && c.Actor == by && c.At.Equal(at) {
			d.Given, d.Done = append(d.Given, o), d.Done && c.Outcome == record.Done
		} else {
			d.Before = append(d.Before, o)
		}
	}
	if len(d.Given) > 0 && !d.Done { // most give it again
		d.Person, d.Reason = d.Given[0].Person, d.Given[0].Reason
	}
}

func (p *Pages) outcome(l message.Lang, c record.Command) outcome {
	o := outcome{
		Command: c, Standing: cmp.Or(string(c.Outcome), "open"), By: strings.TrimPrefix(c.Actor, "account:"),
		Whom: cmp.Or(c.PersonName, c.Person, p.view.Text(l, "everybody")),
	}
	if c.Outcome == record.Refused {
		key := "refused." + c.Detail
		if o.Why = p.view.Text(l, key); o.Why == key {
			o.Why = p.view.Text(l, "refused.other", c.Detail)
		}
	}
	return o
}

// do proves who asks, gives the order, and sends the visitor to its outcome, which can be looked at again without giving another.
func (p *Pages) do(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	password := account.NewPassword(r.PostFormValue("password"))
	data := page{Person: strings.TrimSpace(r.PostFormValue("person")), Reason: r.PostFormValue("reason")}
	r.PostForm.Del("password")
	r.Form.Del("password")
	id := r.PathValue("id")
	err := p.config.Accounts.CheckPassword(r.Context(), v.Login(), password)
	if err == nil {
		given, failed := p.config.Releaser.Forget(r.Context(), v.Actor(), id, data.Person, data.Reason)
		if len(given) > 0 { // it is on record, with what became of it
			ui.Redirect(w, r, "/areas/"+url.PathEscape(id)+"/forget?given="+url.QueryEscape(given[0].Command))
			return nil
		}
		err = failed
	}
	sentence, field, ok := ui.Correctable(ui.LangOf(r), err)
	switch code := fault.CodeOf(err); {
	case code == "auth.password", code == "command.offline", code == "staff.unknown": // of other kinds, and yet for this page
		sentence, field = message.Sentence(ui.LangOf(r), fault.KindOf(err).String(), code), fields[code]
	case !ok:
		return err
	}
	data.Problem, data.Field = sentence, field
	return p.page(w, r, v, ui.StatusOf(err), data)
}

// fields are the inputs at fault, by code.
var fields = map[string]string{"auth.password": "password", "staff.unknown": "person"}
