package approval_test

import (
	"testing"

	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/account"
	"kanmon/lifecycle/lifecycletest"
)

const (
	firstWords  = "correct horse battery"
	secondWords = "another horse battery"
	thirdWords  = "a third horse battery"
)

// add makes an account for a security manager as the manager.
func (b *bench) add(id, member string) store.Actor {
	b.t.Helper()
	a, err := b.city.Accounts.Add(b.t.Context(), lifecycletest.Manager, account.Details{
		ID: id, Staff: member, Roles: lifecycletest.Second.Roles, Password: account.NewPassword(firstWords),
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return a.Actor()
}

func (b *bench) reset(by store.Actor, id string) {
	b.t.Helper()
	if err := b.city.Accounts.ResetPassword(b.t.Context(), by, id, account.NewPassword(firstWords+" again")); err != nil {
		b.t.Fatal(err)
	}
}

// choose has whoever knows the password of an account choose another.
func (b *bench) choose(id, old, fresh string) {
	b.t.Helper()
	s, err := b.city.Accounts.Login(b.t.Context(), id, account.NewPassword(old))
	if err == nil {
		_, err = b.city.Accounts.ChangePassword(b.t.Context(), s, account.NewPassword(old), account.NewPassword(fresh))
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) refuses(actor store.Actor, id, code string) {
	b.t.Helper()
	_, err := b.Approve(b.t.Context(), actor, "", id)
	lifecycletest.WantFault(b.t, err, fault.Denied, code)
	_, err = b.Refuse(b.t.Context(), actor, id, "no")
	lifecycletest.WantFault(b.t, err, fault.Denied, code)
	if len(b.shelf.at) != 0 {
		b.t.Fatalf("applied: %v", b.shelf.at)
	}
}

// R14-1: an account that who asked made is no second person, nor one of nobody; its holder's own password makes it one for what is asked later.
func TestOnePersonDoesNotApproveWithAnAccountMadeForIt(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d).staffed()
		nobody, ghost := b.add("nobody-s", ""), b.add("ghost", "1003")
		before := b.waits(lifecycletest.Manager, "x", "one")
		late := b.add("late", "1004")
		b.refuses(nobody, before.ID, "approval.no_staff")
		b.refuses(ghost, before.ID, "approval.in_hand")
		b.refuses(late, before.ID, "approval.in_hand")
		b.choose("ghost", firstWords, secondWords)
		b.refuses(ghost, before.ID, "approval.in_hand")
		after := b.waits(lifecycletest.Manager, "y", "two")
		if _, err := b.Approve(t.Context(), ghost, "", after.ID); err != nil {
			t.Errorf("an account that its holder took: %v", err)
		}
	})
}

// R14-1: nor is an account of which who asked has set the password or the roles, whenever that was; after the request, whoever did it.
func TestOnePersonDoesNotApproveWithAnAccountTakenOver(t *testing.T) {
	third := store.Actor{Kind: store.ActorAccount, ID: "third", Roles: lifecycletest.Manager.Roles}
	for name, take := range map[string]func(*bench){
		"reset":            func(b *bench) { b.reset(lifecycletest.Manager, "second") },
		"reset by a third": func(b *bench) { b.reset(third, "second") },
		"roles set": func(b *bench) {
			if _, err := b.city.Accounts.SetRoles(b.t.Context(), lifecycletest.Manager, "second", lifecycletest.Manager.Roles); err != nil {
				b.t.Fatal(err)
			}
		},
		"reset and changed": func(b *bench) {
			b.reset(lifecycletest.Manager, "second")
			b.choose("second", firstWords+" again", thirdWords)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dbtest.Run(t, func(t *testing.T, d *db.DB) {
				b := newBench(t, d).staffed()
				req := b.waits(lifecycletest.Manager, "x", "one")
				take(b)
				b.refuses(lifecycletest.Second, req.ID, "approval.in_hand")
			})
		})
	}
}

// R14-1: a reset before the request counts too, until the holder has a password of their own; a reset by somebody else does not.
func TestAResetPasswordCountsUntilItsHolderChangesIt(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d).staffed()
		b.reset(lifecycletest.Manager, "second")
		req := b.waits(lifecycletest.Manager, "x", "one")
		b.refuses(lifecycletest.Second, req.ID, "approval.in_hand")
		b.choose("second", firstWords+" again", thirdWords)
		later := b.waits(lifecycletest.Manager, "y", "two")
		if _, err := b.Approve(t.Context(), lifecycletest.Second, "", later.ID); err != nil {
			t.Errorf("after the holder's own password: %v", err)
		}
	})
}
