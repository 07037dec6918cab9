package area_test

import (
	"errors"
	"testing"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/profile"
)

// waits returns the id of the request that a change has become.
func waits(t *testing.T, err error) string {
	t.Helper()
	w, ok := errors.AsType[*approval.WaitingError](err)
	if !ok {
		t.Fatalf("want a request, got %v", err)
	}
	return w.Request.ID
}

// ofTwo is a city with two people who may write areas.
func ofTwo(t *testing.T, d *db.DB) *lifecycletest.City {
	t.Helper()
	c := lifecycletest.Open(t, d)
	c.Found(t)
	c.Account(t, lifecycletest.Manager, "1001")
	c.Account(t, lifecycletest.Second, "1002")
	return c
}

// R14-1: rights are approved with the hours that their schedules had when they were asked for.
func TestRightsWhoseScheduleChangedMeanwhileAreStale(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c, ctx := ofTwo(t, d), t.Context()
		narrow := area.Schedule{ID: "narrow", Name: "月曜 9-10", Windows: []access.Window{{Day: 1, From: 540, Until: 600}}}
		if _, err := c.Area.AddSchedule(ctx, lifecycletest.Manager, narrow); err != nil {
			t.Fatal(err)
		}
		ask := func(schedule string) string {
			_, err := c.Area.GrantAll(ctx, lifecycletest.Manager, "異動", []area.Right{
				{Person: "1002", Area: "server-room", Schedule: schedule}, {Person: "1003", Area: "server-room", Schedule: schedule},
			})
			return waits(t, err)
		}
		always, before := ask(""), ask("narrow")
		narrow.Windows = append(narrow.Windows, access.Window{Day: 2, From: 0, Until: 1440})
		if err := c.Area.ChangeSchedule(ctx, lifecycletest.Manager, "広げる", narrow); err != nil {
			t.Fatal(err)
		}
		done, err := c.Approvals.Approve(ctx, lifecycletest.Second, "", before)
		lifecycletest.WantFault(t, err, fault.Conflict, "approval.stale")
		if done[0].State != approval.Stale {
			t.Errorf("a right with other hours than were asked for is %s", done[0].State)
		}
		if _, err := c.Approvals.Approve(ctx, lifecycletest.Second, "", always, ask("narrow")); err != nil {
			t.Errorf("rights whose schedules did not change: %v", err)
		}
	})
}

// R14-1: so is the schedule after which an area stands unlocked.
func TestAnAreaWhoseUnlockScheduleChangedMeanwhileIsStale(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c, ctx := ofTwo(t, d), t.Context()
		s := area.Schedule{ID: "lobby", Name: "窓口", Windows: []access.Window{{Day: 1, From: 540, Until: 600}}}
		if _, err := c.Area.AddSchedule(ctx, lifecycletest.Manager, s); err != nil {
			t.Fatal(err)
		}
		a, err := c.Area.Area(ctx, lifecycletest.Manager, "archive")
		if err != nil {
			t.Fatal(err)
		}
		a.Grade, a.Unlock = 1, "lobby"
		id := waits(t, c.Area.ChangeArea(ctx, lifecycletest.Manager, "開放", a))
		s.Windows[0].Until = 1440
		if err := c.Area.ChangeSchedule(ctx, lifecycletest.Manager, "広げる", s); err != nil {
			t.Fatal(err)
		}
		_, err = c.Approvals.Approve(ctx, lifecycletest.Second, "", id)
		lifecycletest.WantFault(t, err, fault.Conflict, "approval.stale")
	})
}

// R14-1: and so is an interlock whose doors are others by now, though as many, each changed as often as the one in whose place it came.
func TestAnInterlockWhoseDoorsAreOthersByNowIsStale(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c, ctx := ofTwo(t, d), t.Context()
		c.Reader(t, "ctl-1", "IN-7")
		third := area.Door{ID: "D-7", Name: "書庫 北", Area: "archive", Controller: "ctl-1", EntryReaders: []string{"IN-7"}, ReleaseMS: 5_000, HeldMS: 30_000}
		approve := func(id string) error {
			_, err := c.Approvals.Approve(ctx, lifecycletest.Second, "", id)
			return err
		}
		lock := func(doors ...string) string {
			return waits(t, c.Area.Interlock(ctx, lifecycletest.Manager, "前室", "front", doors))
		}
		if _, err := c.Area.AddDoor(ctx, lifecycletest.Manager, third); approve(waits(t, err)) != nil {
			t.Fatal("no third door")
		}
		if err := approve(lock("D-1", "D-2")); err != nil {
			t.Fatal(err)
		}
		end := lock()
		if err := approve(lock("D-1", "D-7")); err != nil {
			t.Fatal(err)
		}
		lifecycletest.WantFault(t, approve(end), fault.Conflict, "approval.stale")
		if err := approve(lock()); err != nil {
			t.Errorf("asked for anew: %v", err)
		}
	})
}

// R47-1, R14-1: a door is approved with what its readers proved when it was asked for: one person may change that of a reader that stands at no door.
func TestADoorWhoseReadersWereCommissionedAnewMeanwhileIsStale(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c, ctx := ofTwo(t, d), t.Context()
		c.Reader(t, "ctl-1", "IN-7")
		commission := func(bits int) {
			t.Helper()
			p := profile.Profile{Controller: "ctl-1", Reader: "IN-7", Trust: access.TrustNumber, Frames: []access.Frame{{Format: "bits", Bits: bits}}}
			if err := c.Profiles.Set(ctx, lifecycletest.Manager, "交換", p); err != nil {
				t.Fatal(err)
			}
		}
		door := area.Door{ID: "D-7", Name: "書庫 北", Area: "archive", Controller: "ctl-1", EntryReaders: []string{"IN-7"}, ReleaseMS: 5_000, HeldMS: 30_000}
		add := func() error {
			_, err := c.Area.AddDoor(ctx, lifecycletest.Manager, door)
			_, err = c.Approvals.Approve(ctx, lifecycletest.Second, "", waits(t, err))
			return err
		}
		_, err := c.Area.AddDoor(ctx, lifecycletest.Manager, door)
		asked := waits(t, err)
		commission(26)
		_, err = c.Approvals.Approve(ctx, lifecycletest.Second, "", asked)
		lifecycletest.WantFault(t, err, fault.Conflict, "approval.stale")

		other := area.Door{ID: "D-1", Name: "書庫", Area: "archive", Controller: "ctl-1", EntryReaders: []string{"IN-7"}, ReleaseMS: 5_000, HeldMS: 30_000}
		asked = waits(t, c.Area.ChangeDoor(ctx, lifecycletest.Manager, "移設", other))
		commission(34)
		_, err = c.Approvals.Approve(ctx, lifecycletest.Second, "", asked)
		lifecycletest.WantFault(t, err, fault.Conflict, "approval.stale")
		if err := add(); err != nil {
			t.Errorf("asked for anew: %v", err)
		}
	})
}
