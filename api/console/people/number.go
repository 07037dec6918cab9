package people

import (
	"net/http"

	"kanmon/api/console/taps"
	"kanmon/api/console/ui"
	seat "kanmon/api/desk"
	"kanmon/internal/access"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/card/number"
	"kanmon/reader/credential"
)

// entered is what a form brings of a card: what was held to a reader, or what was typed. The number itself is hashed already.
type entered struct {
	card.Read
	tap   string // empty: it was typed
	trust access.Trust
}

// entered reads it from the form, of which nothing that was typed is left. terminal is that of an enrolment at a biometric terminal.
func (p *Pages) entered(r *http.Request, v ui.Visitor, terminal string) (entered, error) {
	typed, id := r.PostFormValue("number"), r.PostFormValue("tap")
	r.PostForm.Del("number")
	r.Form.Del("number")
	n := entered{tap: id}
	if id == "" {
		c, err := credential.Parse(typed)
		if err == nil {
			n.Read = number.Read(c.At(terminal), p.config.HashKey)
		}
		n.Apart = r.PostFormValue("apart") != ""
		return n, err
	}
	t, err := p.config.Counter.Read(v, id)
	if err == nil && t.Foreign {
		err = taps.Foreign()
	}
	if err != nil {
		return entered{}, err
	}
	n.Read, n.trust = card.Read{Key: t.Key, Format: t.Format, Siblings: t.Siblings, Apart: r.PostFormValue("apart") != ""}, t.Trust
	return n, nil
}

// said is what was held to a reader, in words; empty when it was typed.
func (n entered) said(view ui.View, r *http.Request) string {
	if n.tap == "" {
		return ""
	}
	return taps.Text(view, ui.LangOf(r), seat.Tap{Format: n.Format, Trust: n.trust})
}
