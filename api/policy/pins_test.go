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
	"kanmon/lifecycle/pin"
)

// R44-1, R44-3: what a person types is right at the door in its area alone, under threat too, until its age limit and not from then on.
func TestAPINAloneOpensItsAreaUntilItsAgeLimit(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		made, err := city.PIN.Set(t.Context(), lifecycletest.Manager, pin.Order{
			Person: "1001", Area: "archive", Duress: true, Reason: "新規", After: pin.NotAsked,
		})
		if err != nil {
			t.Fatal(err)
		}
		spec := compile(t, city, "ctl-1")
		for i := range spec.Areas {
			spec.Areas[i].Factors = access.FactorsPIN
		}
		p, err := decide.Compile(spec)
		if err != nil {
			t.Fatal(err)
		}
		key, end := lifecycletest.HashKey(t), city.Clock.Now().AddDate(0, 0, 180)
		for name, tt := range map[string]struct {
			reader string
			duress bool
			at     time.Time
			want   access.Reason
		}{
			"in its area":    {"IN-2", false, end.Add(-time.Second), access.Granted},
			"under threat":   {"IN-2", true, end.Add(-time.Second), access.Granted},
			"at its limit":   {"IN-2", false, end, access.PINExpired},
			"in another one": {"IN-1", false, end.Add(-time.Second), access.PINWrong},
		} {
			typed := made.Code
			if tt.duress {
				typed = made.Duress
			}
			got := decide.Decide(p, decide.Request{Reader: tt.reader, NoCard: true, Code: typed.Under(key)}, tt.at)
			if got.Reason != tt.want || got.Duress != tt.duress {
				t.Errorf("%s: %+v, want %s", name, got, tt.want)
			}
		}
	})
}

// R47-1: with a further layer in use PINs go out in the newest form, as cards do.
func TestPINsAreInThePolicyInTheNewestFormAlone(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		made, err := city.PIN.Set(t.Context(), lifecycletest.Manager, pin.Order{Person: "1002", Duress: true, Reason: "新規", After: pin.NotAsked})
		if err != nil {
			t.Fatal(err)
		}
		again := func(form access.Key) access.Key { return sha256.Sum256(form[:]) }
		city.Hash = func(first access.Key) []access.Key { return []access.Key{again(first), first} }
		key := lifecycletest.HashKey(t)
		want := access.PIN{
			Person: "1002", Key: again(made.Code.Key(key, "person/1002")), Duress: again(made.Duress.Key(key, "person/1002")),
			Until: city.Clock.Now().AddDate(0, 0, 180).Unix(),
		}
		if got := compile(t, city, "ctl-2").PINs; len(got) != 1 || got[0] != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

// A compiler that has read the PINs once reads them again when one has changed.
func TestAChangedPINIsNoticed(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		compiler := policy.New(city.Store, access.Lease{}, lifecycletest.Seals(), city.Forms)
		for want := range 3 {
			if want > 0 {
				_, err := city.PIN.Set(t.Context(), lifecycletest.Manager, pin.Order{Person: []string{"1001", "1002"}[want-1], Reason: "新規", After: pin.NotAsked})
				if err != nil {
					t.Fatal(err)
				}
			}
			spec, err := compiler.Compile(t.Context(), "ctl-1")
			if err != nil || len(spec.PINs) != want {
				t.Fatalf("%d PINs, %v, want %d", len(spec.PINs), err, want)
			}
		}
	})
}
