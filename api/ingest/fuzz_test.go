package ingest_test

import (
	"log/slog"
	"testing"
	"time"

	"kanmon/api/ingest"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/lifecycletest"
)

// Whatever comes on the topics is answered, and the ledger stays whole.
func FuzzAnyPayloadIsTakenOrQuarantined(f *testing.F) {
	good := newEdge("ctl-1", 1).tap(2)
	f.Add(good.batch(1, 2))
	f.Add(good.batch(2, 2))
	f.Add([]byte(`{"v":1,"type":"status","online":true,"at":"2027-04-01T00:00:00Z","devices":[{"name":"\u0000"}]}`))
	f.Add([]byte(`{"v":1,"type":"events","epoch":1,"first":9223372036854775807,"prev":"","head":"","events":[{}]}`))
	f.Add([]byte{})
	city := lifecycletest.Open(f, dbtest.SQLite(f))
	city.Found(f)
	in := ingest.New(city.Store, city.Entries, city.Device, slog.New(slog.DiscardHandler))
	f.Fuzz(func(t *testing.T, payload []byte) {
		before := in.Entries().Newest()
		_, err := in.HandleEvents(t.Context(), "ctl-1", payload)
		if kind := fault.KindOf(err); err != nil && kind != fault.Invalid && kind != fault.TooLarge {
			t.Fatalf("events: %v", err)
		}
		err = in.HandleStatus(t.Context(), "ctl-1", payload, false, time.Now())
		if kind := fault.KindOf(err); err != nil && kind != fault.Invalid && kind != fault.TooLarge {
			t.Fatalf("status: %v", err)
		}
		if _, err := city.Entries.List(t.Context(), lifecycletest.Guard, entrylog.Filter{AfterID: before}); err != nil {
			t.Fatalf("list: %v", err)
		}
		if _, err := city.Device.Controllers(t.Context(), lifecycletest.Guard); err != nil {
			t.Fatalf("controllers: %v", err)
		}
	})
}
