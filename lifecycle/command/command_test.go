package command_test

import (
	"strings"
	"testing"
	"time"

	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/command"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/lifecycletest"
)

func online(t *testing.T, city *lifecycletest.City, controller string) {
	t.Helper()
	if _, err := city.Device.RecordStatus(t.Context(), controller, device.Status{Online: true, Start: 1, N: 1}, city.Clock.Now()); err != nil {
		t.Fatal(err)
	}
}

// R103-1: what is ordered from afar is on record with its author and reason before anything is sent, and so is what became of it.
func TestACommandIsOnRecordBeforeAndAfter(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		online(t, city, "ctl-1")
		r := command.New(city.Store)
		c, err := r.Release(t.Context(), lifecycletest.Manager, "D-1", " 救急隊 ")
		if err != nil || c.Controller != "ctl-1" || len(c.ID) < 26 || c.Reason != "救急隊" {
			t.Fatalf("Release = %+v, %v", c, err)
		}
		list, err := r.List(t.Context(), lifecycletest.Guard, command.Filter{Door: "D-1"})
		if err != nil || len(list) != 1 || list[0].Outcome != "" || list[0].Actor != "account:manager" || list[0].DoorName != "電算室 正面" {
			t.Fatalf("before: %+v, %v", list, err)
		}
		if err := r.End(t.Context(), c.ID, command.Refused, "late\x00"+strings.Repeat("x", 900), 1500*time.Microsecond); err != nil {
			t.Fatal(err)
		}
		if err := r.End(t.Context(), c.ID, command.Done, "", 0); err == nil {
			t.Fatal("a second outcome was taken")
		}
		list, err = r.List(t.Context(), lifecycletest.Guard, command.Filter{})
		if err != nil || len(list) != 1 || list[0].Outcome != command.Refused || list[0].Took != 1500*time.Microsecond ||
			!strings.HasPrefix(list[0].Detail, "late\uFFFDx") || len(list[0].Detail) > 210 {
			t.Fatalf("after: %+v, %v", list, err)
		}
		report, err := city.Store.Verify(t.Context())
		if err != nil || !report.OK() {
			t.Fatalf("Verify = %+v, %v", report, err)
		}
	})
}

func TestWhatCannotBeDoneIsNotOrdered(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx, r := t.Context(), command.New(city.Store)
		_, err := r.Release(ctx, lifecycletest.Manager, "D-1", "x")
		lifecycletest.WantFault(t, err, fault.Unavailable, "command.offline")
		online(t, city, "ctl-1")
		_, err = r.Release(ctx, lifecycletest.Guard, "D-1", "x")
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
		_, err = r.Release(ctx, lifecycletest.Manager, "D-9", "x")
		lifecycletest.WantFault(t, err, fault.NotFound, "area.unknown_door")
		_, err = r.Release(ctx, lifecycletest.Manager, "D-1", " ")
		lifecycletest.WantFault(t, err, fault.Invalid, "field.required")
		if err := city.Device.RevokeController(ctx, lifecycletest.Manager, "ctl-1", "盗難"); err != nil {
			t.Fatal(err)
		}
		_, err = r.Release(ctx, lifecycletest.Manager, "D-1", "x")
		lifecycletest.WantFault(t, err, fault.Conflict, "command.no_controller")
		_, err = r.List(ctx, lifecycletest.Nobody, command.Filter{})
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
		if list, err := r.List(ctx, lifecycletest.Guard, command.Filter{}); err != nil || len(list) != 0 {
			t.Fatalf("recorded %+v, %v", list, err)
		}
	})
}

// R43-2: an order to forget where people are is on record for each controller of the area before it is sent, with whom it is about.
func TestEveryControllerOfTheAreaIsToldToForget(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		online(t, city, "ctl-1")
		online(t, city, "ctl-2")
		r := command.New(city.Store)
		all, err := r.Forget(t.Context(), lifecycletest.Manager, "archive", "1002", " 扉を通らずに出た ")
		if err != nil || len(all) != 2 || all[0].Controller != "ctl-1" || all[1].Controller != "ctl-2" || all[0].ID == all[1].ID {
			t.Fatalf("Forget = %+v, %v", all, err)
		}
		one, err := r.Forget(t.Context(), lifecycletest.Manager, "server-room", "", "避難訓練")
		if err != nil || len(one) != 1 || one[0].Controller != "ctl-1" {
			t.Fatalf("Forget = %+v, %v", one, err)
		}
		if _, err := r.Release(t.Context(), lifecycletest.Manager, "D-1", "x"); err != nil {
			t.Fatal(err)
		}
		if err := r.End(t.Context(), all[1].ID, command.Done, "", time.Millisecond); err != nil {
			t.Fatal(err)
		}
		list, err := r.List(t.Context(), lifecycletest.Guard, command.Filter{Area: "archive"})
		if err != nil || len(list) != 2 {
			t.Fatalf("List = %+v, %v", list, err)
		}
		got := list[0]
		got.At, got.Took = time.Time{}, 0
		want := command.Command{
			ID: all[1].ID, Actor: "account:manager", Reason: "扉を通らずに出た", Op: command.Forget, Area: "archive", Person: "1002", PersonName: "鈴木 一郎",
			Controller: "ctl-2", Outcome: command.Done,
		}
		if got != want || list[1].Controller != "ctl-1" || list[1].Outcome != "" {
			t.Fatalf("List = %+v, want first %+v", list, want)
		}
		if list, err = r.List(t.Context(), lifecycletest.Guard, command.Filter{}); err != nil || len(list) != 4 || list[0].Op != command.Release || list[1].Person != "" {
			t.Fatalf("List = %+v, %v", list, err)
		}
		report, err := city.Store.Verify(t.Context())
		if err != nil || !report.OK() {
			t.Fatalf("Verify = %+v, %v", report, err)
		}
	})
}

func TestNobodyIsToldToForgetWhatNotAllCanBeTold(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx, r := t.Context(), command.New(city.Store)
		online(t, city, "ctl-1")
		refused := func(actor store.Actor, area, person, reason string, kind fault.Kind, code string) {
			t.Helper()
			_, err := r.Forget(ctx, actor, area, person, reason)
			lifecycletest.WantFault(t, err, kind, code)
		}
		refused(lifecycletest.Manager, "archive", "", "x", fault.Unavailable, "command.offline")
		refused(lifecycletest.Guard, "server-room", "", "x", fault.Denied, "auth.denied")
		refused(lifecycletest.Manager, "nowhere", "", "x", fault.NotFound, "area.unknown_area")
		refused(lifecycletest.Manager, "server-room", "9999", "x", fault.NotFound, "staff.unknown")
		refused(lifecycletest.Manager, "server-room", "", " ", fault.Invalid, "field.required")
		if list, err := r.List(ctx, lifecycletest.Guard, command.Filter{}); err != nil || len(list) != 0 {
			t.Fatalf("recorded %+v, %v", list, err)
		}
		// Who is thrown out opens no door, so it holds nobody up.
		if err := city.Device.RevokeController(ctx, lifecycletest.Manager, "ctl-2", "盗難"); err != nil {
			t.Fatal(err)
		}
		if all, err := r.Forget(ctx, lifecycletest.Manager, "archive", "", "x"); err != nil || len(all) != 1 || all[0].Controller != "ctl-1" {
			t.Fatalf("Forget = %+v, %v", all, err)
		}
		if err := city.Device.RevokeController(ctx, lifecycletest.Manager, "ctl-1", "盗難"); err != nil {
			t.Fatal(err)
		}
		refused(lifecycletest.Manager, "archive", "", "x", fault.Conflict, "command.no_controller")
	})
}
