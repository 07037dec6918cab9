package rest

import (
	"context"
	"net/http"

	"kanmon/api/auth"
	"kanmon/api/rest/view"
	"kanmon/lifecycle/staff"
)

type memberOut struct{ Body view.Member }

type membersOut struct {
	Body struct {
		Items []view.Member `json:"items" nullable:"false"`
	}
}

type staffFilter struct {
	Query string `query:"query" maxLength:"64" doc:"Part of the number, name, kana or section"`
	After string `query:"after" maxLength:"64" doc:"The last id of the page before"`
	Limit int    `query:"limit" minimum:"0" maximum:"500" doc:"0: 100"`
}

type memberIn struct {
	Body struct {
		No      string `json:"no,omitempty" maxLength:"32" doc:"Staff number; made if left out"`
		Name    string `json:"name" maxLength:"64"`
		Kana    string `json:"kana,omitempty" maxLength:"64"`
		Section string `json:"section,omitempty" maxLength:"64"`
		view.Span
	}
}

type memberID struct {
	ID string `path:"id" maxLength:"64"`
}

func staffRoutes(a *API) {
	add(a, route{http.MethodGet, "/staff", "listStaff", "staff", "The staff register", 0}, a.staff)
	add(a, route{http.MethodPost, "/staff", "addStaff", "staff", "Enter a member of staff", http.StatusCreated}, a.addStaff)
	add(a, route{http.MethodGet, "/staff/{id}", "getStaff", "staff", "One member of staff", 0}, a.member)
}

func (a *API) staff(ctx context.Context, who auth.Principal, in *staffFilter) (*membersOut, error) {
	all, err := a.cfg.Staff.List(ctx, who.Actor(), staff.Filter{Query: in.Query, After: in.After, Limit: in.Limit})
	out := &membersOut{}
	out.Body.Items = view.List(all, view.NewMember)
	return out, err
}

func (a *API) addStaff(ctx context.Context, who auth.Principal, in *memberIn) (*memberOut, error) {
	b := in.Body
	made, err := a.cfg.Staff.Add(ctx, who.Actor(), staff.Details{
		No: b.No, Name: b.Name, Kana: b.Kana, Section: b.Section, Period: b.Period(),
	})
	return &memberOut{Body: view.NewMember(made)}, err
}

func (a *API) member(ctx context.Context, who auth.Principal, in *memberID) (*memberOut, error) {
	m, err := a.cfg.Staff.Get(ctx, who.Actor(), in.ID)
	return &memberOut{Body: view.NewMember(m)}, err
}
