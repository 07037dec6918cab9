package people

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"kanmon/api/console/ui"
	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/lifecycle/period"
	"kanmon/lifecycle/staff"
)

// memberForm is the form of a person: a new one, or one that is there.
type memberForm struct {
	New                                                 bool
	No, Name, Kana, Section, Class, Number, From, Until string // what stands in the inputs
	Reason                                              string
	Problem, Field                                      string
}

// Classes lists the classes of people.
func (memberForm) Classes() []access.Class { return access.AllClasses() }

// Path is where the form goes.
func (f memberForm) Path() string {
	if f.New {
		return "/staff"
	}
	return memberPath(f.No)
}

func memberPath(no string) string { return "/staff/" + url.PathEscape(no) }

func (p *Pages) askMember(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	return p.memberForm(w, r, v, http.StatusOK, memberForm{New: true})
}

func (p *Pages) askChange(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	m, err := p.config.Staff.Get(r.Context(), v.Actor(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return p.memberForm(w, r, v, http.StatusOK, memberForm{
		No: m.ID, Name: m.Name, Kana: m.Kana, Section: m.Section, Class: string(m.Class), Number: m.Number,
		From: ui.DateInput(m.From), Until: lastDay(m.Until),
	})
}

// lastDay is the last whole day before the end of a period, as an input of dates has it; empty for no end.
func lastDay(until time.Time) string {
	if until.IsZero() {
		return ""
	}
	return ui.DateInput(until.Add(-time.Nanosecond))
}

func (p *Pages) memberForm(w http.ResponseWriter, r *http.Request, v ui.Visitor, status int, f memberForm) error {
	title := p.edit.Text(ui.LangOf(r), "staff.new")
	if !f.New {
		title = p.edit.Text(ui.LangOf(r), "edit.title", f.Name)
	}
	return p.config.Shell.Render(w, r, v, p.edit, ui.Page{Status: status, Title: title, Section: "staff", Data: f})
}

// memberOf reads the form.
func memberOf(r *http.Request) (f memberForm, d staff.Details, err error) {
	get := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	f = memberForm{
		No: get("no"), Name: get("name"), Kana: get("kana"), Section: get("section"), Class: get("class"), Number: get("number"),
		From: get("from"), Until: get("until"), Reason: get("reason"),
	}
	d = staff.Details{No: f.No, Name: f.Name, Kana: f.Kana, Section: f.Section, Class: access.Class(f.Class), Number: f.Number}
	d.Period, err = validity(f.From, f.Until)
	return f, d, err
}

func (p *Pages) addMember(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	f, d, err := memberOf(r)
	f.New = true
	var m staff.Member
	if err == nil {
		m, err = p.config.Staff.Add(r.Context(), v.Actor(), d)
	}
	return p.savedMember(w, r, v, err, f, m.ID)
}

func (p *Pages) changeMember(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	f, d, err := memberOf(r)
	f.No = r.PathValue("id")
	if err == nil {
		d.Period, err = p.keepTimes(r, v, f, d.Period)
	}
	if err == nil {
		_, err = p.config.Staff.Change(r.Context(), v.Actor(), f.No, f.Reason, d)
	}
	return p.savedMember(w, r, v, err, f, f.No)
}

// keepTimes leaves the ends of a period alone whose days are still those of the register, which knows the time of day too.
func (p *Pages) keepTimes(r *http.Request, v ui.Visitor, f memberForm, days period.Period) (period.Period, error) {
	m, err := p.config.Staff.Get(r.Context(), v.Actor(), f.No)
	if err != nil {
		return period.Period{}, err
	}
	if f.From == ui.DateInput(m.From) {
		days.From = m.From
	}
	if f.Until == lastDay(m.Until) {
		days.Until = m.Until
	}
	return days, nil
}

func (p *Pages) savedMember(w http.ResponseWriter, r *http.Request, v ui.Visitor, err error, f memberForm, no string) error {
	if err == nil {
		ui.Redirect(w, r, memberPath(no)+"?saved")
		return nil
	}
	var ok bool
	if f.Problem, f.Field, ok = ui.Correctable(ui.LangOf(r), err); !ok || fault.CodeOf(err) == "staff.unknown" {
		return err
	}
	switch fault.CodeOf(err) {
	case "staff.no_taken":
		f.Field = "no"
	case "staff.class_graded", "staff.escorts", "staff.recovers":
		f.Field = "class"
	case "staff.until_graded":
		f.Field = "until"
	}
	return p.memberForm(w, r, v, ui.StatusOf(err), f)
}
