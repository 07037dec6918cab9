package account

import (
	"context"
	"strings"

	"kanmon/internal/fault"
	"kanmon/internal/store"
)

// Approver is an account that is to decide what somebody asked for.
type Approver struct {
	Account string // login name
	Asked   store.Actor
	Leaf    int64 // of the request in the ledger
}

// InHand reports whether the approver's account may be in another hand than its holder's: whether who asked made the account, or set its member of
// staff, its roles or its password, and the holder has not chosen a password of their own between that and the request. After the
// request it counts whoever did it, and no password heals it: who is to approve is to be there when it is asked for.
func (a Approver) InHand(ctx context.Context, q store.Queryer) (bool, error) {
	var rows []handled
	err := q.Select(ctx, &rows, `SELECT actor, staff, roles, password_digest, leaf FROM account_version WHERE id = ? ORDER BY n`, a.Account)
	if err != nil {
		return false, err
	}
	in, was := false, handled{}
	for _, v := range rows {
		switch {
		case v.Actor == "account:"+a.Account:
			in = in && (v.Digest == was.Digest || v.Leaf > a.Leaf)
		case v.gives() != was.gives() && !in:
			if in, err = a.handles(ctx, q, v); err != nil {
				return false, err
			}
		}
		was = v
	}
	return in, nil
}

// handled is what an account became by the hand of an actor.
type handled struct {
	Actor, Staff, Roles string
	Digest              string `db:"password_digest"`
	Leaf                int64
}

// gives is what decides who can log in, and what they may do.
func (v handled) gives() [3]string { return [3]string{v.Staff, v.Roles, v.Digest} }

// handles reports whether a change of the account puts it into the hand of who asked. Setting up and the tools on the machine itself do not.
func (a Approver) handles(ctx context.Context, q store.Queryer, v handled) (bool, error) {
	kind, id, _ := strings.Cut(v.Actor, ":")
	if kind != store.ActorAccount {
		return false, nil
	}
	if v.Leaf > a.Leaf {
		return true, nil
	}
	return OnePerson(ctx, q, store.Actor{Kind: kind, ID: id}, a.Asked)
}

// OnePerson reports whether two actors are one person: one account, or accounts of one member of staff.
func OnePerson(ctx context.Context, q store.Queryer, a, b store.Actor) (bool, error) {
	if a.Kind != store.ActorAccount || b.Kind != store.ActorAccount {
		return false, nil
	}
	if a.ID == b.ID {
		return true, nil
	}
	one, err := personOrAccount(ctx, q, a.ID)
	if err != nil {
		return false, err
	}
	other, err := personOrAccount(ctx, q, b.ID)
	return one == other, err
}

// personOrAccount is Person, also of an account that is not in the register.
func personOrAccount(ctx context.Context, q store.Queryer, id string) (string, error) {
	who, err := Person(ctx, q, id)
	if fault.KindOf(err) == fault.NotFound {
		return person(id, ""), nil
	}
	return who, err
}

// Staff returns the member of staff that an account belongs to; empty for none.
func Staff(ctx context.Context, q store.Queryer, id string) (string, error) {
	a, _, err := load(ctx, q, id)
	return a.Staff, err
}
