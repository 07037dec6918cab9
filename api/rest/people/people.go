// Package people is the staff register.
package people

import (
	"context"

	"kanmon/api/auth"
	"kanmon/api/rest/frame"
	"kanmon/api/rest/view"
	"kanmon/internal/access"
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
	Class   string `json:"class" enum:"staff,contractor,visitor"`
	Number  string `json:"number,omitempty" doc:"Typed at a keypad before the PIN"`
	Cards   int    `json:"cards" doc:"Cards issued and not closed"`
	Version int64  `json:"version"`
	view.Span
}

// newMember shows one.
func newMember(m staff.Member) Member {
	return Member{
		ID: m.ID, Name: m.Name, Kana: m.Kana, Section: m.Section, Class: string(m.Class), Number: m.Number, Cards: m.Cards, Version: m.Version,
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

// MemberBody is what is entered about a member of staff, and changed.
type MemberBody struct {
	Name    string `json:"name" maxLength:"64"`
	Kana    string `json:"kana,omitempty" maxLength:"64"`
	Section string `json:"section,omitempty" maxLength:"64"`
	Class   string `json:"class,omitempty" enum:"staff,contractor,visitor" doc:"Left out: staff"`
	Number  string `json:"number,omitempty" maxLength:"8" doc:"Typed at a keypad before the PIN: 4 to 8 digits"`
	view.Span
}

func (b MemberBody) details(no string) staff.Details {
	return staff.Details{No: no, Name: b.Name, Kana: b.Kana, Section: b.Section, Class: access.Class(b.Class), Number: b.Number, Period: b.Period()}
}

type (
	memberIn struct {
		Body struct {
			No string `json:"no,omitempty" maxLength:"32" doc:"Staff number; made if left out"`
			MemberBody
		}
	}
	memberChange struct {
		ID   string `path:"id" maxLength:"64"`
		Body struct {
			MemberBody
			Reason string `json:"reason" minLength:"1" maxLength:"200" doc:"Why; it goes into the history"`
		}
	}
)

type memberID struct {
	ID string `path:"id" maxLength:"64"`
}

// Routes puts the operations on the frame.
func (cfg Config) Routes(f *frame.Frame) {
	s := f.Section("staff")
	frame.Get(s, "/staff", "listStaff", "The staff register", cfg.staff)
	frame.Create(s, "/staff", "addStaff", "Enter a member of staff", cfg.addStaff)
	frame.Get(s, "/staff/{id}", "getStaff", "One member of staff", cfg.member)
	frame.Put(s, "/staff/{id}", "changeStaff", "Change a member of staff", cfg.changeStaff)
}

func (cfg Config) staff(ctx context.Context, who auth.Principal, in *staffFilter) (*membersOut, error) {
	all, err := cfg.Staff.List(ctx, who.Actor(), staff.Filter{Query: in.Query, After: in.After, Limit: in.Limit})
	out := &membersOut{}
	out.Body.Items = view.List(all, newMember)
	return out, err
}

func (cfg Config) addStaff(ctx context.Context, who auth.Principal, in *memberIn) (*memberOut, error) {
	made, err := cfg.Staff.Add(ctx, who.Actor(), in.Body.details(in.Body.No))
	return &memberOut{Body: newMember(made)}, err
}

func (cfg Config) changeStaff(ctx context.Context, who auth.Principal, in *memberChange) (*memberOut, error) {
	m, err := cfg.Staff.Change(ctx, who.Actor(), in.ID, in.Body.Reason, in.Body.details(in.ID))
	return &memberOut{Body: newMember(m)}, err
}

func (cfg Config) member(ctx context.Context, who auth.Principal, in *memberID) (*memberOut, error) {
	m, err := cfg.Staff.Get(ctx, who.Actor(), in.ID)
	return &memberOut{Body: newMember(m)}, err
}
