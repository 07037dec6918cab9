package people

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"kanmon/api/console/taps"
	"kanmon/api/console/ui"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/period"
	"kanmon/lifecycle/staff"
)

// Standings of a period at this moment.
const (
	standingNow   = "now"
	standingEarly = "early"
	standingOver  = "over"
)

func standing(p period.Period, now time.Time) string {
	switch {
	case now.Before(p.From):
		return standingEarly
	case !p.Until.IsZero() && !now.Before(p.Until):
		return standingOver
	default:
		return standingNow
	}
}

// held is a card with how it stands: its state, or for a card handed out the standing of its period.
type held struct {
	card.Card
	Standing string
}

func heldCards(list []card.Card, now time.Time) []held {
	out := make([]held, len(list))
	for i, c := range list {
		out[i] = held{c, cardStanding(c, now)}
	}
	return out
}

func cardStanding(c card.Card, now time.Time) string {
	if c.State != card.Issued {
		return string(c.State)
	}
	return standing(c.Period, now)
}

func nextPage(path, q, after string) string {
	values := url.Values{"after": {after}}
	if q != "" {
		values.Set("q", q)
	}
	return path + "?" + values.Encode()
}

func (p *Pages) listCards(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	q, after := query(r)
	list, err := p.config.Cards.List(r.Context(), v.Actor(), card.Filter{Query: q, After: after, Limit: pageRows + 1})
	if err != nil {
		return err
	}
	data := struct {
		List        []held
		Query, Next string
		MayIssue    bool
		MayStaff    bool
	}{Query: q, MayIssue: v.May(authz.CardIssue), MayStaff: v.May(authz.StaffRead)}
	if len(list) > pageRows {
		list = list[:pageRows]
		data.Next = nextPage("/cards", q, list[pageRows-1].Label)
	}
	data.List = heldCards(list, p.config.Now())
	title := p.cards.Text(ui.LangOf(r), "cards.title")
	return p.config.Shell.Render(w, r, v, p.cards, ui.Page{Title: title, Section: "cards", Data: data})
}

// issueForm is the form as it was filled in, but for the number, which is never sent back.
type issueForm struct {
	Problem, Field             string
	Label, Person, From, Until string
	Terminal                   string // of an enrolment at a biometric terminal
	Holder                     string // the name of Person, where there is one
	Tap, Heard                 string // what was held to a reader, and what that was; empty: nothing
	clash
}

// clash is what a number that was typed ran into.
type clash struct {
	Taken   *card.TakenError // the card that has it, for who may see
	Sibling bool             // the same number is known in another order
}

func clashOf(err error) (c clash) {
	if e, ok := errors.AsType[*card.TakenError](err); ok && e.Card != "" {
		c.Taken = e
	}
	c.Sibling = fault.CodeOf(err) == "card.credential_reversed"
	return c
}

func (p *Pages) askIssue(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	f := issueForm{Person: r.FormValue("person")}
	if f.Person != "" && v.May(authz.StaffRead) {
		m, err := p.config.Staff.Get(r.Context(), v.Actor(), f.Person)
		if err != nil && fault.KindOf(err) != fault.NotFound {
			return err
		}
		f.Holder = m.Name
	}
	return p.showIssue(w, r, v, http.StatusOK, f)
}

func (p *Pages) showIssue(w http.ResponseWriter, r *http.Request, v ui.Visitor, status int, f issueForm) error {
	people, err := p.config.Staff.List(r.Context(), v.Actor(), staff.Filter{Limit: 500})
	if err != nil {
		return err
	}
	choices, err := p.config.Counter.Choices(r.Context(), v)
	if err != nil {
		return err
	}
	data := struct {
		issueForm
		People  []staff.Member
		Choices []taps.Choice
	}{f, people, choices}
	title := p.new.Text(ui.LangOf(r), "new.title")
	return p.config.Shell.Render(w, r, v, p.new, ui.Page{Status: status, Title: title, Section: "cards", Data: data})
}

func (p *Pages) issue(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	shown, wrong := p.entered(r, v, r.PostFormValue("terminal"))
	f := issueForm{
		Terminal: r.PostFormValue("terminal"),
		Label:    r.PostFormValue("label"), Person: r.PostFormValue("person"), From: r.PostFormValue("from"), Until: r.PostFormValue("until"),
	}
	f.Tap, f.Heard = shown.tap, shown.said(p.new, r)
	valid, err := validity(f.From, f.Until)
	if err == nil {
		err = wrong
	}
	var made card.Card
	if err == nil {
		n := card.Issue{Label: f.Label, Kind: card.Personal, Person: f.Person, Terminal: f.Terminal, Period: valid}
		if f.Terminal != "" {
			n.Kind = card.Biometric
		}
		n.Key, n.Format, n.Siblings, n.Apart = shown.Key, shown.Format, shown.Siblings, shown.Apart
		made, err = p.config.Cards.Issue(r.Context(), v.Actor(), n)
	}
	if err != nil {
		var correctable bool
		if f.Problem, f.Field, correctable = ui.Correctable(ui.LangOf(r), err); !correctable {
			return err
		}
		f.Field, f.clash = input(f.Field, err), clashOf(err)
		return p.showIssue(w, r, v, ui.StatusOf(err), f)
	}
	p.config.Counter.Done(shown.tap)
	ui.Redirect(w, r, "/cards/"+url.PathEscape(made.ID)+"?done=issued")
	return nil
}

// input is the name that the form gives to the input a register complained about.
func input(field string, err error) string {
	switch fault.CodeOf(err) {
	case "card.label_taken":
		return "label"
	case "card.credential_taken", "card.credential_reversed", "card.credential_revoked":
		return "number"
	case "staff.unknown":
		return "person"
	}
	if field == "credential" || strings.HasPrefix(fault.CodeOf(err), "credential.") {
		return "number"
	}
	return field
}

// validity reads two dates. The last day is one that still counts.
func validity(first, last string) (period.Period, error) {
	from, err := ui.Midnight(first)
	if err != nil {
		return period.Period{}, fault.BadField("from", "period.form", "not a date")
	}
	until, err := ui.Midnight(last)
	if err != nil {
		return period.Period{}, fault.BadField("until", "period.form", "not a date")
	}
	if !until.IsZero() {
		until = until.AddDate(0, 0, 1)
	}
	return period.Period{From: from, Until: until}, nil
}
