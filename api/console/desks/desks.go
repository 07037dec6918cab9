// Package desks is the console's pages of desks, PCs of the staff with a card reader: which there are and whether they are there, which cards lie in
// their readers for too long, and the forms that enter one, change it, open it to enrolment with a token, and throw it out.
package desks

import (
	"context"
	"embed"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"kanmon/api/console/ui"
	seat "kanmon/api/desk"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/internal/store"
	"kanmon/lifecycle/desk"
)

//go:embed ja.json en.json templates
var files embed.FS

// Desks is what the pages ask of the register of desks.
type Desks interface {
	List(ctx context.Context, actor store.Actor) ([]desk.Desk, error)
	Get(ctx context.Context, actor store.Actor, name string) (desk.Desk, error)
	Lying(ctx context.Context, actor store.Actor) ([]desk.Lying, error)
	Add(ctx context.Context, actor store.Actor, name string, d desk.Details) error
	Change(ctx context.Context, actor store.Actor, name, reason string, d desk.Details) error
	Revoke(ctx context.Context, actor store.Actor, name, reason string) error
}

// Seats is what the pages ask of the desks themselves.
type Seats interface {
	On() bool
	Seen(name string) (seen seat.Seen, online bool)
	Token(ctx context.Context, actor store.Actor, name string) (token pki.Token, expires time.Time, err error)
	Fingerprint() string
}

// Config is what the pages need.
type Config struct {
	Shell *ui.Shell
	Desks Desks
	Seats Seats
	URL   string // how desks reach the console, https://host[:port]; empty: as the visitor does
	Now   func() time.Time
}

// Pages serves the pages.
type Pages struct {
	config           Config
	list, one, token ui.View
}

// New reads the templates.
func New(c Config) (*Pages, error) {
	p := &Pages{config: c}
	return p, c.Shell.Open(ui.Room{
		Name: "desks", Files: files, Shared: []string{"parts.html"},
		Pages: map[string]*ui.View{"desks.html": &p.list, "desk.html": &p.one, "token.html": &p.token},
	})
}

// Routes lists what the folder serves.
func (p *Pages) Routes() []ui.Route {
	return []ui.Route{
		{Pattern: "GET /desks", Handle: p.showAll},
		{Pattern: "POST /desks", Handle: p.add},
		{Pattern: "GET /desks/{name}", Handle: p.showOne},
		{Pattern: "POST /desks/{name}", Handle: p.change},
		{Pattern: "POST /desks/{name}/token", Handle: p.makeToken},
		{Pattern: "POST /desks/{name}/revoke", Handle: p.revoke},
	}
}

// seen is a desk with how it was heard last, and what lies there.
type seen struct {
	desk.Desk
	seat.Seen
	Online bool
	Lying  []desk.Lying
}

// form is what is entered about a desk, as it was filled in.
type form struct {
	Problem, Field string
	Name, Place    string
	Accepts        []string
	Watch          string // minutes
	Reason         string
	Formats        []string
}

// Accepted reports whether a format is ticked.
func (f form) Accepted(format string) bool { return slices.Contains(f.Accepts, format) }

// defaultWatch is proposed for a new desk, in minutes.
const defaultWatch = "5"

func (p *Pages) showAll(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	return p.all(w, r, v, http.StatusOK, form{Watch: defaultWatch})
}

func (p *Pages) all(w http.ResponseWriter, r *http.Request, v ui.Visitor, status int, f form) error {
	list, err := p.config.Desks.List(r.Context(), v.Actor())
	if err != nil {
		return err
	}
	lying, err := p.config.Desks.Lying(r.Context(), v.Actor())
	if err != nil {
		return err
	}
	f.Formats = desk.Formats()
	data := struct {
		form
		List   []seen
		MayAdd bool
		Off    bool
	}{form: f, MayAdd: v.May(authz.DeviceWrite), Off: !p.config.Seats.On()}
	for _, d := range list {
		data.List = append(data.List, p.seen(d, lying))
	}
	return p.config.Shell.Render(w, r, v, p.list, ui.Page{Status: status, Title: p.list.Text(ui.LangOf(r), "desks.title"), Section: "controllers", Data: data})
}

func (p *Pages) seen(d desk.Desk, lying []desk.Lying) seen {
	s := seen{Desk: d}
	s.Seen, s.Online = p.config.Seats.Seen(d.Name)
	s.Online = s.Online && d.State == desk.Enrolled
	for _, l := range lying {
		if l.Desk == d.Name {
			s.Lying = append(s.Lying, l)
		}
	}
	return s
}

// formOf reads a form. A time that is none is left to the register to refuse.
func formOf(r *http.Request) (form, desk.Details) {
	f := form{
		Name: r.PostFormValue("name"), Place: r.PostFormValue("place"), Accepts: r.PostForm["accepts"], Watch: r.PostFormValue("watch"),
		Reason: r.PostFormValue("reason"),
	}
	d := desk.Details{Place: f.Place, Accepts: slices.Clone(f.Accepts)}
	if minutes, err := strconv.ParseFloat(f.Watch, 64); err == nil && minutes >= 0 && minutes < 10000 {
		d.Watch = time.Duration(minutes * float64(time.Minute)).Truncate(time.Second)
	} else if f.Watch != "" {
		d.Watch = -1
	}
	return f, d
}

func (p *Pages) add(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	f, d := formOf(r)
	err := p.config.Desks.Add(r.Context(), v.Actor(), f.Name, d)
	if err == nil {
		ui.Redirect(w, r, path(f.Name))
		return nil
	}
	if !f.wrong(r, err) {
		return err
	}
	return p.all(w, r, v, ui.StatusOf(err), f)
}

func path(name string) string { return "/desks/" + url.PathEscape(name) }

// wrong puts the sentence for an error into the form, if a person can mend it there.
func (f *form) wrong(r *http.Request, err error) bool {
	var correctable bool
	f.Problem, f.Field, correctable = ui.Correctable(ui.LangOf(r), err)
	if fault.CodeOf(err) == "desk.name_taken" {
		f.Field = "name"
	}
	return correctable && fault.KindOf(err) != fault.NotFound
}

// onePage is a desk with what the visitor may do to it.
type onePage struct {
	form
	Desk                           seen
	Act                            string // which form was refused: change, revoke
	MayChange, MayToken, MayRevoke bool
}

func (p *Pages) showOne(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	return p.onePage(w, r, v, http.StatusOK, "", nil)
}

func (p *Pages) onePage(w http.ResponseWriter, r *http.Request, v ui.Visitor, status int, act string, f *form) error {
	d, err := p.config.Desks.Get(r.Context(), v.Actor(), r.PathValue("name"))
	if err != nil {
		return err
	}
	lying, err := p.config.Desks.Lying(r.Context(), v.Actor())
	if err != nil {
		return err
	}
	data := onePage{
		Desk: p.seen(d, lying), Act: act, MayChange: v.May(authz.DeviceWrite), MayToken: v.May(authz.DeviceWrite) && p.config.Seats.On(),
		MayRevoke: d.State != desk.Revoked && v.May(authz.DeviceRevoke),
	}
	if f == nil || act != "change" {
		data.form = form{Place: d.Place, Accepts: d.Accepts, Watch: strconv.FormatFloat(d.Watch.Minutes(), 'f', -1, 64)}
	}
	if f != nil && act == "change" {
		data.form = *f
	} else if f != nil {
		data.Problem, data.Field, data.Reason = f.Problem, f.Field, f.Reason
	}
	data.Formats = desk.Formats()
	return p.config.Shell.Render(w, r, v, p.one, ui.Page{Status: status, Title: d.Name, Section: "controllers", Data: data})
}

func (p *Pages) change(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	f, d := formOf(r)
	return p.acted(w, r, v, "change", f, p.config.Desks.Change(r.Context(), v.Actor(), r.PathValue("name"), f.Reason, d))
}

func (p *Pages) revoke(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	f := form{Reason: r.PostFormValue("reason")}
	return p.acted(w, r, v, "revoke", f, p.config.Desks.Revoke(r.Context(), v.Actor(), r.PathValue("name"), f.Reason))
}

func (p *Pages) acted(w http.ResponseWriter, r *http.Request, v ui.Visitor, act string, f form, err error) error {
	if err == nil {
		ui.Redirect(w, r, path(r.PathValue("name")))
		return nil
	}
	if !f.wrong(r, err) {
		return err
	}
	return p.onePage(w, r, v, ui.StatusOf(err), act, &f)
}

// makeToken shows a new token once: the answer is the only place where it ever stands.
func (p *Pages) makeToken(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	name := r.PathValue("name")
	token, expires, err := p.config.Seats.Token(r.Context(), v.Actor(), name)
	if err != nil {
		return err
	}
	data := struct {
		Name, Command, Fingerprint string
		Expires                    time.Time
	}{name, "kanmon-desk enroll -config desk.json \\\n  -url " + p.url(r) + " \\\n  -token " + token.Reveal(), p.config.Seats.Fingerprint(), expires}
	return p.config.Shell.Render(w, r, v, p.token, ui.Page{Title: p.token.Text(ui.LangOf(r), "token.title"), Section: "controllers", Data: data})
}

// url is where desks find the console. They speak https alone.
func (p *Pages) url(r *http.Request) string {
	if p.config.URL != "" {
		return strings.TrimSuffix(p.config.URL, "/")
	}
	return (&url.URL{Scheme: "https", Host: r.Host}).String()
}
