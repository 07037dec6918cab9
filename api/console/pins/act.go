package pins

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"kanmon/api/console/ui"
	"kanmon/internal/fault"
	"kanmon/lifecycle/pin"
	"kanmon/lifecycle/staff"
	"kanmon/reader/credential"
)

// act does what one of the three forms asks for.
func (p *Pages) act(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	switch r.PostFormValue("act") {
	case "draw":
		return p.draw(w, r, v)
	case "choose":
		return p.choose(w, r, v)
	case "withdraw":
		return p.withdraw(w, r, v)
	}
	return fault.New(fault.Invalid, "request.form", "no such form")
}

// draw sets a PIN and answers with the page that shows it.
func (p *Pages) draw(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	f := form{Which: "draw", Place: r.PostFormValue("place"), Reason: r.PostFormValue("reason"), Duress: r.PostFormValue("duress") == "yes"}
	o, err := f.order(r.PathValue("id"))
	var made pin.Issued
	if err == nil {
		made, err = p.config.PINs.Set(r.Context(), v.Actor(), o)
	}
	if err != nil {
		return p.refused(w, r, v, f, err)
	}
	m, err := p.config.Staff.Get(r.Context(), v.Actor(), made.Person)
	if err != nil {
		return err
	}
	data := struct {
		Member     staff.Member
		PIN        pin.PIN
		Code, Over string
	}{m, made.PIN, made.Code.Reveal(), made.Duress.Reveal()}
	title := p.issued.Text(ui.LangOf(r), "issued.title")
	return p.config.Shell.Render(w, r, v, p.issued, ui.Page{Title: title, Section: "staff", Data: data})
}

// order reads what the form asks for: a place is the id of an area, empty for the person's own, and the version of the PIN there, with an @ between them.
func (f form) order(person string) (pin.Order, error) {
	area, version, _ := strings.Cut(f.Place, "@")
	n, err := strconv.ParseInt(version, 10, 64)
	if err != nil || n < 0 {
		return pin.Order{}, fault.BadField("place", "field.required", "no place")
	}
	return pin.Order{Person: person, Area: area, Duress: f.Duress, Reason: f.Reason, After: n}, nil
}

// choose sets the person's own PIN as they typed it, each twice.
func (p *Pages) choose(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	f := form{Which: "choose", Place: "@" + r.PostFormValue("after"), Reason: r.PostFormValue("reason")}
	o, err := f.order(r.PathValue("id"))
	if err == nil {
		o.Chosen, err = typed(r, "pin")
	}
	if err == nil && r.PostFormValue("duress_pin")+r.PostFormValue("duress_pin_again") != "" {
		o.ChosenDuress, err = typed(r, "duress_pin")
	}
	if err == nil {
		_, err = p.config.PINs.Set(r.Context(), v.Actor(), o)
	}
	if err != nil {
		return p.refused(w, r, v, f, err)
	}
	ui.Redirect(w, r, path(o.Person)+"?done=set")
	return nil
}

// typed reads a PIN that was typed into two inputs.
func typed(r *http.Request, name string) (credential.Code, error) {
	first, again := r.PostFormValue(name), r.PostFormValue(name+"_again")
	if first != again {
		return credential.Code{}, fault.BadField(name+"_again", "pin.repeat", "the two differ")
	}
	code, err := credential.NewCode(first)
	if err != nil {
		return code, fault.BadField(name, "credential.pin", "not digits")
	}
	return code, nil
}

func (p *Pages) withdraw(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	f := form{Which: "withdraw", Place: r.PostFormValue("area"), Reason: r.PostFormValue("reason")}
	person := r.PathValue("id")
	if _, err := p.config.PINs.Withdraw(r.Context(), v.Actor(), person, f.Place, f.Reason); err != nil {
		return p.refused(w, r, v, f, err)
	}
	ui.Redirect(w, r, path(person)+"?done=withdrawn")
	return nil
}

func path(person string) string { return "/staff/" + url.PathEscape(person) + "/pins" }

// refused shows the form again with what was wrong.
func (p *Pages) refused(w http.ResponseWriter, r *http.Request, v ui.Visitor, f form, err error) error {
	var correctable bool
	f.Problem, f.Field, correctable = ui.Correctable(ui.LangOf(r), err)
	if !correctable || fault.CodeOf(err) == "staff.unknown" {
		return err
	}
	return p.page(w, r, v, ui.StatusOf(err), f)
}
