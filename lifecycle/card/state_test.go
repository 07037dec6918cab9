package card_test

import (
	"strings"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/revocation"
)

var securityManager = store.Actor{Kind: store.ActorAccount, ID: "head", Roles: []authz.Role{authz.SecurityManager}}

// ways are the changes of state by name.
func ways(t *testing.T, city *lifecycletest.City) map[string]func(actor store.Actor, id string) (card.Card, access.Version, error) {
	t.Helper()
	ctx := t.Context()
	return map[string]func(store.Actor, string) (card.Card, access.Version, error){
		"suspend": func(a store.Actor, id string) (card.Card, access.Version, error) {
			return city.Card.Suspend(ctx, a, id, "届出", time.Time{})
		},
		"revoke": func(a store.Actor, id string) (card.Card, access.Version, error) {
			return city.Card.Revoke(ctx, a, id, "紛失", time.Time{})
		},
		"lift": func(a store.Actor, id string) (card.Card, access.Version, error) {
			return city.Card.Lift(ctx, a, id, "発見")
		},
	}
}

func issue(t *testing.T, city *lifecycletest.City, label string) card.Card {
	t.Helper()
	c, err := city.Card.Issue(t.Context(), lifecycletest.Manager, card.Issue{
		Label: label, Kind: card.Personal, Person: "1001", Key: lifecycletest.Key(label),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// R76-2: a report suspends, a manager revokes or lifts; revoked is final. Every way through the states, written out.
func TestTheStatesOfACardAreLeftOnlyAsWritten(t *testing.T) {
	tests := map[string]struct { // by the ways taken before, then the next one
		state card.State
		code  string
	}{
		"suspend":                {card.Suspended, ""},
		"revoke":                 {card.Revoked, ""},
		"lift":                   {card.Issued, "card.not_suspended"},
		"suspend suspend":        {card.Suspended, "card.already_suspended"},
		"suspend lift":           {card.Issued, ""},
		"suspend revoke":         {card.Revoked, ""},
		"suspend lift lift":      {card.Issued, "card.not_suspended"},
		"suspend lift suspend":   {card.Suspended, ""},
		"revoke revoke":          {card.Revoked, "card.already_revoked"},
		"revoke suspend":         {card.Revoked, "card.already_revoked"},
		"revoke lift":            {card.Revoked, "card.already_revoked"},
		"suspend revoke lift":    {card.Revoked, "card.already_revoked"},
		"suspend revoke suspend": {card.Revoked, "card.already_revoked"},
	}
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		do, n := ways(t, city), uint64(0)
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				c := issue(t, city, "X "+strings.ToUpper(name))
				var err error
				for _, way := range strings.Fields(name) {
					var now card.Card
					var v access.Version
					if now, v, err = do[way](securityManager, c.ID); err != nil {
						continue
					}
					n++
					if c.State, c.Version = now.State, c.Version+1; now != c || v != (access.Version{Epoch: 1, N: n}) {
						t.Fatalf("%s: %+v, %v, want %+v, 1.%d", way, now, v, c, n)
					}
				}
				if fault.CodeOf(err) != tt.code || (err != nil && fault.KindOf(err) != fault.Conflict) {
					t.Errorf("the last step: %v, want %q", err, tt.code)
				}
				if now, err := city.Card.Get(t.Context(), lifecycletest.Guard, c.ID); err != nil || now.State != tt.state {
					t.Errorf("state %s, %v, want %s", now.State, err, tt.state)
				}
			})
		}
	})
}

// R76-2: the guard at the desk stops a card at once; to end it or to give it back takes a manager.
func TestWhoMayStopACard(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		do := ways(t, city)
		c := issue(t, city, "X")
		for _, way := range []string{"suspend", "revoke", "lift"} {
			_, _, err := do[way](lifecycletest.Nobody, c.ID)
			lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
		}
		if _, _, err := do["suspend"](lifecycletest.Guard, c.ID); err != nil {
			t.Fatal(err)
		}
		for _, way := range []string{"revoke", "lift"} {
			_, _, err := do[way](lifecycletest.Guard, c.ID)
			lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
		}
		_, _, err := do["revoke"](securityManager, "C-unknown")
		lifecycletest.WantFault(t, err, fault.NotFound, "card.unknown")
	})
}

// What the doors are told, the card's version and the wanted policies are one transaction.
func TestARevokedCardIsInTheSetAndInEveryPolicyAtOnce(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		wanted := func() (n uint64) {
			c, err := city.Device.Controller(ctx, lifecycletest.Guard, "ctl-2")
			if err != nil {
				t.Fatal(err)
			}
			return c.Wanted.N
		}
		c := issue(t, city, "X")
		before := wanted()
		_, v, err := city.Card.Revoke(ctx, securityManager, c.ID, "紛失", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if got := wanted(); got != before+1 {
			t.Errorf("wanted %d, before %d", got, before)
		}
		err = city.Store.Read(ctx, func(q store.Queryer) error {
			set, err := revocation.Set(ctx, q)
			if want := (access.Revocation{Version: v, Key: lifecycletest.Key("X"), Card: c.ID, State: access.Revoked}); len(set) != 1 || set[0] != want {
				t.Errorf("Set = %+v, want %+v", set, want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		changes, err := city.Card.History(ctx, lifecycletest.Guard, c.ID)
		if err != nil || len(changes) != 2 || changes[1].Actor != "account:head" || changes[1].Reason != "紛失" {
			t.Fatalf("History = %+v, %v", changes, err)
		}
	})
}

func TestWhenACardWasLostIsChecked(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx, now := t.Context(), city.Clock.Now()
		c := issue(t, city, "X")
		for _, at := range []time.Time{now.Add(time.Second), time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)} {
			_, _, err := city.Card.Revoke(ctx, lifecycletest.Manager, c.ID, "紛失", at)
			lifecycletest.WantFault(t, err, fault.Invalid, "card.lost_at")
			lifecycletest.WantField(t, err, "lost_at")
		}
		_, _, err := city.Card.Revoke(ctx, lifecycletest.Manager, c.ID, " ", now)
		lifecycletest.WantField(t, err, "reason")
	})
}

// Who revokes a card after somebody reported it lost need not know when that was.
func TestTheReportedLossStaysWithTheRevocation(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx, lost := t.Context(), city.Clock.Now().Add(-3*time.Hour)
		step := func(_ card.Card, _ access.Version, err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		c := issue(t, city, "X")
		step(city.Card.Suspend(ctx, lifecycletest.Guard, c.ID, "届出", lost))
		step(city.Card.Revoke(ctx, securityManager, c.ID, "紛失", time.Time{}))
		other := issue(t, city, "Y")
		step(city.Card.Suspend(ctx, lifecycletest.Guard, other.ID, "届出", lost))
		step(city.Card.Lift(ctx, securityManager, other.ID, "発見"))
		step(city.Card.Revoke(ctx, securityManager, other.ID, "退職", time.Time{})) // the loss was over
		list, err := city.Revocations.List(ctx, lifecycletest.Guard, revocation.Filter{})
		if err != nil || len(list) != 5 {
			t.Fatalf("List = %+v, %v", list, err)
		}
		if !list[0].LostAt.IsZero() || !list[1].LostAt.IsZero() || !list[3].LostAt.Equal(lost) || list[3].State != access.Revoked {
			t.Errorf("lost at %v and %v", list[0].LostAt, list[3].LostAt)
		}
	})
}
