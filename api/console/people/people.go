// Package people is the console's pages of staff (職員名簿) and cards (カード管理簿): lists, search, one entry, the form of a person, the issue
// of a card, and the form that stops one. A card number is typed here and nowhere else: it is hashed before anything else happens, is never
// sent back to the browser, and no page can show it.
package people

import (
	"context"
	"embed"
	"net/http"
	"time"

	"kanmon/api/console/taps"
	"kanmon/api/console/ui"
	"kanmon/api/message"
	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/store"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/pin"
	"kanmon/lifecycle/staff"
	"kanmon/reader/credential"
)

//go:embed ja.json en.json templates
var files embed.FS

// Staff is what the pages ask of the register of staff.
type Staff interface {
	List(ctx context.Context, actor store.Actor, f staff.Filter) ([]staff.Member, error)
	Get(ctx context.Context, actor store.Actor, id string) (staff.Member, error)
	Add(ctx context.Context, actor store.Actor, d staff.Details) (staff.Member, error)
	Change(ctx context.Context, actor store.Actor, id, reason string, d staff.Details) (staff.Member, error)
}

// Cards is what the pages ask of the register of cards.
type Cards interface {
	List(ctx context.Context, actor store.Actor, f card.Filter) ([]card.Card, error)
	Get(ctx context.Context, actor store.Actor, id string) (card.Card, error)
	Issue(ctx context.Context, actor store.Actor, n card.Issue) (card.Card, error)
	Credentials(ctx context.Context, actor store.Actor, id string) ([]card.Credential, error)
	Enrol(ctx context.Context, actor store.Actor, id, reason string, n card.Read) (card.Credential, error)
	End(ctx context.Context, actor store.Actor, id, credential, reason string) (access.Version, error)
	Suspend(ctx context.Context, actor store.Actor, id, reason string, lostAt time.Time) (card.Card, access.Version, error)
	Revoke(ctx context.Context, actor store.Actor, id, reason string, lostAt time.Time) (card.Card, access.Version, error)
	Lift(ctx context.Context, actor store.Actor, id, reason string) (card.Card, access.Version, error)
}

// Rights is what the pages ask of the register of areas.
type Rights interface {
	Rights(ctx context.Context, actor store.Actor, f area.RightFilter) ([]area.Right, error)
}

// PINs is what the pages ask of the register of PINs.
type PINs interface {
	Of(ctx context.Context, actor store.Actor, person string) ([]pin.PIN, error)
}

// Config is what the pages need.
type Config struct {
	Shell   *ui.Shell
	Staff   Staff
	Cards   Cards
	Rights  Rights
	PINs    PINs
	Counter taps.Counter // where cards are held to a reader; zero: nowhere
	HashKey credential.HashKey
	Now     func() time.Time
}

// Pages serves the pages.
type Pages struct {
	config                                Config
	staff, member, cards, card, new, edit ui.View
}

// New reads the templates.
func New(c Config) (*Pages, error) {
	p := &Pages{config: c}
	return p, c.Shell.Open(ui.Room{
		Name: "people", Files: files, Words: words, Shared: []string{"parts.html"},
		Pages: map[string]*ui.View{"staff.html": &p.staff, "member.html": &p.member, "cards.html": &p.cards, "card.html": &p.card, "new.html": &p.new, "edit.html": &p.edit},
	})
}

// words are those of the pages, and those of cards that are held to a reader.
func words() (message.Catalogue, error) {
	own, err := message.Load(files)
	if err != nil {
		return message.Catalogue{}, err
	}
	read, err := taps.Words()
	if err != nil {
		return message.Catalogue{}, err
	}
	return message.Join(read, own)
}

// Routes lists what the folder serves.
func (p *Pages) Routes() []ui.Route {
	return []ui.Route{
		{Pattern: "GET /staff", Handle: p.listStaff},
		{Pattern: "GET /staff/new", Handle: p.askMember},
		{Pattern: "POST /staff", Handle: p.addMember},
		{Pattern: "GET /staff/{id}", Handle: p.showMember},
		{Pattern: "GET /staff/{id}/edit", Handle: p.askChange},
		{Pattern: "POST /staff/{id}", Handle: p.changeMember},
		{Pattern: "GET /cards", Handle: p.listCards},
		{Pattern: "GET /cards/new", Handle: p.askIssue},
		{Pattern: "POST /cards", Handle: p.issue},
		{Pattern: "GET /cards/{id}", Handle: p.showCard},
		{Pattern: "POST /cards/{id}/credentials", Handle: p.enrol},
		{Pattern: "POST /cards/{id}/credentials/end", Handle: p.end},
		{Pattern: "POST /cards/{id}/suspend", Handle: p.suspend},
		{Pattern: "POST /cards/{id}/revoke", Handle: p.revoke},
		{Pattern: "POST /cards/{id}/lift", Handle: p.lift},
	}
}

const pageRows = 50

// query is what a list was asked for.
func query(r *http.Request) (text, after string) { return r.FormValue("q"), r.FormValue("after") }

func (p *Pages) listStaff(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	q, after := query(r)
	list, err := p.config.Staff.List(r.Context(), v.Actor(), staff.Filter{Query: q, After: after, Limit: pageRows + 1})
	if err != nil {
		return err
	}
	data := struct {
		List        []member
		Query, Next string
		MayPINs     bool
		MayWrite    bool
	}{Query: q, MayPINs: v.May(authz.PINRead), MayWrite: v.May(authz.StaffWrite)}
	if len(list) > pageRows {
		list = list[:pageRows]
		data.Next = nextPage("/staff", q, list[pageRows-1].ID)
	}
	for _, m := range list {
		data.List = append(data.List, member{m, standing(m.Period, p.config.Now())})
	}
	title := p.staff.Text(ui.LangOf(r), "staff.title")
	return p.config.Shell.Render(w, r, v, p.staff, ui.Page{Title: title, Section: "staff", Data: data})
}

type member struct {
	staff.Member
	Standing string
}

func (p *Pages) showMember(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	ctx, actor, id := r.Context(), v.Actor(), r.PathValue("id")
	m, err := p.config.Staff.Get(ctx, actor, id)
	if err != nil {
		return err
	}
	now := p.config.Now()
	data := struct {
		Member     member
		Cards      []held
		PINs       []pinHeld
		Rights     []right
		MayCards   bool
		MayPINs    bool
		MaySetPINs bool
		MayAreas   bool
		MayIssue   bool
		MayWrite   bool
		Saved      bool
	}{
		Member: member{m, standing(m.Period, now)}, MayCards: v.May(authz.CardRead), MayAreas: v.May(authz.AreaRead), MayIssue: v.May(authz.CardIssue),
		MayPINs: v.May(authz.PINRead), MaySetPINs: v.May(authz.PINWrite), MayWrite: v.May(authz.StaffWrite), Saved: r.URL.Query().Has("saved"),
	}
	if data.MayCards {
		list, err := p.config.Cards.List(ctx, actor, card.Filter{Person: id, Limit: pageRows})
		if err != nil {
			return err
		}
		data.Cards = heldCards(list, now)
	}
	if data.MayPINs {
		list, err := p.config.PINs.Of(ctx, actor, id)
		if err != nil {
			return err
		}
		for _, x := range list {
			data.PINs = append(data.PINs, pinHeld{x, x.Standing(now)})
		}
	}
	if data.MayAreas {
		list, err := p.config.Rights.Rights(ctx, actor, area.RightFilter{Person: id, Limit: pageRows})
		if err != nil {
			return err
		}
		for _, x := range list {
			data.Rights = append(data.Rights, right{x, standing(x.Period, now)})
		}
	}
	return p.config.Shell.Render(w, r, v, p.member, ui.Page{Title: m.Name, Section: "staff", Data: data})
}

type pinHeld struct {
	pin.PIN
	Standing pin.Standing
}

type right struct {
	area.Right
	Standing string
}
