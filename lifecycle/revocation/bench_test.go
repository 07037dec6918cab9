package revocation_test

import (
	"fmt"
	"testing"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/store"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/revocation"
)

// BenchmarkConfirm is one revocation confirmed by 500 controllers in one group, on a disk.
func BenchmarkConfirm(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchmarkConfirm(b, dbtest.DurableSQLite(b)) })
	b.Run("postgres", func(b *testing.B) { benchmarkConfirm(b, dbtest.DurablePostgres(b)) })
}

func benchmarkConfirm(b *testing.B, d *db.DB) {
	const controllers = 500
	city := lifecycletest.Open(b, d)
	city.Found(b)
	ctx := b.Context()
	names := make([]string, controllers)
	for i := range names {
		names[i] = fmt.Sprintf("b-%d", i)
		_, err := city.Device.AddController(ctx, lifecycletest.Manager, device.NewController{Name: names[i], Place: "x"})
		if err == nil {
			_, err = city.Device.AddReader(ctx, lifecycletest.Manager, device.Reader{Controller: names[i], Name: "IN", Kind: device.OSDPReader})
		}
		if err == nil {
			_, err = city.Area.AddDoor(ctx, lifecycletest.Manager, area.Door{
				ID: names[i], Name: "x", Area: "archive", Controller: names[i], EntryReaders: []string{"IN"}, ReleaseMS: 5_000, HeldMS: 30_000,
			})
		}
		if err != nil {
			b.Fatal(err)
		}
		city.Enroll(b, names[i])
	}
	payload := make([]byte, 500)
	for b.Loop() {
		b.StopTimer()
		var v access.Version
		err := city.Store.Write(ctx, store.System("bench"), "", func(tx *store.Tx) error {
			var err error
			v, err = city.Revocations.Add(ctx, tx, revocation.Entry{Card: "C", Key: lifecycletest.Key(fmt.Sprint(v)), State: access.Revoked})
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		list := make([]revocation.Confirmation, controllers)
		for i, name := range names {
			list[i] = says(city, name, v)
			list[i].Payload = payload
		}
		b.StartTimer()
		if ignored, err := city.Revocations.Confirm(ctx, list); err != nil || ignored != 0 {
			b.Fatal(ignored, err)
		}
	}
}
