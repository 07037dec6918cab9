package approval_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kanmon/internal/authz"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/lifecycletest"
)

// shelf is a register of one kind of thing: a text by id, with a version. It lives in memory, and takes part in transactions by being set after
// the commit; the versions that the approval writes are its own business.
type shelf struct {
	at   map[string]string
	n    map[string]int64
	seen []string // what Apply was called with: by whom, why, approved by whom
	fail error
}

func (s *shelf) kind() approval.Kind {
	return approval.Kind{
		Needs: authz.AreaWrite,
		Check: func(context.Context, *store.Tx, approval.Change) error { return s.fail },
		Apply: func(ctx context.Context, tx *store.Tx, c approval.Change) error {
			actor, reason := tx.Actor().String(), tx.Reason()
			tx.AfterCommit(func() {
				s.at[c.Subject] = c.Body
				s.n[c.Subject]++
				s.seen = append(s.seen, actor+" "+reason)
			})
			_, err := tx.Version(ctx, "schedule", c.Subject, store.Row{{Name: "name", Value: c.Body}, {Name: "windows", Value: "[]"}}, nil)
			return err
		},
		Version: func(ctx context.Context, q store.Queryer, c approval.Change) (n int64, err error) {
			err = q.Get(ctx, &n, `SELECT COALESCE(MAX(n), 0) FROM schedule WHERE id = ?`, c.Subject)
			return n, err
		},
	}
}

type bench struct {
	t    testing.TB
	city *lifecycletest.City
	*approval.Register
	shelf *shelf
}

// newBench has two managers with accounts; a third account belongs to the same person as the first.
func newBench(t testing.TB, d *db.DB) *bench {
	city := lifecycletest.Open(t, d)
	b := &bench{t: t, city: city, Register: approval.New(city.Store), shelf: &shelf{at: map[string]string{}, n: map[string]int64{}}}
	b.Handle("shelf.put", b.shelf.kind())
	return b
}

func (b *bench) staffed() *bench {
	b.t.Helper()
	b.city.Account(b.t, lifecycletest.Manager, "1001")
	b.city.Account(b.t, lifecycletest.Second, "1002")
	return b
}

// put asks as actor for a text.
func (b *bench) put(actor store.Actor, id, text string) (*approval.Request, error) {
	var req *approval.Request
	err := b.city.Store.Write(b.t.Context(), actor, "because", func(tx *store.Tx) error {
		var err error
		req, err = b.Submit(b.t.Context(), tx, approval.Change{Register: "shelf", Kind: "shelf.put", Subject: id, About: "a", Body: text, Reason: "because"}, true)
		return err
	})
	return req, err
}

func (b *bench) waits(actor store.Actor, id, text string) approval.Request {
	b.t.Helper()
	req, err := b.put(actor, id, text)
	if err != nil || req == nil {
		b.t.Fatalf("put = %v, %v", req, err)
	}
	return *req
}

// R14-1: who applies does not approve, in whatever account; somebody else does, and the change is applied then, in the applicant's name.
func TestWhoAppliesDoesNotApprove(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d).staffed()
		ctx := t.Context()
		twin := store.Actor{Kind: store.ActorAccount, ID: "twin", Roles: lifecycletest.Manager.Roles}
		b.city.Account(t, twin, "1001")
		req := b.waits(lifecycletest.Manager, "x", "one")
		for name, actor := range map[string]store.Actor{"the applicant": lifecycletest.Manager, "another account of the applicant": twin} {
			_, err := b.Approve(ctx, actor, "", req.ID)
			lifecycletest.WantFault(t, err, fault.Denied, "approval.own")
			_, err = b.Refuse(ctx, actor, req.ID, "no")
			lifecycletest.WantFault(t, err, fault.Denied, "approval.own")
			if b.shelf.at["x"] != "" {
				t.Fatalf("applied by %s", name)
			}
		}
		_, err := b.Approve(ctx, lifecycletest.Guard, "", req.ID)
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
		_, err = b.Approve(ctx, store.System("job"), "", req.ID)
		lifecycletest.WantFault(t, err, fault.Denied, "approval.nobody")
		done, err := b.Approve(ctx, lifecycletest.Second, "確認済み", req.ID)
		if err != nil || len(done) != 1 || done[0].State != approval.Approved || done[0].Decider != "account:second" || b.shelf.at["x"] != "one" {
			t.Fatalf("Approve = %+v, %v; shelf %v", done, err, b.shelf.at)
		}
		if want := []string{"account:manager because"}; !slices.Equal(b.shelf.seen, want) {
			t.Errorf("applied as %v, want %v", b.shelf.seen, want)
		}
		got, err := b.Get(ctx, lifecycletest.Manager, req.ID)
		if err != nil || got.State != approval.Approved || got.Note != "確認済み" || got.Applicant != "account:manager" || !got.DecidedAt.Equal(b.city.Clock.Now()) {
			t.Errorf("Get = %+v, %v", got, err)
		}
		_, err = b.Approve(ctx, lifecycletest.Second, "", req.ID)
		lifecycletest.WantFault(t, err, fault.Conflict, "approval.decided")
	})
}

// R14-1: as long as there is one person only, the change is applied and marked; once there were two, never again.
func TestTheSetUpEndsForEverWithTheSecondPerson(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		ctx := t.Context()
		atOnce := func(text string) {
			t.Helper()
			if req, err := b.put(lifecycletest.Manager, "x", text); err != nil || req != nil || b.shelf.at["x"] != text {
				t.Fatalf("%s: %v, %v", text, req, err)
			}
		}
		atOnce("nobody has an account")
		b.city.Account(t, lifecycletest.Manager, "1001")
		b.city.Account(t, lifecycletest.Guard, "1003")
		atOnce("a guard has no right to it")
		b.city.Account(t, store.Actor{Kind: store.ActorAccount, ID: "twin", Roles: lifecycletest.Manager.Roles}, "1001")
		atOnce("the same person again")
		b.city.Account(t, lifecycletest.Second, "1002")
		req := b.waits(lifecycletest.Manager, "x", "two")
		if _, err := b.city.Accounts.Disable(ctx, store.System("test"), "second"); err != nil {
			t.Fatal(err)
		}
		again := approval.New(b.city.Store) // as after a start of the program
		again.Handle("shelf.put", b.shelf.kind())
		b.Register = again
		b.waits(lifecycletest.Manager, "x", "three")
		if b.shelf.at["x"] != "the same person again" {
			t.Errorf("applied: %v, request %v", b.shelf.at, req)
		}
	})
}

// R14-1: what was approved is what the approver saw.
func TestARequestForAnOlderVersionIsStale(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d).staffed()
		ctx := t.Context()
		first, second, other := b.waits(lifecycletest.Manager, "x", "one"), b.waits(lifecycletest.Manager, "x", "two"), b.waits(lifecycletest.Manager, "y", "other")
		done, err := b.Approve(ctx, lifecycletest.Second, "", first.ID, second.ID, other.ID)
		lifecycletest.WantFault(t, err, fault.Conflict, "approval.stale")
		if len(done) != 3 || done[0].State != approval.Approved || done[1].State != approval.Stale || done[2].State != approval.Approved {
			t.Fatalf("Approve = %+v", done)
		}
		if b.shelf.at["x"] != "one" || b.shelf.at["y"] != "other" {
			t.Errorf("shelf %v", b.shelf.at)
		}
		_, err = b.Approve(ctx, lifecycletest.Second, "", second.ID)
		lifecycletest.WantFault(t, err, fault.Conflict, "approval.decided")
	})
}

func TestManyAreApprovedTogetherOrNot(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d).staffed()
		ctx := t.Context()
		one, two := b.waits(lifecycletest.Manager, "x", "one"), b.waits(lifecycletest.Second, "y", "two")
		_, err := b.Approve(ctx, lifecycletest.Second, "", one.ID, two.ID)
		lifecycletest.WantFault(t, err, fault.Denied, "approval.own")
		b.shelf.fail = fault.New(fault.Conflict, "area.locked", "as a test")
		_, err = b.Approve(ctx, lifecycletest.Second, "", one.ID)
		lifecycletest.WantFault(t, err, fault.Conflict, "area.locked")
		list, err := b.List(ctx, lifecycletest.Manager, approval.Filter{State: approval.Pending})
		if err != nil || len(list) != 2 || list[0].ID != two.ID || len(b.shelf.seen) != 0 {
			t.Fatalf("pending %+v, %v; applied %v", list, err, b.shelf.seen)
		}
		_, err = b.Approve(ctx, lifecycletest.Second, "")
		lifecycletest.WantFault(t, err, fault.Invalid, "approval.many")
		_, err = b.Approve(ctx, lifecycletest.Second, "", "A-NONE")
		lifecycletest.WantFault(t, err, fault.NotFound, "approval.unknown")
	})
}

func TestARequestIsRefusedWithANoteOrWithdrawnByWhoAsked(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d).staffed()
		ctx := t.Context()
		one, two := b.waits(lifecycletest.Manager, "x", "one"), b.waits(lifecycletest.Manager, "y", "two")
		_, err := b.Refuse(ctx, lifecycletest.Second, one.ID, " ")
		lifecycletest.WantFault(t, err, fault.Invalid, "field.required")
		_, err = b.Withdraw(ctx, lifecycletest.Second, two.ID, "")
		lifecycletest.WantFault(t, err, fault.Denied, "approval.not_yours")
		refused, err := b.Refuse(ctx, lifecycletest.Second, one.ID, "範囲が広い")
		if err != nil || refused.State != approval.Refused || refused.Note != "範囲が広い" {
			t.Fatalf("Refuse = %+v, %v", refused, err)
		}
		if gone, err := b.Withdraw(ctx, lifecycletest.Manager, two.ID, ""); err != nil || gone.State != approval.Withdrawn {
			t.Fatalf("Withdraw = %+v, %v", gone, err)
		}
		for _, id := range []string{one.ID, two.ID} {
			_, err := b.Approve(ctx, lifecycletest.Second, "", id)
			lifecycletest.WantFault(t, err, fault.Conflict, "approval.decided")
		}
		if len(b.shelf.seen) > 0 {
			t.Errorf("applied %v", b.shelf.seen)
		}
		_, err = b.List(ctx, lifecycletest.Manager, approval.Filter{State: "odd"})
		lifecycletest.WantFault(t, err, fault.Invalid, "approval.state")
		_, err = b.List(ctx, lifecycletest.Guard, approval.Filter{})
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
	})
}

func TestListsArePagedAndNarrowed(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d).staffed()
		var want []string
		for i := range 5 {
			want = append(want, b.waits(lifecycletest.Manager, fmt.Sprint("x", i), "t").ID)
		}
		slices.Reverse(want)
		var got []string
		f := approval.Filter{State: approval.Pending, About: "a", Limit: 2}
		for {
			list, err := b.List(t.Context(), lifecycletest.Second, f)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range list {
				got = append(got, r.ID)
			}
			if len(list) < 2 {
				break
			}
			f.After = list[1].ID
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages %v, want %v", got, want)
		}
		if list, err := b.List(t.Context(), lifecycletest.Second, approval.Filter{About: "b"}); err != nil || len(list) != 0 {
			t.Errorf("about b: %v, %v", list, err)
		}
	})
}

func TestWaitingIsNoSuccessToWhoDoesNotLookForIt(t *testing.T) {
	err := fmt.Errorf("change area: %w", approval.Wait(&approval.Request{ID: "A-1"}, nil))
	if fault.KindOf(err) != fault.Conflict || fault.CodeOf(err) != "approval.waits" || !strings.Contains(err.Error(), "A-1") {
		t.Errorf("%v", err)
	}
	if w, ok := errors.AsType[*approval.WaitingError](err); !ok || w.Request.ID != "A-1" {
		t.Errorf("%v holds no request", err)
	}
	if approval.Wait(nil, nil) != nil || !errors.Is(approval.Wait(nil, context.Canceled), context.Canceled) {
		t.Error("Wait makes up an error")
	}
}

// R14-1: whatever people try, in whatever order: nothing is applied that two different people did not ask for and approve, and never twice.
func TestNothingIsAppliedThatTwoPeopleDidNotWant(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d).staffed()
		third := store.Actor{Kind: store.ActorAccount, ID: "third", Roles: []authz.Role{authz.SecurityManager}}
		b.city.Account(t, third, "1003")
		b.city.Account(t, lifecycletest.Guard, "1004")
		actors := []store.Actor{lifecycletest.Manager, lifecycletest.Second, third, lifecycletest.Guard}
		run := 0
		rapid.Check(t, func(rt *rapid.T) {
			run++
			m := model{version: map[string]int{}, open: map[string]asked{}}
			var ids []string
			for range rapid.IntRange(1, 12).Draw(rt, "steps") {
				actor := actors[rapid.IntRange(0, 3).Draw(rt, "actor")]
				if len(ids) == 0 || rapid.Bool().Draw(rt, "ask") {
					subject := fmt.Sprintf("r%d-%d", run, rapid.IntRange(0, 1).Draw(rt, "subject"))
					req, err := b.put(actor, subject, "text")
					if err != nil || req == nil {
						rt.Fatalf("put: %v, %v", req, err)
					}
					ids = append(ids, req.ID)
					m.open[req.ID] = asked{actor.ID, subject, m.version[subject]}
					continue
				}
				id := ids[rapid.IntRange(0, len(ids)-1).Draw(rt, "request")]
				what := rapid.SampledFrom([]string{"approve", "approve", "refuse", "withdraw"}).Draw(rt, "what")
				want := m.decide(what, id, actor.ID)
				var err error
				switch what {
				case "approve":
					_, err = b.Approve(t.Context(), actor, "", id)
				case "refuse":
					_, err = b.Refuse(t.Context(), actor, id, "no")
				default:
					_, err = b.Withdraw(t.Context(), actor, id, "")
				}
				if fault.CodeOf(err) != want {
					rt.Fatalf("%s %ss: %v, the model says %q", actor.ID, what, err, want)
				}
			}
			for subject, n := range m.version {
				if b.shelf.n[subject] != int64(n) {
					rt.Fatalf("%s was applied %d times, the model says %d", subject, b.shelf.n[subject], n)
				}
			}
		})
	})
}

// model is who asked for what, and how often each subject was changed.
type model struct {
	version map[string]int
	open    map[string]asked
}

type asked struct {
	by, subject string
	base        int
}

// decide says with which code it ends; an empty code is success.
func (m model) decide(what, id, by string) string {
	req, pending := m.open[id]
	switch {
	case by == "guard":
		return "auth.denied"
	case !pending:
		return "approval.decided"
	case what == "withdraw" && req.by != by:
		return "approval.not_yours"
	case what != "withdraw" && req.by == by:
		return "approval.own"
	}
	delete(m.open, id)
	if what != "approve" {
		return ""
	}
	if m.version[req.subject] != req.base {
		return "approval.stale"
	}
	m.version[req.subject]++
	return ""
}
