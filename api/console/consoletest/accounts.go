package consoletest

import (
	"context"

	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/lifecycle/account"
)

// Accounts is a register of accounts in memory whose sessions are all open: the token of an account's session is
// "session-" and its login name.
type Accounts struct {
	All    map[string]account.Account
	Broken error // answered by Resume, where set
	Wrong  bool  // a password that is asked for again is wrong
}

// SomeAccounts has a guard, a contractor, and a system manager who must change the password.
func SomeAccounts() *Accounts {
	all := map[string]account.Account{}
	for _, a := range []account.Account{
		{ID: "guard", Roles: []authz.Role{authz.Guard}, State: account.Active},
		{ID: "contractor", Roles: []authz.Role{authz.Contractor}, State: account.Active},
		{ID: "manager", Roles: []authz.Role{authz.SystemManager}, State: account.Active},
		{ID: "fresh", Roles: []authz.Role{authz.SystemManager}, State: account.Active, MustChange: true},
	} {
		all[a.ID] = a
	}
	return &Accounts{All: all}
}

func (a *Accounts) session(id string) account.Session {
	return account.Session{Account: a.All[id], Token: account.ParseToken("session-" + id), Made: Now, Ends: Now.Add(account.AbsoluteLimit)}
}

// Resume implements auth.Accounts.
func (a *Accounts) Resume(_ context.Context, t account.Token) (account.Session, error) {
	if a.Broken != nil {
		return account.Session{}, a.Broken
	}
	for id := range a.All {
		if t.Reveal() == "session-"+id {
			return a.session(id), nil
		}
	}
	return account.Session{}, fault.New(fault.Unauthenticated, "auth.session", "no session")
}

// Login implements login.Accounts: nobody gets in.
func (a *Accounts) Login(context.Context, string, account.Password) (account.Session, error) {
	return account.Session{}, fault.New(fault.Unauthenticated, "auth.login", "refused")
}

// Logout implements login.Accounts.
func (a *Accounts) Logout(context.Context, account.Token) error { return nil }

// NeedsSetup implements login.Accounts.
func (a *Accounts) NeedsSetup(context.Context) (bool, error) { return false, nil }

// Setup implements login.Accounts: there are accounts already.
func (a *Accounts) Setup(context.Context, account.Token, string, account.Password) (account.Account, error) {
	return account.Account{}, fault.New(fault.Unauthenticated, "account.bootstrap", "used")
}

// ChangePassword implements login.Accounts: the old one is always wrong.
func (a *Accounts) ChangePassword(context.Context, account.Session, account.Password, account.Password) (account.Session, error) {
	return account.Session{}, fault.New(fault.Unauthenticated, "auth.login", "refused")
}

// CheckPassword implements areas.Accounts: every password is right but where Wrong says otherwise.
func (a *Accounts) CheckPassword(context.Context, string, account.Password) error {
	switch {
	case a.Broken != nil:
		return a.Broken
	case a.Wrong:
		return fault.New(fault.Denied, "auth.password", "wrong")
	default:
		return nil
	}
}
