package areas

import (
	"context"

	"kanmon/api/auth"
	"kanmon/api/rest/frame"
	"kanmon/api/rest/view"
	"kanmon/lifecycle/area"
)

// RightBody is what is entered about a right.
type RightBody struct {
	Person   string `json:"person" maxLength:"64" doc:"Staff number"`
	Area     string `json:"area" maxLength:"32"`
	Schedule string `json:"schedule,omitempty" maxLength:"32" doc:"Left out: at any hour"`
	Escort   bool   `json:"escort,omitempty" doc:"May bring visitors; staff only"`
	First    bool   `json:"first,omitempty" doc:"May be the first in an empty area"`
	Lockdown bool   `json:"lockdown,omitempty" doc:"May pass during a lockdown"`
	view.Span
}

func (b RightBody) right() area.Right {
	return area.Right{Person: b.Person, Area: b.Area, Schedule: b.Schedule, Period: b.Period(), Escort: b.Escort, First: b.First, Lockdown: b.Lockdown}
}

type rightView struct {
	ID string `json:"id"`
	RightBody
	PersonName   string `json:"person_name"`
	AreaName     string `json:"area_name"`
	ScheduleName string `json:"schedule_name,omitempty"`
	Withdrawn    bool   `json:"withdrawn"`
	Version      int64  `json:"version"`
}

func newRightView(v area.Right) rightView {
	return rightView{
		ID:         v.ID,
		RightBody:  RightBody{Person: v.Person, Area: v.Area, Schedule: v.Schedule, Escort: v.Escort, First: v.First, Lockdown: v.Lockdown, Span: view.NewSpan(v.Period)},
		PersonName: v.PersonName, AreaName: v.AreaName, ScheduleName: v.ScheduleName,
		Withdrawn: v.Withdrawn, Version: v.Version,
	}
}

type (
	rightIn struct {
		Body struct {
			RightBody
			Reason string `json:"reason,omitempty" maxLength:"200" doc:"Why; it goes into the history"`
		}
	}
	rightsIn struct {
		Body struct {
			Items  []RightBody `json:"items" nullable:"false" minItems:"1" maxItems:"500"`
			Reason string      `json:"reason,omitempty" maxLength:"200" doc:"Why; it goes into the history"`
		}
	}
	rightOut  struct{ Body rightView }
	rightsOut struct {
		Body struct {
			Items []rightView `json:"items" nullable:"false"`
		}
	}
)

type rightFilter struct {
	Person    string `query:"person" maxLength:"64"`
	Area      string `query:"area" maxLength:"32"`
	Withdrawn bool   `query:"withdrawn" doc:"Also those withdrawn"`
	After     string `query:"after" maxLength:"64" doc:"The last id of the page before"`
	Limit     int    `query:"limit" minimum:"0" maximum:"500" doc:"0: 100"`
}

type withdrawIn struct {
	ID     string `path:"id" maxLength:"64"`
	Reason string `query:"reason" required:"true" minLength:"1" maxLength:"200" doc:"Why; it goes into the history"`
}

func (cfg Config) rightRoutes(s frame.Section) {
	frame.Get(s, "/rights", "listRights", "Who may enter which area, and when", cfg.rights)
	two := frame.Accepts[view.Approval](s, "It waits for a second person, because an area is of grade 2 or 3")
	frame.Create(two, "/rights", "grant", "Let a person into an area", cfg.grant)
	frame.Create(two, "/rights/many", "grantMany", "Let people into areas: all of it or nothing, and one request", cfg.grantMany)
	frame.Delete(s, "/rights/{id}", "withdraw", "Withdraw a right at once", cfg.withdraw)
}

func (cfg Config) rights(ctx context.Context, who auth.Principal, in *rightFilter) (*rightsOut, error) {
	all, err := cfg.Areas.Rights(ctx, who.Actor(), area.RightFilter{
		Person: in.Person, Area: in.Area, Withdrawn: in.Withdrawn, Limit: in.Limit, After: in.After,
	})
	out := &rightsOut{}
	out.Body.Items = view.List(all, newRightView)
	return out, err
}

func (cfg Config) grant(ctx context.Context, who auth.Principal, in *rightIn) (*rightOut, error) {
	made, err := cfg.Areas.GrantAll(ctx, who.Actor(), in.Body.Reason, []area.Right{in.Body.right()})
	if err != nil {
		return nil, waits(err)
	}
	return &rightOut{newRightView(made[0])}, nil
}

func (cfg Config) grantMany(ctx context.Context, who auth.Principal, in *rightsIn) (*rightsOut, error) {
	made, err := cfg.Areas.GrantAll(ctx, who.Actor(), in.Body.Reason, view.List(in.Body.Items, RightBody.right))
	out := &rightsOut{}
	out.Body.Items = view.List(made, newRightView)
	return out, waits(err)
}

func (cfg Config) withdraw(ctx context.Context, who auth.Principal, in *withdrawIn) (*struct{}, error) {
	return nil, cfg.Areas.Withdraw(ctx, who.Actor(), in.ID, in.Reason)
}
