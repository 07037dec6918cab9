// Package pins is the console's pages of PINs (暗証番号): those of one person with the forms that set and withdraw them and their rotation log, and
// the list of those to be renewed. A PIN that was drawn stands on one page, once: that page is the answer to the form, and the same form sent again is
// refused. A PIN that a holder chose is on none.
package pins

import (
	"context"
	"embed"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"kanmon/api/console/ui"
	"kanmon/internal/authz"
	"kanmon/internal/store"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/pin"
	"kanmon/lifecycle/staff"
)

//go:embed ja.json en.json templates
var files embed.FS

// PINs is what the pages ask of the register of PINs.
type PINs interface {
	Of(ctx context.Context, actor store.Actor, person string) ([]pin.PIN, error)
	Log(ctx context.Context, actor store.Actor, person string) ([]pin.Entry, error)
	Attention(ctx context.Context, actor store.Actor, after string, limit int) ([]pin.PIN, error)
	Set(ctx context.Context, actor store.Actor, o pin.Order) (pin.Issued, error)
	Withdraw(ctx context.Context, actor store.Actor, person, area, reason string) (pin.PIN, error)
	Days() int
	OwnDigits() int
}

// Staff is what the pages ask of the register of staff.
type Staff interface {
	Get(ctx context.Context, actor store.Actor, id string) (staff.Member, error)
}

// Areas is what the pages ask of the register of areas.
type Areas interface {
	Areas(ctx context.Context, actor store.Actor) ([]area.Area, error)
}

// Config is what the pages need.
type Config struct {
	Shell *ui.Shell
	PINs  PINs
	Staff Staff
	Areas Areas
	Now   func() time.Time
}

// Pages serves the pages.
type Pages struct {
	config            Config
	list, one, issued ui.View
}

// New reads the templates.
func New(c Config) (*Pages, error) {
	p := &Pages{config: c}
	return p, c.Shell.Open(ui.Room{
		Name: "pins", Files: files, Shared: []string{"parts.html"},
		Pages: map[string]*ui.View{"list.html": &p.list, "one.html": &p.one, "issued.html": &p.issued},
	})
}

// Routes lists what the folder serves.
func (p *Pages) Routes() []ui.Route {
	return []ui.Route{
		{Pattern: "GET /pins", Handle: p.attention},
		{Pattern: "GET /staff/{id}/pins", Handle: p.show},
		{Pattern: "GET /staff/{id}/pins/log.csv", Handle: p.csv},
		{Pattern: "POST /staff/{id}/pins", Handle: p.act},
	}
}

// held is a PIN with how it stands.
type held struct {
	pin.PIN
	Standing pin.Standing
	Days     int // until its end, begun ones counted, or since
}

func (p *Pages) held(list []pin.PIN) []held {
	now, out := p.config.Now(), make([]held, len(list))
	for i, one := range list {
		out[i] = held{one, one.Standing(now), days(one.Expires.Sub(now))}
	}
	return out
}

const day = 24 * time.Hour

// days counts a day that has begun.
func days(d time.Duration) int {
	if d < 0 {
		return int(-d / day)
	}
	return int((d + day - 1) / day)
}

const pageRows = 50

func (p *Pages) attention(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	list, err := p.config.PINs.Attention(r.Context(), v.Actor(), r.FormValue("after"), pageRows+1)
	if err != nil {
		return err
	}
	data := struct {
		List []held
		Next string
	}{}
	if len(list) > pageRows {
		list = list[:pageRows]
		data.Next = "/pins?" + url.Values{"after": {list[pageRows-1].ID}}.Encode()
	}
	data.List = p.held(list)
	return p.config.Shell.Render(w, r, v, p.list, ui.Page{Title: p.list.Text(ui.LangOf(r), "list.title"), Section: "staff", Data: data})
}

// form is what was filled in, but for PINs, which are never sent back.
type form struct {
	Which                         string // of the three forms was sent: draw, choose, withdraw
	Problem, Field, Place, Reason string
	Duress                        bool
}

// onePage is the PINs of a person, with what the visitor may do to them.
type onePage struct {
	form
	Member   staff.Member
	List     []held
	Own      int64 // the version of the person's own PIN; 0: none
	Live     []held
	Places   []place
	Log      []pin.Entry
	Done     string // just now, by this visitor: set or withdrawn
	MayWrite bool
	Days     int
	Digits   int
	Most     int
}

// place is where a PIN can be for: an area, or the person's own when ID is empty.
type place struct {
	ID, Name string
	Version  int64 // of the PIN there is; 0: none
}

// Value stands in a form for a place and the version of the PIN there: what was set since is not replaced.
func (l place) Value() string { return fmt.Sprintf("%s@%d", l.ID, l.Version) }

func (p *Pages) show(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	return p.page(w, r, v, http.StatusOK, form{})
}

func (p *Pages) page(w http.ResponseWriter, r *http.Request, v ui.Visitor, status int, f form) error {
	ctx, actor, id := r.Context(), v.Actor(), r.PathValue("id")
	data := onePage{form: f, MayWrite: v.May(authz.PINWrite), Days: p.config.PINs.Days(), Digits: p.config.PINs.OwnDigits(), Most: pin.MostDigits}
	if done := r.FormValue("done"); done == "set" || done == "withdrawn" {
		data.Done = done
	}
	var err error
	if data.Member, err = p.config.Staff.Get(ctx, actor, id); err != nil {
		return err
	}
	list, err := p.config.PINs.Of(ctx, actor, id)
	if err != nil {
		return err
	}
	if data.Log, err = p.config.PINs.Log(ctx, actor, id); err != nil {
		return err
	}
	data.List = p.held(list)
	if data.MayWrite {
		if err := data.fill(ctx, actor, p.config.Areas); err != nil {
			return err
		}
	}
	title := p.one.Text(ui.LangOf(r), "one.title", data.Member.Name)
	return p.config.Shell.Render(w, r, v, p.one, ui.Page{Status: status, Title: title, Section: "staff", Data: data})
}

// fill adds what the forms offer.
func (d *onePage) fill(ctx context.Context, actor store.Actor, areas Areas) error {
	versions := map[string]int64{}
	for _, one := range d.List {
		versions[one.Area] = one.Version
		if one.State == pin.Set {
			d.Live = append(d.Live, one)
		}
	}
	d.Own = versions[""]
	d.Places = []place{{Version: d.Own}}
	all, err := areas.Areas(ctx, actor)
	for _, a := range all {
		d.Places = append(d.Places, place{a.ID, a.Name, versions[a.ID]})
	}
	return err
}
