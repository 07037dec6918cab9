// Package sessions is logging in and out, the own password, and the first account of all.
package sessions

import (
	"context"
	"time"

	"kanmon/api/auth"
	"kanmon/api/rest/frame"
	"kanmon/api/rest/view"
	"kanmon/internal/authz"
	"kanmon/lifecycle/account"
)

// Config is what the routes work on. All fields are needed.
type Config struct {
	Accounts *account.Register
}

type setupIn struct {
	Body struct {
		Token    string `json:"token" maxLength:"128" doc:"The bootstrap token the centre wrote at its first start"`
		Login    string `json:"login" maxLength:"64" doc:"Login name of the first account"`
		Password string `json:"password" maxLength:"1024" doc:"At least 12 characters"`
	}
}

func (cfg Config) setup(ctx context.Context, _ auth.Principal, in *setupIn) (*setupOut, error) {
	b := in.Body
	made, err := cfg.Accounts.Setup(ctx, account.ParseToken(b.Token), b.Login, account.NewPassword(b.Password))
	if err != nil {
		return nil, err
	}
	return &setupOut{Body: view.NewAccount(made)}, nil
}

type setupOut struct{ Body view.Account }

type loginIn struct {
	Body struct {
		Login    string `json:"login" maxLength:"256"`
		Password string `json:"password" maxLength:"1024"`
	}
}

type passwordIn struct {
	Body struct {
		Old string `json:"old" maxLength:"1024"`
		New string `json:"new" maxLength:"1024" doc:"At least 12 characters"`
	}
}

type tokenOut struct {
	CacheControl string `header:"Cache-Control"`
	Body         struct {
		Token string    `json:"token" doc:"Show it as Authorization: Bearer. It cannot be read again"`
		Ends  time.Time `json:"ends" doc:"At the latest; 30 minutes without a request end it earlier"`
		view.Account
	}
}

type whoOut struct {
	Body struct {
		Ends time.Time      `json:"ends"`
		May  []authz.Action `json:"may" nullable:"false" doc:"The actions this account may do"`
		view.Account
	}
}

// Routes puts the operations on the frame.
func (cfg Config) Routes(f *frame.Frame) {
	s := f.Section("session")
	frame.Create(s, "/setup", "setup", "Create the first account with the bootstrap token", cfg.setup)
	frame.Create(s, "/session", "login", "Log in", cfg.login)
	frame.Get(s, "/session", "whoami", "Who am I?", cfg.whoami)
	frame.Delete(s, "/session", "logout", "Log out", cfg.logout)
	frame.Create(s, "/session/password", "changePassword", "Change the own password", cfg.password)
}

func (cfg Config) login(ctx context.Context, _ auth.Principal, in *loginIn) (*tokenOut, error) {
	s, err := cfg.Accounts.Login(ctx, in.Body.Login, account.NewPassword(in.Body.Password))
	return newTokenOut(s), err
}

func newTokenOut(s account.Session) *tokenOut {
	out := &tokenOut{CacheControl: "no-store"}
	out.Body.Token, out.Body.Ends, out.Body.Account = s.Token.Reveal(), s.Ends.UTC(), view.NewAccount(s.Account)
	return out
}

func (cfg Config) whoami(_ context.Context, who auth.Principal, _ *struct{}) (*whoOut, error) {
	out := &whoOut{}
	out.Body.Ends, out.Body.Account = who.Session().Ends.UTC(), view.NewAccount(who.Account())
	out.Body.May = []authz.Action{}
	for _, action := range authz.Actions() {
		if authz.Allowed(who.Account().Roles, action) {
			out.Body.May = append(out.Body.May, action)
		}
	}
	return out, nil
}

func (cfg Config) logout(ctx context.Context, who auth.Principal, _ *struct{}) (*struct{}, error) {
	return nil, cfg.Accounts.Logout(ctx, who.Session().Token)
}

func (cfg Config) password(ctx context.Context, who auth.Principal, in *passwordIn) (*tokenOut, error) {
	s, err := cfg.Accounts.ChangePassword(ctx, who.Session(),
		account.NewPassword(in.Body.Old), account.NewPassword(in.Body.New))
	return newTokenOut(s), err
}
