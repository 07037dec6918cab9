// Package people is the staff register.
package people

import (
	"context"

	"kanmon/api/auth"
	"kanmon/api/rest/frame"
	"kanmon/api/rest/view"
	"kanmon/lifecycle/staff"
)

// Config is what the routes work on. All fields are needed.
type Config struct {
	Staff *staff.Register
}

// Member is a member of staff in an answer.
type Member struct {
	ID      string `json:"id" doc:"Staff number"`
	Name    string `json:"name"`
	Kana    string `json:"kana,omitempty"`
	Section string `json:"section,omitempty"`
	Cards   int    `json:"cards" doc:"Cards issued and not closed"`
	Version int64  `json:"version"`
	view.Span
}

// newMember shows one.
func newMember(m staff.Member) Member {
	return Member{
		ID: m.ID, Name: m.Name, Kana: m.Kana, Section: m.Section, Cards: m.Cards, Version: m.Version,
		Span: view.NewSpan(m.Period),
	}
}

type memberOut struct{ Body Member }

type membersOut struct {
	Body struct {
		Items []Member `json:"items" nullable:"false"`
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

// Routes puts the operations on the frame.
func (cfg Config) Routes(f *frame.Frame) {
	s := f.Section("staff")
	frame.Get(s, "/staff", "listStaff", "The staff register", cfg.staff)
	frame.Create(s, "/staff", "addStaff", "Enter a member of staff", cfg.addStaff)
	frame.Get(s, "/staff/{id}", "getStaff", "One member of staff", cfg.member)
}

func (cfg Config) staff(ctx context.Context, who auth.Principal, in *staffFilter) (*membersOut, error) {
	all, err := cfg.Staff.List(ctx, who.Actor(), staff.Filter{Query: in.Query, After: in.After, Limit: in.Limit})
	out := &membersOut{}
	out.Body.Items = view.List(all, newMember)
	return out, err
}

func (cfg Config) addStaff(ctx context.Context, who auth.Principal, in *memberIn) (*memberOut, error) {
	b := in.Body
	made, err := cfg.Staff.Add(ctx, who.Actor(), staff.Details{
		No: b.No, Name: b.Name, Kana: b.Kana, Section: b.Section, Period: b.Period(),
	})
	return &memberOut{Body: newMember(made)}, err
}

func (cfg Config) member(ctx context.Context, who auth.Principal, in *memberID) (*memberOut, error) {
	m, err := cfg.Staff.Get(ctx, who.Actor(), in.ID)
	return &memberOut{Body: newMember(m)}, err
}
