package area

import (
	"net/http"
	"strings"
	"time"

	"kanmon/api/console/ui"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/period"
)

// rightsPage is who may enter an area and when, with the form to let somebody in.
type rightsPage struct {
	area.Area
	Rights       []area.Right
	Schedules    []area.Schedule
	MayChange    bool
	In           map[string]string
	Problem, Bad string
	Next         string
}

const pageRights = 100

func (p *Pages) askRights(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	return p.rightsPage(w, r, v, http.StatusOK, rightsPage{})
}

func (p *Pages) rightsPage(w http.ResponseWriter, r *http.Request, v ui.Visitor, status int, data rightsPage) error {
	ctx, actor, id := r.Context(), v.Actor(), r.PathValue("id")
	var err error
	if data.Area, err = p.config.Areas.Area(ctx, actor, id); err != nil {
		return err
	}
	if data.Rights, err = p.config.Areas.Rights(ctx, actor, area.RightFilter{Area: id, Limit: pageRights + 1, After: r.URL.Query().Get("after")}); err != nil {
		return err
	}
	if len(data.Rights) > pageRights {
		data.Rights = data.Rights[:pageRights]
		data.Next = data.Rights[pageRights-1].ID
	}
	if data.Schedules, err = p.config.Areas.Schedules(ctx, actor); err != nil {
		return err
	}
	data.MayChange = v.May(authz.AreaWrite)
	title := p.rights.Text(ui.LangOf(r), "rights.title", data.Name)
	return p.config.Shell.Render(w, r, v, p.rights, ui.Page{Status: status, Title: title, Section: "areas", Data: data})
}

func (p *Pages) grant(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	in := typed(r)
	id := r.PathValue("id")
	validity, err := validity(in["from"], in["until"])
	if err == nil {
		var rights []area.Right
		for _, person := range strings.FieldsFunc(in["person"], func(c rune) bool { return strings.ContainsRune(" 　,、", c) }) {
			rights = append(rights, area.Right{
				Person: person, Area: id, Schedule: in["schedule"], Period: validity,
				Escort: in["escort"] != "", First: in["first"] != "", Lockdown: in["lockdown"] != "",
			})
		}
		_, err = p.config.Areas.GrantAll(r.Context(), v.Actor(), in["reason"], rights)
	}
	if after(w, r, err, pathOf(id)+"/rights") {
		return nil
	}
	sentence, field, ok := ui.Correctable(ui.LangOf(r), err)
	if !ok {
		return err
	}
	switch fault.CodeOf(err) {
	case "staff.unknown", "area.grants":
		field = "person"
	}
	return p.rightsPage(w, r, v, ui.StatusOf(err), rightsPage{In: in, Problem: sentence, Bad: field})
}

// validity reads two days in Japan; the second is the last on which the right holds.
func validity(from, until string) (p period.Period, err error) {
	if p.From, err = day("from", from, 0); err != nil {
		return p, err
	}
	p.Until, err = day("until", until, 1)
	return p, err
}

func day(name, s string, more int) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, s, time.FixedZone("JST", 9*60*60))
	if err != nil {
		return time.Time{}, fault.BadField(name, "period.range", "no date")
	}
	return t.AddDate(0, 0, more).UTC(), nil
}

func (p *Pages) withdraw(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	id := r.PathValue("id")
	err := p.config.Areas.Withdraw(r.Context(), v.Actor(), r.PathValue("right"), r.PostFormValue("reason"))
	if after(w, r, err, pathOf(id)+"/rights") {
		return nil
	}
	sentence, _, ok := ui.Correctable(ui.LangOf(r), err)
	if !ok {
		return err
	}
	return p.rightsPage(w, r, v, ui.StatusOf(err), rightsPage{Problem: sentence})
}
