package doors

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"

	"kanmon/api/console/ui"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/area"
)

// group is a set of doors of which one at most is open (連動).
type group struct {
	Name  string
	Doors []area.Door
}

// Controller is the controller of the doors, which is one.
func (g group) Controller() string { return g.Doors[0].Controller }

func grouped(doors []area.Door) []group {
	var all []group
	for _, d := range doors {
		i := slices.IndexFunc(all, func(g group) bool { return g.Name == d.Interlock })
		switch {
		case d.Interlock == "":
		case i < 0:
			all = append(all, group{d.Interlock, []area.Door{d}})
		default:
			all[i].Doors = append(all[i].Doors, d)
		}
	}
	slices.SortFunc(all, func(a, b group) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

func (p *Pages) interlocks(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	doors, err := p.config.Areas.Doors(r.Context(), v.Actor())
	if err != nil {
		return err
	}
	data := struct {
		Groups           []group
		Saved, MayChange bool
	}{grouped(doors), r.URL.Query().Has("saved"), v.May(authz.AreaWrite)}
	return p.config.Shell.Render(w, r, v, p.groups, ui.Page{Title: p.groups.Text(ui.LangOf(r), "interlocks.title"), Section: "areas", Data: data})
}

// groupForm is the form of an interlock: a new one, or one that is there.
type groupForm struct {
	New          bool
	Name, Reason string
	Doors        []memberRow
	Problem, Bad string
}

// memberRow is a door that a group can have.
type memberRow struct {
	area.Door
	Chosen bool
	Other  bool // it is in another group
}

func (p *Pages) askNewInterlock(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	return p.groupForm(w, r, v, http.StatusOK, groupForm{New: true}, nil)
}

func (p *Pages) askInterlock(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	chosen, err := p.members(r.Context(), v.Actor(), r.PathValue("name"))
	if err == nil && chosen == nil {
		err = fault.New(fault.NotFound, "area.unknown_interlock", "no such interlock")
	}
	if err != nil {
		return err
	}
	return p.groupForm(w, r, v, http.StatusOK, groupForm{Name: r.PathValue("name")}, chosen)
}

// members are the ids of a group's doors; none for a group that is not there.
func (p *Pages) members(ctx context.Context, actor store.Actor, name string) ([]string, error) {
	doors, err := p.config.Areas.Doors(ctx, actor)
	var ids []string
	for _, d := range doors {
		if name != "" && d.Interlock == name {
			ids = append(ids, d.ID)
		}
	}
	return ids, err
}

func (p *Pages) groupForm(w http.ResponseWriter, r *http.Request, v ui.Visitor, status int, data groupForm, chosen []string) error {
	doors, err := p.config.Areas.Doors(r.Context(), v.Actor())
	if err != nil {
		return err
	}
	slices.SortStableFunc(doors, func(a, b area.Door) int { return cmp.Compare(a.Controller, b.Controller) })
	for _, d := range doors {
		data.Doors = append(data.Doors, memberRow{
			Door: d, Chosen: slices.Contains(chosen, d.ID), Other: d.Interlock != "" && (data.New || d.Interlock != data.Name),
		})
	}
	title := p.group.Text(ui.LangOf(r), "interlock.new.title")
	if !data.New {
		title = p.group.Text(ui.LangOf(r), "interlock.title", data.Name)
	}
	return p.config.Shell.Render(w, r, v, p.group, ui.Page{Status: status, Title: title, Section: "areas", Data: data})
}

func (p *Pages) addInterlock(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	data := groupForm{New: true, Name: r.PostFormValue("interlock")}
	there, err := p.members(r.Context(), v.Actor(), data.Name)
	if err != nil {
		return err
	}
	if len(there) > 0 {
		err = fault.BadField("interlock", "area.id_taken", "an interlock of this name is there")
	}
	return p.setInterlock(w, r, v, err, data)
}

func (p *Pages) changeInterlock(w http.ResponseWriter, r *http.Request, v ui.Visitor) error {
	return p.setInterlock(w, r, v, nil, groupForm{Name: r.PathValue("name")})
}

// setInterlock makes a group of the doors that are ticked, unless something is wrong already. Only the button that ends it makes a group of none.
func (p *Pages) setInterlock(w http.ResponseWriter, r *http.Request, v ui.Visitor, err error, data groupForm) error {
	data.Reason = r.PostFormValue("reason")
	chosen := r.PostForm["door"]
	doors := chosen
	switch {
	case !data.New && r.PostForm.Has("end"):
		doors = nil
	case err == nil && len(chosen) == 0:
		err = fault.BadField("doors", "area.interlock", "no doors")
	}
	if err == nil {
		err = p.config.Areas.Interlock(r.Context(), v.Actor(), data.Reason, data.Name, doors)
	}
	if after(w, r, err, "/interlocks?saved") {
		return nil
	}
	sentence, field, ok := ui.Correctable(ui.LangOf(r), err)
	if !ok {
		return err
	}
	switch fault.CodeOf(err) {
	case "area.interlock_other", "area.unknown_door":
		field = "doors"
	}
	data.Problem, data.Bad = sentence, field
	return p.groupForm(w, r, v, ui.StatusOf(err), data, chosen)
}

// Path is where the form of a group that is there is opened.
func (g group) Path() string { return "/interlocks/" + url.PathEscape(g.Name) + "/edit" }
