package areas

import (
	"context"

	"kanmon/api/auth"
	"kanmon/api/command"
	"kanmon/internal/store"
	"kanmon/lifecycle/account"
)

// Releaser gives commands from afar, as command.Releaser.
type Releaser interface {
	Release(ctx context.Context, actor store.Actor, door, reason string) (command.Outcome, error)
	Forget(ctx context.Context, actor store.Actor, area, person, reason string) ([]command.Outcome, error)
}

type releaseIn struct {
	ID   string `path:"id" maxLength:"32"`
	Body struct {
		Password string `json:"password" maxLength:"1024" writeOnly:"true" doc:"The caller's own, once more"`
		Reason   string `json:"reason" minLength:"1" maxLength:"200" doc:"Why; it goes into the history and the entry log"`
	}
}

type releaseOut struct {
	Body struct {
		Done    bool    `json:"done"`
		Refused string  `json:"refused,omitempty" doc:"The controller's code for why it did not"`
		TookMS  float64 `json:"took_ms" doc:"From the order to the controller's answer"`
		Command string  `json:"command" doc:"Id of the order"`
	}
}

func (cfg Config) release(ctx context.Context, who auth.Principal, in *releaseIn) (*releaseOut, error) {
	if err := cfg.Accounts.CheckPassword(ctx, who.Account().ID, account.NewPassword(in.Body.Password)); err != nil {
		return nil, err
	}
	r, err := cfg.Releaser.Release(ctx, who.Actor(), in.ID, in.Body.Reason)
	out := &releaseOut{}
	out.Body.Done, out.Body.Refused, out.Body.Command = r.Done, r.Refused, r.Command
	out.Body.TookMS = float64(r.Took.Microseconds()) / 1000
	return out, err
}
