package area

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"kanmon/api/console/ui"
	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/area/premises"
)

// editPage is the form of an area: a new one, or one that is there.
type editPage struct {
	New       bool
	In        map[string]string // what stands in the inputs, by name
	Schedules []area.Schedule
	Leasts    []premises.Least
	Problem   string
	Bad       string // the input at fault
}

// Choices of the selects, in the order of the form.
func (editPage) Grades() []string { return []string{"1", "2", "3"} }

// Records lists the record modes.
func (editPage) Records() []string { return []string{"strict", "best_effort"} }

// Factors lists what a person can show.
func (editPage) Factors() []string {
	return []string{"card", "card_pin", "two_cards", "number_pin", "pin"}
}

// Trusts lists how much a read of a card can prove.
func (editPage) Trusts() []string { return []string{"number", "memory", "mutual"} }

// Passbacks lists the kinds of anti-passback.
func (editPage) Passbacks() []string { return []string{"", "soft", "hard", "timed"} }

func (p *Pages) askNew(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	return p.editPage(w, r, v, http.StatusOK, editPage{New: true, In: inputs(area.Area{Grade: 2, Record: access.Strict})})
}

func (p *Pages) askEdit(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	a, err := p.config.Areas.Area(r.Context(), v.Actor(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return p.editPage(w, r, v, http.StatusOK, editPage{In: inputs(a)})
}

func (p *Pages) editPage(w http.ResponseWriter, r *http.Request, v ui.Visitor, status int, data editPage) error {
	var err error
	if data.Schedules, err = p.config.Areas.Schedules(r.Context(), v.Actor()); err != nil {
		return err
	}
	if data.Leasts, err = p.config.Grades.List(r.Context(), v.Actor()); err != nil {
		return err
	}
	title := p.edit.Text(ui.LangOf(r), "new.title")
	if !data.New {
		title = p.edit.Text(ui.LangOf(r), "edit.title", data.In["name"])
	}
	return p.config.Shell.Render(w, r, v, p.edit, ui.Page{Status: status, Title: title, Section: "areas", Data: data})
}

// inputs are an area as the form shows it.
func inputs(a area.Area) map[string]string {
	in := map[string]string{
		"id": a.ID, "name": a.Name, "grade": strconv.Itoa(a.Grade), "record": string(a.Record), "owner": a.Owner,
		"factors": string(a.Factors), "trust": string(a.Trust), "passback": string(a.Passback), "unlock": a.Unlock,
		"passback_s": digits(a.PassbackS), "most": digits(a.Most), "window_s": digits(a.WindowS), "visitors": digits(a.Visitors),
		"recovery": strings.Join(a.Recovery, " "),
	}
	if a.ResetAt > 0 {
		in["reset_at"] = fmt.Sprintf("%02d:%02d", a.ResetAt/60%24, a.ResetAt%60)
	}
	for name, set := range map[string]bool{"in_out": a.InOut, "two_person": a.TwoPerson, "first": a.First, "unlock_by": a.UnlockBy} {
		if set {
			in[name] = "1"
		}
	}
	return in
}

// digits leaves out a zero, which stands for the default.
func digits(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// typed is what was typed, by the name of the input.
func typed(r *http.Request) map[string]string {
	in := map[string]string{"reason": r.PostFormValue("reason")}
	for name := range r.PostForm {
		in[name] = r.PostFormValue(name)
	}
	return in
}

// formOf reads the form. A number that is none becomes -1, which the register refuses at its input.
func formOf(r *http.Request) (in map[string]string, a area.Area) {
	in = typed(r)
	a = area.Area{
		ID: in["id"], Name: in["name"], Grade: number(in["grade"]), Record: access.RecordMode(in["record"]), Owner: strings.TrimSpace(in["owner"]), Why: in["reason"],
		Rules: access.Rules{
			Factors: access.Factors(in["factors"]), Trust: access.Trust(in["trust"]), InOut: in["in_out"] != "", Passback: access.Passback(in["passback"]),
			PassbackS: number(in["passback_s"]), ResetAt: minuteOf(in["reset_at"]), TwoPerson: in["two_person"] != "", WindowS: number(in["window_s"]),
			Visitors: number(in["visitors"]), Most: number(in["most"]), First: in["first"] != "", Unlock: in["unlock"], UnlockBy: in["unlock_by"] != "",
			Recovery: strings.FieldsFunc(in["recovery"], func(c rune) bool { return strings.ContainsRune(" 　,、", c) }),
		},
	}
	if a.Factors == access.FactorsCard {
		a.Factors = "" // one way to say it, so that nothing seems to change
	}
	if a.Trust == access.TrustNumber {
		a.Trust = ""
	}
	return in, a
}

func number(s string) int {
	s = strings.TrimSpace(s)
	if s == "" {
		return 0
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return -1
	}
	return n
}

// minuteOf reads "04:00"; midnight is the end of the day, for 0 stands for never.
func minuteOf(s string) int {
	var h, m int
	if s == "" {
		return 0
	}
	if _, err := fmt.Sscanf(s, "%d:%d", &h, &m); err != nil {
		return -1
	}
	if h == 0 && m == 0 {
		h = 24
	}
	return h*60 + m
}

func (p *Pages) add(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	in, a := formOf(r)
	_, err := p.config.Areas.AddArea(r.Context(), v.Actor(), a)
	return p.saved(w, r, v, err, editPage{New: true, In: in}, a.ID)
}

func (p *Pages) change(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	in, a := formOf(r)
	a.ID = r.PathValue("id")
	in["id"] = a.ID
	err := p.config.Areas.ChangeArea(r.Context(), v.Actor(), in["reason"], a)
	return p.saved(w, r, v, err, editPage{In: in}, a.ID)
}

func (p *Pages) saved(w http.ResponseWriter, r *http.Request, v ui.Visitor, err error, again editPage, id string) error {
	if after(w, r, err, pathOf(id)+"?saved") {
		return nil
	}
	sentence, field, ok := ui.Correctable(ui.LangOf(r), err)
	if !ok {
		return err
	}
	if fault.CodeOf(err) == "area.id_taken" {
		field = "id"
	}
	again.Problem, again.Bad = sentence, field
	return p.editPage(w, r, v, ui.StatusOf(err), again)
}
