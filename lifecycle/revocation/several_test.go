package revocation_test

import (
	"testing"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/revocation"
)

// R75-3: the centre was put back to before one credential of a card was ended, and before a card of two was revoked; doors report entry by entry. Each is taken back
// as what it was, in whatever order.
func TestWhatIsTakenBackOfACardWithSeveralCredentials(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city, ids := found(t, d)
		ctx := t.Context()
		for _, name := range []string{"K-1", "K-2"} {
			if _, err := city.Card.Enrol(ctx, lifecycletest.Manager, ids[name], "", card.Read{Key: lifecycletest.Key(name + " idm"), Format: "idm"}); err != nil {
				t.Fatal(err)
			}
		}
		openEpoch(t, city)
		n := uint64(0)
		lost := func(label, key string, want bool) {
			t.Helper()
			n++
			entry := access.Revocation{Version: access.Version{Epoch: 1, N: n}, Key: lifecycletest.Key(key), Card: ids[label], State: access.Revoked}
			fresh, err := city.Card.Adopt(ctx, revocation.Adoption{
				Entry: entry, Controller: "ctl-1", Key: keyID("ctl-1"), AppliedAt: city.Clock.Now(), Payload: []byte("{}"),
			})
			if err != nil || fresh != want {
				t.Fatalf("Adopt = %v, %v, want %v", fresh, err, want)
			}
		}
		is := func(label string, state card.State, ended bool) {
			t.Helper()
			c, err := city.Card.Get(ctx, lifecycletest.Guard, ids[label])
			if err != nil || c.State != state {
				t.Errorf("card %+v, %v, want %s", c, err, state)
			}
			all, err := city.Card.Credentials(ctx, lifecycletest.Guard, ids[label])
			if err != nil || len(all) != 2 || all[1].EndedAt.IsZero() == ended {
				t.Errorf("credentials %+v, %v", all, err)
			}
		}
		lost("K-1", "K-1 idm", true) // ended by itself
		is("K-1", card.Issued, true)
		lost("K-2", "K-2 idm", true) // the card was revoked: the other entry comes after it
		lost("K-2", "1002", true)
		is("K-2", card.Revoked, true)
		lost("K-1", "K-1 of a lost enrolment", true) // nobody here knows it: the set does
		is("K-1", card.Issued, true)
		verified(t, city)
	})
}
