package policy_test

import (
	"crypto/sha256"
	"testing"
	"time"

	"kanmon/api/policy"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/lifecycle/lifecycletest"
)

// R47-1, R75-3: with a further layer in use a policy has cards in the newest form alone, while entries of the revocation set keep theirs.
func TestCardsAreInThePolicyInTheNewestFormAlone(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		id := cardOf(t, city, "1001")
		if _, _, err := city.Card.Suspend(t.Context(), lifecycletest.Manager, id, "紛失", time.Time{}); err != nil {
			t.Fatal(err)
		}
		again := func(form access.Key) access.Key { return sha256.Sum256(form[:]) }
		city.Hash = func(first access.Key) []access.Key { return []access.Key{again(first), first} }
		spec, err := policy.New(city.Store, access.Lease{}, lifecycletest.Seals(), city.Forms).Compile(t.Context(), "ctl-1")
		if err != nil {
			t.Fatal(err)
		}
		forms := map[access.Key]bool{}
		for _, c := range spec.Credentials {
			forms[c.Key] = true
		}
		for _, no := range []string{"1001", "1002", "1003"} {
			if old := lifecycletest.Key(no); forms[old] || !forms[again(old)] {
				t.Errorf("%s: old form %v, new form %v", no, forms[old], forms[again(old)])
			}
		}
		if len(spec.Revocations) != 1 || spec.Revocations[0].Key != lifecycletest.Key("1001") {
			t.Errorf("revocations %v", spec.Revocations)
		}
		p, err := decide.Compile(spec)
		if err != nil {
			t.Fatal(err)
		}
		for no, want := range map[string]access.Reason{"1001": access.CredentialSuspend, "1002": access.NoRight} {
			old := lifecycletest.Key(no)
			r := decide.Request{Reader: "IN-1", Key: again(old), Older: []access.Key{old}}
			if d := decide.Decide(p, r, time.Date(2027, 4, 5, 1, 0, 0, 0, time.UTC)); d.Reason != want || d.Card != cardOf(t, city, no) {
				t.Errorf("%s: %+v, want %s", no, d, want)
			}
		}
	})
}
