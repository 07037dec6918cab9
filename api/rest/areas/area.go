package areas

import (
	"context"
	"time"

	"kanmon/api/auth"
	"kanmon/api/rest/view"
	"kanmon/internal/access"
	"kanmon/lifecycle/area"
)

// Definition is what is entered about an area, and changed.
type Definition struct {
	Name   string    `json:"name" maxLength:"64"`
	Grade  int       `json:"grade" minimum:"1" maximum:"3"`
	Record string    `json:"record" enum:"strict,best_effort" doc:"What its doors do when a decision cannot be written down"`
	Owner  string    `json:"owner,omitempty" maxLength:"64" doc:"Staff number of who is responsible; an area of grade 2 or 3 has one"`
	Rules  AreaRules `json:"rules,omitempty"`
	Reason string    `json:"reason,omitempty" maxLength:"200" doc:"Why; it goes into the history, and a change has one"`
}

// AreaRules are what an area asks beyond a right. Nothing of it: a card.
type AreaRules struct {
	Factors   string   `json:"factors,omitempty" enum:"card,card_pin,pin,number_pin,two_cards" doc:"Left out: card"`
	Trust     string   `json:"trust,omitempty" enum:"number,memory,mutual" doc:"How much the read of a card proves at least"`
	InOut     bool     `json:"in_out,omitempty" doc:"Every door has readers on both sides"`
	Passback  string   `json:"passback,omitempty" enum:"soft,hard,timed"`
	PassbackS int      `json:"passback_s,omitempty" minimum:"0" maximum:"86400" doc:"Of timed"`
	ResetAt   int      `json:"reset_at,omitempty" minimum:"0" maximum:"1440" doc:"Minute of the day in Japan at which everybody counts as outside; 0: never"`
	TwoPerson bool     `json:"two_person,omitempty" doc:"Never fewer than two people inside"`
	WindowS   int      `json:"window_s,omitempty" minimum:"0" maximum:"60" doc:"How soon a second person, card, PIN or escort follows; 0: 5 s"`
	Visitors  int      `json:"visitors,omitempty" minimum:"0" maximum:"100" doc:"Above so many one escort is not enough; 0: no limit"`
	Most      int      `json:"most,omitempty" minimum:"0" maximum:"10000" doc:"People inside at once; 0: no limit"`
	First     bool     `json:"first,omitempty" doc:"Into the empty area only with a right to be the first"`
	Unlock    string   `json:"unlock,omitempty" maxLength:"32" doc:"Timetable during which the doors stand unlocked; grade 1 only"`
	UnlockBy  bool     `json:"unlock_by,omitempty" doc:"Only once somebody with a right to be the first has come"`
	Recovery  []string `json:"recovery,omitempty" nullable:"false" maxItems:"20" doc:"Staff numbers of those who get in to repair the centre"`
}

func newAreaRules(r access.Rules) AreaRules {
	return AreaRules{
		string(r.Factors), string(r.Trust), r.InOut, string(r.Passback), r.PassbackS, r.ResetAt, r.TwoPerson, r.WindowS, r.Visitors, r.Most, r.First,
		r.Unlock, r.UnlockBy, r.Recovery,
	}
}

func (r AreaRules) rules() access.Rules {
	return access.Rules{
		Factors: access.Factors(r.Factors), Trust: access.Trust(r.Trust), InOut: r.InOut, Passback: access.Passback(r.Passback), PassbackS: r.PassbackS,
		ResetAt: r.ResetAt, TwoPerson: r.TwoPerson, WindowS: r.WindowS, Visitors: r.Visitors, Most: r.Most, First: r.First,
		Unlock: r.Unlock, UnlockBy: r.UnlockBy, Recovery: r.Recovery,
	}
}

func (d Definition) area(id string) area.Area {
	return area.Area{
		ID: id, Name: d.Name, Grade: d.Grade, Record: access.RecordMode(d.Record), Owner: d.Owner, Rules: d.Rules.rules(), Why: d.Reason,
	}
}

// LockdownView is whether an area is locked down.
type LockdownView struct {
	On     bool       `json:"on"`
	At     *time.Time `json:"at,omitempty" doc:"Of the last change"`
	By     string     `json:"by,omitempty"`
	Reason string     `json:"reason,omitempty"`
}

type areaView struct {
	ID string `json:"id"`
	Definition
	OwnerName string       `json:"owner_name,omitempty"`
	Doors     int          `json:"doors" doc:"How many doors lead into it"`
	Lockdown  LockdownView `json:"lockdown"`
	Version   int64        `json:"version"`
}

func newAreaView(v area.Area) areaView {
	return areaView{
		ID: v.ID, Definition: Definition{Name: v.Name, Grade: v.Grade, Record: string(v.Record), Owner: v.Owner, Rules: newAreaRules(v.Rules)},
		OwnerName: v.OwnerName, Doors: v.Doors, Version: v.Version,
		Lockdown: LockdownView{v.Lockdown.On, view.Moment(v.Lockdown.At), v.Lockdown.By, v.Lockdown.Reason},
	}
}

// AreaBody is what is entered about a new area.
type AreaBody struct {
	ID string `json:"id" maxLength:"32"`
	Definition
}

type (
	areaID struct {
		ID string `path:"id" maxLength:"32"`
	}
	areaIn     struct{ Body AreaBody }
	areaChange struct {
		ID   string `path:"id" maxLength:"32"`
		Body Definition
	}
	lockdownIn struct {
		ID   string `path:"id" maxLength:"32"`
		Body struct {
			Reason string `json:"reason" minLength:"1" maxLength:"200"`
		}
	}
	areaOut  struct{ Body areaView }
	areasOut struct {
		Body struct {
			Items []areaView `json:"items" nullable:"false"`
		}
	}
)

func (cfg Config) areas(ctx context.Context, who auth.Principal, _ *struct{}) (*areasOut, error) {
	all, err := cfg.Areas.Areas(ctx, who.Actor())
	out := &areasOut{}
	out.Body.Items = view.List(all, newAreaView)
	return out, err
}

func (cfg Config) area(ctx context.Context, who auth.Principal, in *areaID) (*areaOut, error) {
	a, err := cfg.Areas.Area(ctx, who.Actor(), in.ID)
	return &areaOut{newAreaView(a)}, err
}

func (cfg Config) addArea(ctx context.Context, who auth.Principal, in *areaIn) (*areaOut, error) {
	made, err := cfg.Areas.AddArea(ctx, who.Actor(), in.Body.area(in.Body.ID))
	return &areaOut{newAreaView(made)}, waits(err)
}

func (cfg Config) changeArea(ctx context.Context, who auth.Principal, in *areaChange) (*areaOut, error) {
	if err := cfg.Areas.ChangeArea(ctx, who.Actor(), in.Body.Reason, in.Body.area(in.ID)); err != nil {
		return nil, waits(err)
	}
	return cfg.area(ctx, who, &areaID{in.ID})
}

func (cfg Config) lockDown(ctx context.Context, who auth.Principal, in *lockdownIn) (*areaOut, error) {
	if err := cfg.Lockdowns.Begin(ctx, who.Actor(), in.ID, in.Body.Reason); err != nil {
		return nil, err
	}
	return cfg.area(ctx, who, &areaID{in.ID})
}

func (cfg Config) lift(ctx context.Context, who auth.Principal, in *lockdownIn) (*areaOut, error) {
	if err := cfg.Lockdowns.Lift(ctx, who.Actor(), in.ID, in.Body.Reason); err != nil {
		return nil, err
	}
	return cfg.area(ctx, who, &areaID{in.ID})
}
