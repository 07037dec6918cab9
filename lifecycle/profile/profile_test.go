package profile_test

import (
	"errors"
	"reflect"
	"testing"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/area/premises"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/profile"
)

// approve has a second person approve what waits.
func approve(t *testing.T, city *lifecycletest.City, err error) {
	t.Helper()
	w, ok := errors.AsType[*approval.WaitingError](err)
	if !ok {
		t.Fatalf("%v, want a request that waits", err)
	}
	if _, err := city.Approvals.Approve(t.Context(), lifecycletest.Second, "", w.Request.ID); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// staffed is a city in which two people could approve, with a reception of grade 1 and a reader that is at no door.
func staffed(t *testing.T, d *db.DB) *lifecycletest.City {
	t.Helper()
	city := lifecycletest.Open(t, d)
	city.Found(t)
	city.Account(t, lifecycletest.Manager, "1001")
	city.Account(t, lifecycletest.Second, "1002")
	_, err := city.Area.AddArea(t.Context(), lifecycletest.Manager, area.Area{ID: "hall", Name: "ロビー", Grade: 1, Record: access.BestEffort})
	must(t, err)
	for _, r := range []device.Reader{{Name: "FREE", Kind: device.PCSCReader}, {Name: "LINE", Kind: device.SerialReader}} {
		r.Controller = "ctl-1"
		_, err := city.Device.AddReader(t.Context(), lifecycletest.Manager, r)
		must(t, err)
	}
	return city
}

// R103-1, R14-1: what a reader of a graded area was commissioned with is changed by two people, is a version with both names, and goes to the door.
func TestAProfileAtADoorOfAGradedAreaNeedsTwoPeople(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := staffed(t, d)
		ctx := t.Context()
		wanted := func() uint64 {
			c, err := city.Device.Controller(ctx, lifecycletest.Guard, "ctl-1")
			must(t, err)
			return c.Wanted.N
		}
		p := profile.Profile{
			Controller: "ctl-1", Reader: "IN-1", Trust: access.TrustMemory,
			Frames: []access.Frame{{Format: "felica", Bits: 160}, {Format: "bits", Bits: 26, Parity: true}},
		}
		before := wanted()
		err := city.Profiles.Set(ctx, lifecycletest.Manager, "検収", p)
		if now, err := city.Profiles.Get(ctx, lifecycletest.Guard, "ctl-1", "IN-1"); err != nil || now.Version != 0 || now.Trust != access.TrustNumber || wanted() != before {
			t.Fatalf("before it was approved: %+v, %v", now, err)
		}
		approve(t, city, err)
		p.Kind, p.Version, p.Frames = device.OSDPReader, 1, []access.Frame{p.Frames[1], p.Frames[0]}
		if now, err := city.Profiles.Get(ctx, lifecycletest.Guard, "ctl-1", "IN-1"); err != nil || !reflect.DeepEqual(now, p) {
			t.Errorf("Get = %+v, %v, want %+v", now, err, p)
		}
		if got := wanted(); got != before+1 {
			t.Errorf("wanted %d, before %d", got, before)
		}
		changes, err := city.Profiles.History(ctx, lifecycletest.Guard, "ctl-1", "IN-1")
		if err != nil || len(changes) != 1 || changes[0].Actor != "account:manager" || changes[0].ApprovedBy != "account:second" || changes[0].Reason != "検収" {
			t.Errorf("History = %+v, %v", changes, err)
		}
		free := profile.Profile{Controller: "ctl-1", Reader: "FREE", Trust: access.TrustNumber}
		must(t, city.Profiles.Set(ctx, lifecycletest.Manager, "検収", free)) // at no door, and the number alone: one person is enough
		free.Trust, free.Frames = access.TrustMutual, []access.Frame{{Format: "bits", Bits: 56}}
		approve(t, city, city.Profiles.Set(ctx, lifecycletest.Manager, "検収", free))
		all, err := city.Profiles.List(ctx, lifecycletest.Guard, "ctl-1")
		if err != nil || len(all) != 5 || all[0].Reader != "FREE" || all[0].Trust != access.TrustMutual || all[0].Version != 2 {
			t.Errorf("List = %+v, %v", all, err)
		}
	})
}

func TestAProfileThatDoesNotSuitItsReaderIsRefused(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := staffed(t, d)
		ctx := t.Context()
		_, err := city.Device.AddReader(ctx, lifecycletest.Manager, device.Reader{Controller: "ctl-1", Name: "IO-1", Kind: device.OSDPIO})
		must(t, err)
		for name, tt := range map[string]struct {
			p    profile.Profile
			code string
		}{
			"no trust":               {profile.Profile{Reader: "FREE"}, "profile.trust"},
			"trust nobody knows":     {profile.Profile{Reader: "FREE", Trust: "blind"}, "profile.trust"},
			"a format nobody knows":  {profile.Profile{Reader: "FREE", Trust: "number", Frames: []access.Frame{{Format: "face"}}}, "profile.frames"},
			"a frame twice":          {profile.Profile{Reader: "FREE", Trust: "number", Frames: []access.Frame{{Format: "uid"}, {Format: "uid"}}}, "profile.frames"},
			"parity without one":     {profile.Profile{Reader: "FREE", Trust: "number", Frames: []access.Frame{{Format: "bits", Bits: 32, Parity: true}}}, "profile.frames"},
			"no such reader":         {profile.Profile{Reader: "NONE", Trust: "number"}, "device.unknown_reader"},
			"an I/O device":          {profile.Profile{Reader: "IO-1", Trust: "number"}, "device.unknown_reader"},
			"a route of a safe wire": {profile.Profile{Reader: "FREE", Trust: "number", PlainRoute: true}, "profile.no_plain_route"},
			"any read whatever":      {profile.Profile{Reader: "IN-1", Trust: "mutual"}, "profile.frames_missing"},
			"a plain wire's word":    {profile.Profile{Reader: "LINE", Trust: "memory", PlainRoute: true}, "profile.trust_plain"},
		} {
			tt.p.Controller = "ctl-1"
			if err := city.Profiles.Set(ctx, lifecycletest.Manager, "検収", tt.p); fault.CodeOf(err) != tt.code {
				t.Errorf("%s: %v, want %s", name, err, tt.code)
			}
		}
		fine := profile.Profile{Controller: "ctl-1", Reader: "FREE", Trust: access.TrustNumber}
		lifecycletest.WantFault(t, city.Profiles.Set(ctx, lifecycletest.Guard, "検収", fine), fault.Denied, "auth.denied")
		lifecycletest.WantField(t, city.Profiles.Set(ctx, lifecycletest.Manager, " ", fine), "reason")
		if _, err := city.Profiles.List(ctx, lifecycletest.Nobody, ""); fault.KindOf(err) != fault.Denied {
			t.Errorf("who may not read: %v", err)
		}
	})
}

// R47-1: a reader whose wire is not encrypted stands only where the grade permits it and the restricted route is on record, whichever of the two changes.
func TestAnUnencryptedReaderStandsOnlyOnARecordedRouteThatTheGradePermits(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := staffed(t, d)
		ctx := t.Context()
		door := area.Door{ID: "D-9", Name: "ロビー", Area: "hall", Controller: "ctl-1", EntryReaders: []string{"LINE"}, ReleaseMS: 5_000, HeldMS: 30_000}
		_, err := city.Area.AddDoor(ctx, lifecycletest.Manager, door)
		lifecycletest.WantFault(t, err, fault.Conflict, "area.route_unrecorded")
		line := profile.Profile{Controller: "ctl-1", Reader: "LINE", Trust: access.TrustNumber, PlainRoute: true}
		must(t, city.Profiles.Set(ctx, lifecycletest.Manager, "床下の鋼管の中", line))
		graded := door
		graded.Area = "archive"
		_, err = city.Area.AddDoor(ctx, lifecycletest.Manager, graded)
		lifecycletest.WantFault(t, err, fault.Conflict, "area.plain_route")
		_, err = city.Area.AddDoor(ctx, lifecycletest.Manager, door)
		must(t, err)

		line.PlainRoute = false
		lifecycletest.WantFault(t, city.Profiles.Set(ctx, lifecycletest.Manager, "撤回", line), fault.Conflict, "profile.route_in_use")
		raised := area.Area{ID: "hall", Name: "ロビー", Grade: 2, Record: access.BestEffort, Owner: "1001"}
		lifecycletest.WantFault(t, city.Area.ChangeArea(ctx, lifecycletest.Manager, "格上げ", raised), fault.Conflict, "area.plain_route")
		lifecycletest.WantFault(t, city.Area.ChangeDoor(ctx, lifecycletest.Manager, "移設", graded), fault.Conflict, "area.plain_route")
		strict := premises.Least{Grade: 1, Factors: access.FactorsCard, Trust: access.TrustNumber}
		lifecycletest.WantFault(t, city.Grades.Set(ctx, lifecycletest.Manager, "全廃", strict), fault.Conflict, "area.grade_routes")

		lax := premises.Least{Grade: 2, Factors: access.FactorsCard, Trust: access.TrustNumber, PlainRoute: true}
		approve(t, city, city.Grades.Set(ctx, lifecycletest.Manager, "書庫は当面許す", lax))
		approve(t, city, city.Area.ChangeDoor(ctx, lifecycletest.Manager, "移設", graded))
		lax.PlainRoute = false
		lifecycletest.WantFault(t, city.Grades.Set(ctx, lifecycletest.Manager, "やめる", lax), fault.Conflict, "area.grade_routes")
		approve(t, city, city.Grades.Set(ctx, lifecycletest.Manager, "全廃", strict)) // of grade 1, where none stands any more
	})
}
