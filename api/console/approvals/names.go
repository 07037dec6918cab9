package approvals

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"kanmon/api/console/change"
	"kanmon/api/console/ui"
	"kanmon/internal/authz"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/area"
)

// blocks are what a request changes, with names beside ids as they are now; below them, while it waits, the hours of the timetables that it gives to
// somebody or has an area stand unlocked by. A request is void once these hours change, so they are those that were asked for.
func (p *Pages) blocks(r *http.Request, v ui.Visitor, req approval.Request) ([]change.Block, error) {
	var areas []area.Area
	var schedules []area.Schedule
	if v.May(authz.AreaRead) {
		var err error
		if areas, err = p.config.Areas.Areas(r.Context(), v.Actor()); err != nil {
			return nil, err
		}
		if schedules, err = p.config.Areas.Schedules(r.Context(), v.Actor()); err != nil {
			return nil, err
		}
	}
	lang, words := ui.LangOf(r), p.words.Naming(p.names(r.Context(), v, areas, schedules))
	blocks := words.Blocks(lang, req.Kind, req.Before, req.Body)
	if req.State != approval.Pending {
		return blocks, nil
	}
	given := timetables(req.Body)
	for _, s := range schedules {
		if given[s.ID] {
			blocks = append(blocks, words.Hours(lang, s.Access()))
		}
	}
	return blocks, nil
}

// names looks ids up in the registers that the visitor may read.
func (p *Pages) names(ctx context.Context, v ui.Visitor, areas []area.Area, schedules []area.Schedule) change.Names {
	known := map[string]string{}
	for _, a := range areas {
		known["area "+a.ID] = a.Name
	}
	for _, s := range schedules {
		known["schedule "+s.ID], known["unlock "+s.ID] = s.Name, s.Name
	}
	return func(key, id string) string {
		switch key {
		case "person", "owner", "recovery":
		default:
			return known[key+" "+id]
		}
		name, asked := known["person "+id]
		if !asked && v.May(authz.StaffRead) {
			member, _ := p.config.Staff.Get(ctx, v.Actor(), id) // who is there no more has no name
			name = member.Name
			known["person "+id] = name
		}
		return name
	}
}

// timetables are those that a change of rights or of an area names.
func timetables(body string) map[string]bool {
	type use struct{ Schedule, Unlock string }
	var uses []use
	if json.Unmarshal([]byte(body), &uses) != nil {
		uses = make([]use, 1)
		_ = json.Unmarshal([]byte(body), &uses[0]) // what names none is of another kind
	}
	named := map[string]bool{}
	for _, u := range uses {
		named[u.Schedule], named[u.Unlock] = true, true
	}
	return named
}

// link is the page of what a request changes.
func link(req approval.Request) string {
	switch {
	case req.About != "":
		return "/areas/" + url.PathEscape(req.About)
	case req.Kind == "schedule.change":
		return "/schedules/" + url.PathEscape(req.Subject)
	case req.Register == "calendar" && len(req.Subject) > 4:
		return "/calendar?" + url.Values{"year": {req.Subject[:4]}, "day": {req.Subject}}.Encode() + "#own"
	default:
		return ""
	}
}
