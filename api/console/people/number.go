package people

import (
	"net/http"
	"net/url"

	"kanmon/api/console/taps"
	"kanmon/api/console/ui"
	seat "kanmon/api/desk"
	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/lifecycle/card"
	"kanmon/reader/credential"
)

// number is what a form brings of a card: what was held to a reader, or what was typed. The number itself is hashed already.
type number struct {
	card.Read
	tap   string // empty: it was typed
	trust access.Trust
}

// number reads it from the form, of which nothing that was typed is left.
func (p *Pages) number(r *http.Request, v ui.Visitor) (number, error) {
	typed, id := r.PostFormValue("number"), r.PostFormValue("tap")
	r.PostForm.Del("number")
	r.Form.Del("number")
	if id == "" {
		c, err := credential.Parse(typed)
		if err != nil {
			return number{}, err
		}
		return number{Read: card.Read{Key: c.Key(p.config.HashKey), Format: c.Shape().Format}}, nil
	}
	t, err := p.config.Counter.Read(v, id)
	if err == nil && t.Foreign {
		err = taps.Foreign()
	}
	if err != nil {
		return number{}, err
	}
	return number{card.Read{Key: t.Key, Format: t.Format}, id, t.Trust}, nil
}

// said is what was held to a reader, in words; empty when it was typed.
func (p *Pages) said(view ui.View, r *http.Request, n number) string {
	if n.tap == "" {
		return ""
	}
	return taps.Text(view, ui.LangOf(r), seat.Tap{Format: n.Format, Trust: n.trust})
}

// enrol adds what was held to a reader to a card.
func (p *Pages) enrol(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	n, err := p.number(r, v)
	if err == nil {
		_, err = p.config.Cards.Enrol(r.Context(), v.Actor(), r.PathValue("id"), "", n.Read)
	}
	if err == nil {
		p.config.Counter.Done(n.tap)
		ui.Redirect(w, r, "/cards/"+url.PathEscape(r.PathValue("id")))
		return nil
	}
	f := stopForm{}
	var correctable bool
	if f.EnrolProblem, _, correctable = ui.Correctable(ui.LangOf(r), err); !correctable || fault.CodeOf(err) == "card.unknown" {
		return err
	}
	return p.cardPage(w, r, v, ui.StatusOf(err), f)
}
