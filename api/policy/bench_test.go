package policy_test

import (
	"fmt"
	"testing"
	"time"

	"kanmon/api/policy"
	"kanmon/internal/access"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/wire"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/period"
	"kanmon/lifecycle/staff"
)

// BenchmarkCompile measures one controller's policy in a city of 2,000 people: reading the registers, and signing.
func BenchmarkCompile(b *testing.B) {
	city := lifecycletest.Open(b, dbtest.SQLite(b))
	city.Found(b)
	for i := range 2000 {
		no := fmt.Sprintf("n%04d", i)
		if _, err := city.Staff.Add(b.Context(), lifecycletest.Manager, staff.Details{No: no, Name: "x", Kana: "カナ", Section: "x"}); err != nil {
			b.Fatal(err)
		}
		_, err := city.Card.Issue(b.Context(), lifecycletest.Manager, card.Issue{Label: no, Kind: card.Personal, Person: no, Key: lifecycletest.Key(no)})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := city.Area.Grant(b.Context(), lifecycletest.Manager, no, "archive", "office", period.Period{}); err != nil {
			b.Fatal(err)
		}
	}
	compiler := policy.New(city.Store, access.Lease{}, lifecycletest.Seals(), city.Forms)
	at := wire.Address{Site: "demo", Controller: "ctl-2", Kind: wire.Policy}
	var signing time.Duration
	for b.Loop() {
		spec, err := compiler.Compile(b.Context(), "ctl-2")
		if err != nil || len(spec.People) < 2000 {
			b.Fatalf("%d people, %v", len(spec.People), err)
		}
		began := time.Now()
		if _, err := wire.SignPolicy(at, spec, began, lifecycletest.CentreSigner()); err != nil {
			b.Fatal(err)
		}
		signing += time.Since(began)
	}
	b.ReportMetric(float64(signing.Microseconds())/1000/float64(b.N), "sign-ms")
}
