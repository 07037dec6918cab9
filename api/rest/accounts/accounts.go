// Package accounts is the accounts: who may use the system.
package accounts

import (
	"context"

	"kanmon/api/auth"
	"kanmon/api/rest/frame"
	"kanmon/api/rest/view"
	"kanmon/internal/authz"
	"kanmon/internal/store"
	"kanmon/lifecycle/account"
)

// Config is what the routes work on. All fields are needed.
type Config struct {
	Accounts *account.Register
}

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

// Routes puts the operations on the frame.
func (cfg Config) Routes(f *frame.Frame) {
	s := f.Section("accounts")
	frame.Get(s, "/accounts", "listAccounts", "Who may use the system, and since when", cfg.accounts)
	frame.Create(s, "/accounts", "addAccount", "Create an account", cfg.addAccount)
	frame.Get(s, "/accounts/{id}", "getAccount", "One account", cfg.account)
	frame.Put(s, "/accounts/{id}/roles", "setRoles", "Change what an account may do", cfg.setRoles)
	frame.Post(s, "/accounts/{id}/disable", "disableAccount", "End an account and its sessions at once",
		cfg.switchAccount((*account.Register).Disable))
	frame.Post(s, "/accounts/{id}/enable", "enableAccount", "Let an account log in again",
		cfg.switchAccount((*account.Register).Enable))
}

func (cfg Config) accounts(ctx context.Context, _ auth.Principal, _ *struct{}) (*accountsOut, error) {
	all, err := cfg.Accounts.List(ctx)
	out := &accountsOut{}
	out.Body.Items = view.List(all, view.NewAccount)
	return out, err
}

func (cfg Config) account(ctx context.Context, _ auth.Principal, in *accountID) (*accountOut, error) {
	got, err := cfg.Accounts.Get(ctx, in.ID)
	return &accountOut{Body: view.NewAccount(got)}, err
}

func (cfg Config) addAccount(ctx context.Context, who auth.Principal, in *accountIn) (*accountOut, error) {
	b := in.Body
	made, err := cfg.Accounts.Add(ctx, who.Actor(), account.Details{
		ID: b.Login, Staff: b.Staff, Roles: roles(b.Roles), Password: account.NewPassword(b.Password), Temporary: !b.Final,
	})
	return &accountOut{Body: view.NewAccount(made)}, err
}

func (cfg Config) setRoles(ctx context.Context, who auth.Principal, in *rolesIn) (*accountOut, error) {
	now, err := cfg.Accounts.SetRoles(ctx, who.Actor(), in.ID, roles(in.Body.Roles))
	return &accountOut{Body: view.NewAccount(now)}, err
}

func (cfg Config) switchAccount(
	change func(*account.Register, context.Context, store.Actor, string) (account.Account, error),
) func(context.Context, auth.Principal, *accountID) (*accountOut, error) {
	return func(ctx context.Context, who auth.Principal, in *accountID) (*accountOut, error) {
		now, err := change(cfg.Accounts, ctx, who.Actor(), in.ID)
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
