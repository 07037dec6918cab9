package ingest_test

import (
	"testing"
	"time"

	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/wire"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/lifecycletest"
)

// Whatever comes on the topics is answered, and the ledger stays whole.
func FuzzAnyPayloadIsTakenOrQuarantined(f *testing.F) {
	good := newEdge("ctl-1", 1).tap(2)
	f.Add(good.batch(1, 2))
	f.Add(good.batch(2, 2))
	f.Add(good.batchAs("ctl-1", "", 1, 2))
	f.Add(seal(f, "ctl-1", "ctl-1", wire.Status, wire.ControllerStatus{V: wire.V, Type: wire.Status, Online: true, Start: 1, N: 1}))
	f.Add([]byte(`{"v":1,"type":"status","online":true,"at":"2027-04-01T00:00:00Z","devices":[{"name":"\u0000"}]}`))
	f.Add([]byte(`{"v":1,"type":"events","epoch":1,"first":9223372036854775807,"prev":"","head":"","events":[{}]}`))
	f.Add([]byte{})
	city := open(f, dbtest.SQLite(f))
	in := city.ingest
	f.Fuzz(func(t *testing.T, payload []byte) {
		before := in.Entries().Newest()
		_, err := in.HandleEvents(t.Context(), "ctl-1", payload)
		check := func(what string, err error) {
			if kind := fault.KindOf(err); err != nil && kind != fault.Invalid && kind != fault.TooLarge && kind != fault.Denied {
				t.Fatalf("%s: %v", what, err)
			}
		}
		check("events", err)
		_, _, err = in.HandleStatus(t.Context(), "ctl-1", payload, false, time.Now())
		check("status", err)
		check("receipt", in.HandleReceipt(t.Context(), "ctl-1", payload, time.Now()))
		check("live", in.HandleLive(t.Context(), "ctl-1", payload))
		_, err = in.HandleAnswer(t.Context(), "ctl-1", payload)
		check("answer", err)
		if _, err := city.Entries.List(t.Context(), lifecycletest.Guard, entrylog.Filter{AfterID: before}); err != nil {
			t.Fatalf("list: %v", err)
		}
		if _, err := city.Device.Controllers(t.Context(), lifecycletest.Guard); err != nil {
			t.Fatalf("controllers: %v", err)
		}
	})
}
