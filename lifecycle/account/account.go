// Package account is the register of who may use the console and the REST interface: accounts, the roles they
// hold and since when (Art. 101), their passwords (Art. 79), and the sessions made by logging in (Art. 104).
//
// There is no default account. While the register is empty each start of the centre makes a bootstrap token;
// whoever presents it once creates the first account, a system manager.
//
// What is kept where:
//
//	account_version    every state of an account, append-only, bound to the ledger
//	account            the newest version of each
//	account_password   the argon2id hash now in force; the version row holds the hash's SHA-256, so a hash that
//	                   was swapped in the database logs nobody in
//	account_session    derived: SHA-256 of a session's token, never the token
//	account_attempt    derived: log-ins that failed, for the growing delay
//	account_bootstrap  derived: SHA-256 of the bootstrap token now in force
package account

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/field"
)

// State says whether an account may log in.
type State string

// States.
const (
	Active   State = "active"
	Disabled State = "disabled"
)

// Account is one account as it stands.
type Account struct {
	ID    string       // the login name: lower case letters, digits, . _ -; 2–64
	Staff string       // the member of staff it belongs to, by id; empty for none
	Roles []authz.Role // sorted; what it may do
	State State
	// MustChange is set while the password is one somebody else chose: until it is changed the account may do
	// nothing else.
	MustChange bool
	N          int64     // version number, from 1
	At         time.Time // when this version was made, UTC
}

// Actor is the account as the author of a change.
func (a Account) Actor() store.Actor {
	return store.Actor{Kind: store.ActorAccount, ID: a.ID, Roles: a.Roles}
}

// Details is what a new account needs.
type Details struct {
	ID       string
	Staff    string
	Roles    []authz.Role
	Password Password
	// Temporary makes the holder change the password at the first log-in.
	Temporary bool
}

var idForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,63}$`)

// ValidID reports whether s can be a login name.
func ValidID(s string) bool { return idForm.MatchString(s) }

func (n Details) check() error {
	if !ValidID(n.ID) {
		return fault.BadField("login", "account.login", "login name out of form")
	}
	if n.Staff != "" {
		if err := field.ID("staff", n.Staff); err != nil {
			return err
		}
	}
	if err := checkRoles(n.Roles); err != nil {
		return err
	}
	return n.Password.check(n.ID)
}

func checkRoles(roles []authz.Role) error {
	if len(roles) == 0 {
		return fault.BadField("roles", "account.no_role", "account without a role")
	}
	for _, r := range roles {
		if !authz.ValidRole(r) {
			return fault.BadField("roles", "account.role", "no such role")
		}
	}
	return nil
}

// joinRoles is the stored form: sorted, without doubles, separated by one space.
func joinRoles(roles []authz.Role) string {
	list := slices.Compact(slices.Sorted(slices.Values(roles)))
	words := make([]string, len(list))
	for i, r := range list {
		words[i] = string(r)
	}
	return strings.Join(words, " ")
}

// splitRoles drops what is no role for a person, so that a row edited to say "system" gives nothing.
func splitRoles(s string) []authz.Role {
	var list []authz.Role
	for word := range strings.FieldsSeq(s) {
		if r := authz.Role(word); authz.ValidRole(r) {
			list = append(list, r)
		}
	}
	return list
}
