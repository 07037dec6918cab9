package people

import (
	"net/http"
	"net/url"

	"kanmon/api/console/revocations"
	"kanmon/api/console/ui"
	"kanmon/internal/fault"
	"kanmon/lifecycle/card"
)

// enrolForm is the form that gives a card one more credential, or takes one, as it was filled in, but for the number, which is never sent back.
type enrolForm struct {
	Tap, Heard             string // what was held to a reader, and what that was; empty: nothing
	Problem, Field, Reason string
	clash
}

// Endable are the credentials that can be taken from the card by themselves.
func (c cardPage) Endable() (list []card.Credential) {
	for _, k := range c.Credentials {
		if c.MayRevoke && k.ID != "" && k.EndedAt.IsZero() {
			list = append(list, k)
		}
	}
	return list
}

func (p *Pages) enrol(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	id := r.PathValue("id")
	held, err := p.config.Cards.Get(r.Context(), v.Actor(), id)
	if err != nil {
		return err
	}
	shown, err := p.entered(r, v, held.Terminal)
	f := enrolForm{Reason: r.PostFormValue("note"), Tap: shown.tap, Heard: shown.said(p.card, r)}
	if err == nil {
		_, err = p.config.Cards.Enrol(r.Context(), v.Actor(), id, f.Reason, shown.Read)
	}
	if err == nil {
		p.config.Counter.Done(shown.tap)
		ui.Redirect(w, r, "/cards/"+url.PathEscape(id)+"?done=enrolled")
		return nil
	}
	var correctable bool
	if f.Problem, f.Field, correctable = ui.Correctable(ui.LangOf(r), err); !correctable || fault.KindOf(err) == fault.NotFound {
		return err
	}
	f.Field, f.clash = input(f.Field, err), clashOf(err)
	if f.Field == "reason" {
		f.Field = "note"
	}
	return p.cardPage(w, r, v, ui.StatusOf(err), cardPage{Enrol: f})
}

func (p *Pages) end(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	f := enrolForm{Reason: r.PostFormValue("why")}
	version, err := p.config.Cards.End(r.Context(), v.Actor(), r.PathValue("id"), r.PostFormValue("credential"), f.Reason)
	if err == nil {
		ui.Redirect(w, r, revocations.Path(version))
		return nil
	}
	var correctable bool
	if f.Problem, f.Field, correctable = ui.Correctable(ui.LangOf(r), err); !correctable || fault.KindOf(err) == fault.NotFound {
		return err
	}
	if f.Field == "reason" {
		f.Field = "why"
	}
	return p.cardPage(w, r, v, ui.StatusOf(err), cardPage{End: f})
}
