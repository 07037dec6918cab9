package key_test

import (
	"fmt"
	"testing"
	"time"

	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/key"
	"kanmon/lifecycle/lifecycletest"
)

var boot = store.System("keys")

// R47-1: keys stand in a register, with every change.
func TestAKeyIsRecordedWhenItChangesAndNotAtEveryStart(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		keys, ctx, now := key.New(city.Store), t.Context(), city.Clock.Now()
		ca := key.Key{
			Purpose: key.DeviceCA, Algorithm: "ECDSA P-256", Fingerprint: "aa bb", KeyID: "0011", NotAfter: now.AddDate(10, 0, 0), State: key.Active,
		}
		hash := key.Key{Purpose: key.CredentialHash, Algorithm: "HMAC-SHA256", Fingerprint: "cc", State: key.Active}
		for _, tt := range []struct {
			k    key.Key
			want bool
		}{{ca, true}, {hash, true}, {ca, false}} {
			if changed, err := keys.Record(ctx, boot, tt.k, "first start"); err != nil || changed != tt.want {
				t.Fatalf("Record %s = %v, %v, want %v", tt.k.Purpose, changed, err, tt.want)
			}
		}
		city.Clock.Pass(time.Hour)
		next := ca
		next.Fingerprint = "dd"
		if changed, err := keys.Record(ctx, boot, next, "exchanged"); err != nil || !changed {
			t.Fatalf("Record = %v, %v", changed, err)
		}
		list, err := keys.List(ctx, lifecycletest.Manager)
		hash.At, hash.Reason, hash.Version = now, "first start", 1
		next.At, next.Reason, next.Version = city.Clock.Now(), "exchanged", 2
		if want := []key.Key{hash, next}; err != nil || fmt.Sprint(list) != fmt.Sprint(want) {
			t.Fatalf("List = %+v, %v, want %+v", list, err, want)
		}
		changes, err := keys.History(ctx, lifecycletest.Manager, key.DeviceCA)
		if err != nil || len(changes) != 2 || changes[1].Actor != "system:keys" || !changes[1].Fields[1].Changed || changes[1].Fields[0].Changed {
			t.Fatalf("History = %+v, %v", changes, err)
		}
		report, err := city.Store.Verify(ctx)
		if err != nil || !report.OK() {
			t.Fatalf("Verify: %+v, %v", report.Findings, err)
		}
	})
}

func TestOnlyTheProgramRecordsKeysAndWhatItRecordsIsWhole(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		keys, ctx := key.New(city.Store), t.Context()
		good := key.Key{Purpose: key.Command, Algorithm: "Ed25519", Fingerprint: "aa", State: key.Active}
		_, err := keys.Record(ctx, lifecycletest.Manager, good, "x")
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
		for field, change := range map[string]func(*key.Key){
			"purpose":     func(k *key.Key) { k.Purpose = "" },
			"algorithm":   func(k *key.Key) { k.Algorithm = "" },
			"fingerprint": func(k *key.Key) { k.Fingerprint = "\n" },
			"state":       func(k *key.Key) { k.State = "lost" },
			"key_id":      func(k *key.Key) { k.KeyID = "\x00" },
		} {
			bad := good
			change(&bad)
			_, err := keys.Record(ctx, boot, bad, "x")
			lifecycletest.WantField(t, err, field)
		}
		_, err = keys.List(ctx, lifecycletest.Guard)
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
		_, err = keys.History(ctx, lifecycletest.Guard, key.Command)
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
	})
}
