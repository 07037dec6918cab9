package store

import (
	"kanmon/internal/authz"
	"kanmon/internal/fault"
)

// Kinds of actor.
const (
	ActorAccount    = "account"
	ActorController = "controller"
	ActorDesk       = "desk"
	ActorSystem     = "system"
)

// Actor is who does a thing: an account, a controller, or the program itself.
type Actor struct {
	Kind, ID string
	Roles    []authz.Role
}

// System is the program acting by itself; why names the job, such as "ingest". It may do everything.
func System(why string) Actor {
	return Actor{Kind: ActorSystem, ID: why, Roles: []authz.Role{authz.System}}
}

// String is the form kept in the actor column: "account:taro".
func (a Actor) String() string { return a.Kind + ":" + a.ID }

// May reports whether the actor may do a thing: nil, or fault.Denied.
func (a Actor) May(action authz.Action) error {
	if authz.Allowed(a.Roles, action) {
		return nil
	}
	return fault.New(fault.Denied, "auth.denied", a.String()+" may not "+string(action))
}
