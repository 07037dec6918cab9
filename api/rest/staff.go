package rest

import (
	"context"
	"net/http"
	"time"

	"kanmon/api/auth"
	"kanmon/lifecycle/period"
	"kanmon/lifecycle/staff"
)

// Span is a validity in a request or an answer.
type Span struct {
	From  *time.Time `json:"from,omitempty" doc:"From this moment on; open if left out"`
	Until *time.Time `json:"until,omitempty" doc:"No longer from this moment on; open if left out"`
}

func newSpan(p period.Period) Span { return Span{From: moment(p.From), Until: moment(p.Until)} }

func (s Span) period() period.Period {
	var p period.Period
	if s.From != nil {
		p.From = s.From.UTC()
	}
	if s.Until != nil {
		p.Until = s.Until.UTC()
	}
	return p
}

// moment leaves out a time that is not there.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

type memberView struct {
	ID      string `json:"id" doc:"Staff number"`
	Name    string `json:"name"`
	Kana    string `json:"kana,omitempty"`
	Section string `json:"section,omitempty"`
	Cards   int    `json:"cards" doc:"Cards issued and not closed"`
	Version int64  `json:"version"`
	Span
}

func newMemberView(m staff.Member) memberView {
	return memberView{
		ID: m.ID, Name: m.Name, Kana: m.Kana, Section: m.Section, Cards: m.Cards, Version: m.Version,
		Span: newSpan(m.Period),
	}
}

type memberOut struct{ Body memberView }

type membersOut struct {
	Body struct {
		Items []memberView `json:"items" nullable:"false"`
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
		Span
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
	out.Body.Items = views(all, newMemberView)
	return out, err
}

func (a *API) addStaff(ctx context.Context, who auth.Principal, in *memberIn) (*memberOut, error) {
	b := in.Body
	made, err := a.cfg.Staff.Add(ctx, who.Actor(), staff.Details{
		No: b.No, Name: b.Name, Kana: b.Kana, Section: b.Section, Period: b.period(),
	})
	return &memberOut{Body: newMemberView(made)}, err
}

func (a *API) member(ctx context.Context, who auth.Principal, in *memberID) (*memberOut, error) {
	m, err := a.cfg.Staff.Get(ctx, who.Actor(), in.ID)
	return &memberOut{Body: newMemberView(m)}, err
}
