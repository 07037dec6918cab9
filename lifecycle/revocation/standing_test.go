package revocation_test

import (
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/revocation"
)

// R121-1: what every controller should have is what the hash of the set says, whatever came before.
func TestTheStandingIsTheNewestVersionAndTheHashOfWhatIsInForce(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city, ids := found(t, d)
		ctx := t.Context()
		if v, hash, err := city.Revocations.Standing(ctx, lifecycletest.Guard); err != nil || hash != "" || v != (access.Version{Epoch: 1}) {
			t.Fatalf("nothing revoked: %v %q, %v", v, hash, err)
		}
		if _, _, err := city.Card.Suspend(ctx, lifecycletest.Manager, ids["K-1"], "紛失", time.Time{}); err != nil {
			t.Fatal(err)
		}
		revoke(t, city, ids["K-2"])
		revoke(t, city, ids["K-1"])
		want := access.Revocations{}
		err := city.Store.Read(ctx, func(q store.Queryer) error {
			list, err := revocation.Set(ctx, q)
			want.Merge(list...)
			return err
		})
		v, hash, failed := city.Revocations.Standing(ctx, lifecycletest.Guard)
		if err != nil || failed != nil || v != (access.Version{Epoch: 1, N: 3}) || hash != want.Hash() || len(want) != 2 {
			t.Errorf("%v %q, want 1.3 %q (%d entries), %v %v", v, hash, want.Hash(), len(want), err, failed)
		}
		_, _, err = city.Revocations.Standing(ctx, lifecycletest.Nobody)
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
	})
}
