package lockdown_test

import (
	"testing"

	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/lifecycle/lifecycletest"
)

// R43-2: a guard locks an area down in one action, whatever waits for approval; a manager lifts it.
func TestALockdownIsOneActionAndAManagerLiftsIt(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		city.Account(t, lifecycletest.Manager, "1001")
		city.Account(t, lifecycletest.Second, "1002")
		controllers, err := city.Device.Controllers(ctx, lifecycletest.Guard)
		if err != nil {
			t.Fatal(err)
		}
		before := controllers[0].Wanted.N
		lifecycletest.WantFault(t, city.Lockdowns.Begin(ctx, lifecycletest.Nobody, "server-room", "x"), fault.Denied, "auth.denied")
		lifecycletest.WantFault(t, city.Lockdowns.Begin(ctx, lifecycletest.Guard, "server-room", " "), fault.Invalid, "field.required")
		lifecycletest.WantFault(t, city.Lockdowns.Begin(ctx, lifecycletest.Guard, "nowhere", "x"), fault.NotFound, "area.unknown_area")
		if err := city.Lockdowns.Begin(ctx, lifecycletest.Guard, "server-room", "不審者"); err != nil {
			t.Fatal(err)
		}
		lifecycletest.WantFault(t, city.Lockdowns.Begin(ctx, lifecycletest.Guard, "server-room", "x"), fault.Conflict, "area.locked")
		a, err := city.Area.Area(ctx, lifecycletest.Guard, "server-room")
		if err != nil || !a.Lockdown.On || a.Lockdown.By != "account:guard" || a.Lockdown.Reason != "不審者" || !a.Lockdown.At.Equal(city.Clock.Now()) || a.Version != 1 {
			t.Fatalf("Area = %+v, %v", a, err)
		}
		controllers, err = city.Device.Controllers(ctx, lifecycletest.Guard)
		if err != nil || controllers[0].Wanted.N != before+1 {
			t.Errorf("wanted policy %d, was %d, %v", controllers[0].Wanted.N, before, err)
		}
		lifecycletest.WantFault(t, city.Lockdowns.Lift(ctx, lifecycletest.Guard, "server-room", "x"), fault.Denied, "auth.denied")
		if err := city.Lockdowns.Lift(ctx, lifecycletest.Manager, "server-room", "確認済み"); err != nil {
			t.Fatal(err)
		}
		lifecycletest.WantFault(t, city.Lockdowns.Lift(ctx, lifecycletest.Manager, "server-room", "x"), fault.Conflict, "area.not_locked")
		changes, err := city.Lockdowns.History(ctx, lifecycletest.Guard, "server-room")
		if err != nil || len(changes) != 2 || changes[1].Actor != "account:manager" || changes[1].Reason != "確認済み" {
			t.Fatalf("History = %+v, %v", changes, err)
		}
	})
}
