package rest

import (
	"context"
	"net/http"
	"time"

	"kanmon/api/auth"
	"kanmon/api/rest/view"
	"kanmon/internal/authz"
	"kanmon/lifecycle/account"
)

type setupIn struct {
	Body struct {
		Token    string `json:"token" maxLength:"128" doc:"The bootstrap token the centre wrote at its first start"`
		Login    string `json:"login" maxLength:"64" doc:"Login name of the first account"`
		Password string `json:"password" maxLength:"1024" doc:"At least 12 characters"`
	}
}

func setupRoutes(a *API) {
	add(a, route{http.MethodPost, "/setup", "setup", "session", "Create the first account with the bootstrap token", http.StatusCreated}, a.setup)
}

func (a *API) setup(ctx context.Context, _ auth.Principal, in *setupIn) (*accountOut, error) {
	b := in.Body
	made, err := a.cfg.Accounts.Setup(ctx, account.ParseToken(b.Token), b.Login, account.NewPassword(b.Password))
	if err != nil {
		return nil, err
	}
	return &accountOut{Body: view.NewAccount(made)}, nil
}

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

func sessionRoutes(a *API) {
	add(a, route{http.MethodPost, "/session", "login", "session", "Log in", http.StatusCreated}, a.login)
	add(a, route{http.MethodGet, "/session", "whoami", "session", "Who am I?", 0}, a.whoami)
	add(a, route{http.MethodDelete, "/session", "logout", "session", "Log out", http.StatusNoContent}, a.logout)
	add(a, route{http.MethodPost, "/session/password", "changePassword", "session", "Change the own password", http.StatusCreated}, a.password)
}

func (a *API) login(ctx context.Context, _ auth.Principal, in *loginIn) (*tokenOut, error) {
	s, err := a.cfg.Accounts.Login(ctx, in.Body.Login, account.NewPassword(in.Body.Password))
	return newTokenOut(s), err
}

func newTokenOut(s account.Session) *tokenOut {
	out := &tokenOut{CacheControl: "no-store"}
	out.Body.Token, out.Body.Ends, out.Body.Account = s.Token.Reveal(), s.Ends.UTC(), view.NewAccount(s.Account)
	return out
}

func (a *API) whoami(_ context.Context, who auth.Principal, _ *struct{}) (*whoOut, error) {
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

func (a *API) logout(ctx context.Context, who auth.Principal, _ *struct{}) (*struct{}, error) {
	return nil, a.cfg.Accounts.Logout(ctx, who.Session().Token)
}

func (a *API) password(ctx context.Context, who auth.Principal, in *passwordIn) (*tokenOut, error) {
	s, err := a.cfg.Accounts.ChangePassword(ctx, who.Session(),
		account.NewPassword(in.Body.Old), account.NewPassword(in.Body.New))
	return newTokenOut(s), err
}
