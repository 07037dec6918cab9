package view

import (
	"time"

	"kanmon/internal/authz"
	"kanmon/lifecycle/account"
)

// Account is an account in an answer.
type Account struct {
	Login      string       `json:"login"`
	Staff      string       `json:"staff,omitempty" doc:"The member of staff it belongs to"`
	Roles      []authz.Role `json:"roles" nullable:"false"`
	State      string       `json:"state" enum:"active,disabled"`
	MustChange bool         `json:"must_change" doc:"The password must be changed before anything else"`
	Version    int64        `json:"version"`
	Since      time.Time    `json:"since" doc:"When this version was made: since when it holds these roles"`
}

// NewAccount shows one.
func NewAccount(a account.Account) Account {
	return Account{
		Login: a.ID, Staff: a.Staff, Roles: a.Roles, State: string(a.State), MustChange: a.MustChange,
		Version: a.N, Since: a.At.UTC(),
	}
}
