package rest

import (
	"context"
	"net/http"
	"time"

	"kanmon/api/auth"
	"kanmon/internal/authz"
	"kanmon/internal/store"
	"kanmon/lifecycle/account"
)

// AccountView is an account in an answer.
type AccountView struct {
	Login      string       `json:"login"`
	Staff      string       `json:"staff,omitempty" doc:"The member of staff it belongs to"`
	Roles      []authz.Role `json:"roles" nullable:"false"`
	State      string       `json:"state" enum:"active,disabled"`
	MustChange bool         `json:"must_change" doc:"The password must be changed before anything else"`
	Version    int64        `json:"version"`
	Since      time.Time    `json:"since" doc:"When this version was made: since when it holds these roles"`
}

func newAccountView(a account.Account) AccountView {
	return AccountView{
		Login: a.ID, Staff: a.Staff, Roles: a.Roles, State: string(a.State), MustChange: a.MustChange,
		Version: a.N, Since: a.At.UTC(),
	}
}

type accountOut struct{ Body AccountView }

type accountsOut struct {
	Body struct {
		Items []AccountView `json:"items" nullable:"false"`
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
	out.Body.Items = views(all, newAccountView)
	return out, err
}

func (a *API) account(ctx context.Context, _ auth.Principal, in *accountID) (*accountOut, error) {
	got, err := a.cfg.Accounts.Get(ctx, in.ID)
	return &accountOut{Body: newAccountView(got)}, err
}

func (a *API) addAccount(ctx context.Context, who auth.Principal, in *accountIn) (*accountOut, error) {
	b := in.Body
	made, err := a.cfg.Accounts.Add(ctx, who.Actor(), account.Details{
		ID: b.Login, Staff: b.Staff, Roles: roles(b.Roles), Password: account.NewPassword(b.Password), Temporary: !b.Final,
	})
	return &accountOut{Body: newAccountView(made)}, err
}

func (a *API) setRoles(ctx context.Context, who auth.Principal, in *rolesIn) (*accountOut, error) {
	now, err := a.cfg.Accounts.SetRoles(ctx, who.Actor(), in.ID, roles(in.Body.Roles))
	return &accountOut{Body: newAccountView(now)}, err
}

func (a *API) switchAccount(
	change func(*account.Register, context.Context, store.Actor, string) (account.Account, error),
) func(context.Context, auth.Principal, *accountID) (*accountOut, error) {
	return func(ctx context.Context, who auth.Principal, in *accountID) (*accountOut, error) {
		now, err := change(a.cfg.Accounts, ctx, who.Actor(), in.ID)
		return &accountOut{Body: newAccountView(now)}, err
	}
}

func roles(names []string) []authz.Role {
	list := make([]authz.Role, len(names))
	for i, n := range names {
		list[i] = authz.Role(n)
	}
	return list
}

// views turns a register's list into what callers see; an empty list is [] and never null.
func views[T, V any](list []T, view func(T) V) []V {
	out := make([]V, len(list))
	for i, v := range list {
		out[i] = view(v)
	}
	return out
}
