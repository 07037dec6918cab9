package pins

import (
	"context"
	"time"

	"kanmon/api/auth"
	"kanmon/api/rest/view"
	"kanmon/lifecycle/pin"
)

// PINChange is one line of the rotation log.
type PINChange struct {
	At       time.Time `json:"at"`
	Actor    string    `json:"actor" doc:"Kind and id, such as account:yamada"`
	Reason   string    `json:"reason"`
	Area     string    `json:"area,omitempty" doc:"Left out: the person's own PIN"`
	AreaName string    `json:"area_name,omitempty"`
	State    string    `json:"state" enum:"set,withdrawn"`
	Duress   bool      `json:"duress"`
	SetAt    time.Time `json:"set_at"`
	Expires  time.Time `json:"expires"`
	Version  int64     `json:"version" doc:"Of this PIN, from 1"`
}

func newChange(e pin.Entry) PINChange {
	return PINChange{
		At: e.At.UTC(), Actor: e.Actor, Reason: e.Reason, Area: e.Area, AreaName: e.AreaName, State: string(e.State), Duress: e.Duress,
		SetAt: e.SetAt.UTC(), Expires: e.Expires.UTC(), Version: e.Version,
	}
}

type logOut struct {
	Body struct {
		Items []PINChange `json:"items" nullable:"false"`
	}
}

func (cfg Config) log(ctx context.Context, who auth.Principal, in *personID) (*logOut, error) {
	list, err := cfg.PINs.Log(ctx, who.Actor(), in.ID)
	out := &logOut{}
	out.Body.Items = view.List(list, newChange)
	return out, err
}
