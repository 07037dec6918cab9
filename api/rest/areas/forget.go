package areas

import (
	"context"

	"kanmon/api/auth"
	"kanmon/api/command"
	"kanmon/lifecycle/account"
)

type forgetIn struct {
	ID   string `path:"id" maxLength:"32"`
	Body struct {
		Password string `json:"password" maxLength:"1024" writeOnly:"true" doc:"The caller's own, once more"`
		Person   string `json:"person,omitempty" maxLength:"64" doc:"Whom to forget; left out: everybody"`
		Reason   string `json:"reason" minLength:"1" maxLength:"200" doc:"Why; it goes into the history and the entry log"`
	}
}

type forgetOut struct {
	Body struct {
		Done  bool        `json:"done" doc:"Every controller of the area did it"`
		Items []forgotten `json:"items" nullable:"false" doc:"By controller"`
	}
}

type forgotten struct {
	Controller string  `json:"controller"`
	Done       bool    `json:"done"`
	Refused    string  `json:"refused,omitempty" doc:"The controller's code for why it did not"`
	TookMS     float64 `json:"took_ms" doc:"From the order to the controller's answer"`
	Command    string  `json:"command" doc:"Id of the order"`
}

func (cfg Config) forget(ctx context.Context, who auth.Principal, in *forgetIn) (*forgetOut, error) {
	if err := cfg.Accounts.CheckPassword(ctx, who.Account().ID, account.NewPassword(in.Body.Password)); err != nil {
		return nil, err
	}
	all, err := cfg.Releaser.Forget(ctx, who.Actor(), in.ID, in.Body.Person, in.Body.Reason)
	if err != nil {
		return nil, err
	}
	out := &forgetOut{}
	out.Body.Done, out.Body.Items = true, make([]forgotten, len(all))
	for i, r := range all {
		out.Body.Done = out.Body.Done && r.Done
		out.Body.Items[i] = forgottenOf(r)
	}
	return out, nil
}

func forgottenOf(r command.Outcome) forgotten {
	return forgotten{r.Controller, r.Done, r.Refused, float64(r.Took.Microseconds()) / 1000, r.Command}
}
