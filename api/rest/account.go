package rest

import (
	"context"
	"net/http"

	"kanmon/api/auth"
	"kanmon/api/rest/view"
	"kanmon/internal/authz"
	"kanmon/internal/store"
	"kanmon/lifecycle/account"
)

type accountOut struct{ Body view.Account }

type accountsOut struct {
	Body struct {
		Items []view.Account `json:"items" nullable:"false"`
	}
}

type accountID struct {
	ID string `path:"id" maxLength:"64"`
}

type accountIn struct {
	Body struct {
		Login    string   `json:"login" maxLength:"64"`
		Staff    string   `json:"staff,omitempty" maxLength:"64"`
		Roles    []string `json:"roles" nullable:"false" maxItems:"10"`
		Password string   `json:"password" maxLength:"1024" doc:"At least 12 characters"`
		Final    bool     `json:"final,omitempty" doc:"The holder need not change the password at the first log-in"`
	}
}

type rolesIn struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Roles []string `json:"roles" nullable:"false" maxItems:"10"`
	}
}

func accountRoutes(a *API) {
	add(a, route{http.MethodGet, "/accounts", "listAccounts", "accounts", "Who may use the system, and since when", 0}, a.accounts)
	add(a, route{http.MethodPost, "/accounts", "addAccount", "accounts", "Create an account", http.StatusCreated}, a.addAccount)
	add(a, route{http.MethodGet, "/accounts/{id}", "getAccount", "accounts", "One account", 0}, a.account)
	add(a, route{http.MethodPut, "/accounts/{id}/roles", "setRoles", "accounts", "Change what an account may do", 0}, a.setRoles)
	add(a, route{http.MethodPost, "/accounts/{id}/disable", "disableAccount", "accounts", "End an account and its sessions at once", 0},
		a.switchAccount((*account.Register).Disable))
	add(a, route{http.MethodPost, "/accounts/{id}/enable", "enableAccount", "accounts", "Let an account log in again", 0},
		a.switchAccount((*account.Register).Enable))
}

func (a *API) accounts(ctx context.Context, _ auth.Principal, _ *struct{}) (*accountsOut, error) {
	all, err := a.cfg.Accounts.List(ctx)
	out := &accountsOut{}
	out.Body.Items = view.List(all, view.NewAccount)
	return out, err
}

func (a *API) account(ctx context.Context, _ auth.Principal, in *accountID) (*accountOut, error) {
	got, err := a.cfg.Accounts.Get(ctx, in.ID)
	return &accountOut{Body: view.NewAccount(got)}, err
}

func (a *API) addAccount(ctx context.Context, who auth.Principal, in *accountIn) (*accountOut, error) {
	b := in.Body
	made, err := a.cfg.Accounts.Add(ctx, who.Actor(), account.Details{
		ID: b.Login, Staff: b.Staff, Roles: roles(b.Roles), Password: account.NewPassword(b.Password), Temporary: !b.Final,
	})
	return &accountOut{Body: view.NewAccount(made)}, err
}

func (a *API) setRoles(ctx context.Context, who auth.Principal, in *rolesIn) (*accountOut, error) {
	now, err := a.cfg.Accounts.SetRoles(ctx, who.Actor(), in.ID, roles(in.Body.Roles))
	return &accountOut{Body: view.NewAccount(now)}, err
}

func (a *API) switchAccount(
	change func(*account.Register, context.Context, store.Actor, string) (account.Account, error),
) func(context.Context, auth.Principal, *accountID) (*accountOut, error) {
	return func(ctx context.Context, who auth.Principal, in *accountID) (*accountOut, error) {
		now, err := change(a.cfg.Accounts, ctx, who.Actor(), in.ID)
		return &accountOut{Body: view.NewAccount(now)}, err
	}
}

func roles(names []string) []authz.Role {
	list := make([]authz.Role, len(names))
	for i, n := range names {
		list[i] = authz.Role(n)
	}
	return list
}
