package areas

import (
	"context"

	"kanmon/api/auth"
	"kanmon/api/rest/view"
	"kanmon/internal/access"
	"kanmon/lifecycle/area/premises"
)

type gradeView struct {
	Grade   int    `json:"grade"`
	Factors string `json:"factors" enum:"card,card_pin,pin,number_pin,two_cards"`
	Trust   string `json:"trust" enum:"number,memory,mutual"`
	Plain   bool   `json:"plain_route" doc:"A reader whose wire is not encrypted may stand at a door, on a recorded restricted route"`
	Version int64  `json:"version" doc:"0: never changed"`
}

type (
	gradesOut struct {
		Body struct {
			Items []gradeView `json:"items" nullable:"false"`
		}
	}
	gradeChange struct {
		Grade int `path:"grade" minimum:"1" maximum:"3"`
		Body  struct {
			Factors string `json:"factors" enum:"card,card_pin,pin,number_pin,two_cards"`
			Trust   string `json:"trust" enum:"number,memory,mutual"`
			Plain   *bool  `json:"plain_route,omitempty" doc:"Left out: as it is"`
			Reason  string `json:"reason" minLength:"1" maxLength:"200"`
		}
	}
)

func (cfg Config) grades(ctx context.Context, who auth.Principal, _ *struct{}) (*gradesOut, error) {
	all, err := cfg.Grades.List(ctx, who.Actor())
	out := &gradesOut{}
	out.Body.Items = view.List(all, func(l premises.Least) gradeView {
		return gradeView{l.Grade, string(l.Factors), string(l.Trust), l.PlainRoute, l.Version}
	})
	return out, err
}

func (cfg Config) changeGrade(ctx context.Context, who auth.Principal, in *gradeChange) (*struct{}, error) {
	l := premises.Least{Grade: in.Grade, Factors: access.Factors(in.Body.Factors), Trust: access.Trust(in.Body.Trust)}
	if in.Body.Plain != nil {
		l.PlainRoute = *in.Body.Plain
	} else {
		all, err := cfg.Grades.List(ctx, who.Actor())
		if err != nil {
			return nil, err
		}
		l.PlainRoute = all[in.Grade-1].PlainRoute
	}
	return nil, waits(cfg.Grades.Set(ctx, who.Actor(), in.Body.Reason, l))
}
