package area_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/period"
	"kanmon/lifecycle/staff"
)

// serverRoom is the area of the city with rules.
func serverRoom(rules access.Rules) area.Area {
	return area.Area{ID: "server-room", Name: "電子計算機室", Grade: 3, Record: access.Strict, Owner: "1001", Rules: rules}
}

func change(t *testing.T, city *lifecycletest.City, a area.Area) error {
	t.Helper()
	return city.Area.ChangeArea(t.Context(), lifecycletest.Manager, "規則", a)
}

// R43-1: an area is read as it was defined, with its rules; a door that could not keep them is not entered.
func TestTheRulesOfAnAreaAreKeptAndHoldForEveryDoor(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		want := serverRoom(access.Rules{
			Factors: access.FactorsCardPIN, Trust: access.TrustMemory, InOut: true, Passback: access.PassbackHard, ResetAt: 240, TwoPerson: true,
			WindowS: 10, Visitors: 3, Most: 6, First: true, Recovery: []string{"1002", "1001"},
		})
		if err := change(t, city, want); err != nil {
			t.Fatal(err)
		}
		want.Recovery, want.OwnerName, want.Doors, want.Version = []string{"1001", "1002"}, "佐藤 花子", 1, 2
		got, err := city.Area.Area(ctx, lifecycletest.Guard, "server-room")
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("Area = %+v, %v, want %+v", got, err, want)
		}
		door := area.Door{ID: "D-9", Name: "裏口", Area: "server-room", Controller: "ctl-2", EntryReaders: []string{"IN-1"}, ReleaseMS: 5_000, HeldMS: 30_000}
		_, err = city.Area.AddDoor(ctx, lifecycletest.Manager, door)
		lifecycletest.WantFault(t, err, fault.Conflict, "area.reader_taken")
		moved := area.Door{ID: "D-3", Name: "書庫 北", Area: "server-room", Controller: "ctl-2", EntryReaders: []string{"IN-1"}, ReleaseMS: 5_000, HeldMS: 30_000}
		err = city.Area.ChangeDoor(ctx, lifecycletest.Manager, "移設", moved)
		lifecycletest.WantFault(t, err, fault.Invalid, "area.no_exit_reader")
		lifecycletest.WantField(t, err, "exit_readers")
		moved.EntryReaders, moved.ExitReaders = []string{"IN-1"}, []string{"OUT-1"}
		city.Reader(t, "ctl-2", "OUT-1")
		err = city.Area.ChangeDoor(ctx, lifecycletest.Manager, "移設", moved)
		lifecycletest.WantFault(t, err, fault.Invalid, "area.one_controller")
		lifecycletest.WantField(t, err, "controller")
		want.Rules = access.Rules{InOut: true}
		if err := change(t, city, want); err != nil {
			t.Fatal(err)
		}
		if err := city.Area.ChangeDoor(ctx, lifecycletest.Manager, "移設", moved); err != nil {
			t.Fatalf("without the rules that need one controller: %v", err)
		}
		want.Rules = access.Rules{InOut: true, TwoPerson: true}
		err = change(t, city, want)
		lifecycletest.WantFault(t, err, fault.Invalid, "area.one_controller")
		lifecycletest.WantField(t, err, "two_person")
	})
}

// R43-1: who and what an area names must be there.
func TestWhomAnAreaNamesIsInOffice(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		past := period.Period{Until: city.Clock.Now()}
		for _, s := range []staff.Details{{No: "2001", Name: "退職", Period: past}, {No: "2002", Name: "委託", Class: access.Contractor}} {
			if _, err := city.Staff.Add(t.Context(), lifecycletest.Manager, s); err != nil {
				t.Fatal(err)
			}
		}
		recovery := func(ids ...string) area.Area { return serverRoom(access.Rules{Recovery: ids}) }
		owner := func(id string) area.Area { a := serverRoom(access.Rules{}); a.Owner = id; return a }
		unlocked := area.Area{ID: "server-room", Name: "x", Grade: 1, Record: access.Strict, Rules: access.Rules{Unlock: "never"}}
		for name, x := range map[string]struct {
			a           area.Area
			code, field string
		}{
			"recovery by one":           {recovery("1001"), "area.recovery", "recovery"},
			"recovery by a stranger":    {recovery("1001", "9999"), "staff.unknown", "recovery"},
			"recovery by who has left":  {recovery("1001", "2001"), "area.recovery", "recovery"},
			"recovery by a contractor":  {recovery("1001", "2002"), "area.recovery", "recovery"},
			"nobody responsible":        {owner(""), "area.owner", "owner"},
			"a stranger responsible":    {owner("9999"), "staff.unknown", "owner"},
			"a contractor responsible":  {owner("2002"), "area.owner_staff", "owner"},
			"a schedule that is not":    {unlocked, "area.unknown_schedule", "unlock"},
			"weaker than the grade has": {serverRoom(access.Rules{Factors: access.FactorsPIN}), "area.weaker", "factors"},
		} {
			t.Run(name, func(t *testing.T) {
				err := change(t, city, x.a)
				lifecycletest.WantFault(t, err, fault.Invalid, x.code)
				lifecycletest.WantField(t, err, x.field)
			})
		}
	})
}

// R43-1: doors of an interlock are on one controller, also when one of them moves.
func TestAnInterlockIsDefinedAtOnceAndHoldsItsDoors(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		lock := func(name string, doors ...string) error {
			return city.Area.Interlock(ctx, lifecycletest.Manager, "前室", name, doors)
		}
		groups := func() string {
			doors, err := city.Area.Doors(ctx, lifecycletest.Guard)
			if err != nil {
				t.Fatal(err)
			}
			return doors[0].Interlock + "," + doors[1].Interlock + "," + doors[2].Interlock
		}
		lifecycletest.WantFault(t, lock("front", "D-1"), fault.Invalid, "area.interlock")
		lifecycletest.WantFault(t, lock("front", "D-1", "D-3"), fault.Invalid, "area.interlock")
		lifecycletest.WantFault(t, lock("front", "D-1", "D-9"), fault.NotFound, "area.unknown_door")
		if err := lock("front", "D-2", "D-1", "D-1"); err != nil || groups() != "front,front," {
			t.Fatalf("Interlock: %v; %s", err, groups())
		}
		lifecycletest.WantFault(t, lock("other", "D-1", "D-2"), fault.Conflict, "area.interlock_other")
		moved := area.Door{ID: "D-2", Name: "書庫 南", Area: "archive", Controller: "ctl-2", EntryReaders: []string{"IN-9"}, ReleaseMS: 5_000, HeldMS: 30_000}
		city.Reader(t, "ctl-2", "IN-9")
		err := city.Area.ChangeDoor(ctx, lifecycletest.Manager, "移設", moved)
		lifecycletest.WantFault(t, err, fault.Invalid, "area.interlock")
		lifecycletest.WantField(t, err, "controller")
		if err := lock("front"); err != nil || groups() != ",," {
			t.Fatalf("the end of the group: %v; %s", err, groups())
		}
		if err := city.Area.ChangeDoor(ctx, lifecycletest.Manager, "移設", moved); err != nil {
			t.Fatal(err)
		}
		changes, err := city.Area.DoorHistory(ctx, lifecycletest.Guard, "D-2")
		if err != nil || len(changes) != 4 || changes[3].Reason != "移設" {
			t.Errorf("DoorHistory = %+v, %v", changes, err)
		}
	})
}

// R44-6: only members of staff escort, and who escorts stays one.
func TestOnlyStaffEscort(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		if _, err := city.Staff.Add(ctx, lifecycletest.Manager, staff.Details{No: "2002", Name: "委託", Class: access.Contractor}); err != nil {
			t.Fatal(err)
		}
		_, err := city.Area.GrantAll(ctx, lifecycletest.Manager, "", []area.Right{{Person: "1003", Area: "archive", Escort: true}, {Person: "2002", Area: "archive", Escort: true}})
		lifecycletest.WantFault(t, err, fault.Invalid, "area.escort_staff")
		lifecycletest.WantField(t, err, "escort")
		if rights, err := city.Area.Rights(ctx, lifecycletest.Guard, area.RightFilter{Person: "1003"}); err != nil || len(rights) != 0 {
			t.Fatalf("one of two was granted: %+v, %v", rights, err)
		}
		made, err := city.Area.GrantAll(ctx, lifecycletest.Manager, "担当", []area.Right{{Person: "1003", Area: "archive", Escort: true, First: true, Lockdown: true}})
		if err != nil || len(made) != 1 || !made[0].Escort || !made[0].First || !made[0].Lockdown || made[0].PersonName != "高橋 次郎" {
			t.Fatalf("GrantAll = %+v, %v", made, err)
		}
		visitor := staff.Details{Name: "高橋 次郎", Class: access.Visitor}
		_, err = city.Staff.Change(ctx, lifecycletest.Manager, "1003", "退職", visitor)
		lifecycletest.WantFault(t, err, fault.Conflict, "staff.escorts")
		if err := city.Area.Withdraw(ctx, lifecycletest.Manager, made[0].ID, "退職"); err != nil {
			t.Fatal(err)
		}
		if m, err := city.Staff.Change(ctx, lifecycletest.Manager, "1003", "退職", visitor); err != nil || m.Class != access.Visitor {
			t.Fatalf("Change = %+v, %v", m, err)
		}
		_, err = city.Staff.Change(ctx, lifecycletest.Manager, "1001", "退職", staff.Details{Name: "佐藤 花子", Class: access.Visitor})
		lifecycletest.WantFault(t, err, fault.Conflict, "staff.recovers") // responsible for both areas
	})
}

// wait takes the request out of the error of a change that waits.
func wait(t *testing.T, err error) approval.Request {
	t.Helper()
	w, ok := errors.AsType[*approval.WaitingError](err)
	if !ok {
		t.Fatalf("%v, want a request that waits", err)
	}
	return w.Request
}

// R14-1, R43-1: every change of a graded area waits for a second person, and stands in the history with both.
func TestChangesOfAGradedAreaWaitForASecondPerson(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx, manager := t.Context(), lifecycletest.Manager
		city.Account(t, manager, "1001")
		city.Account(t, lifecycletest.Second, "1002")
		city.Reader(t, "ctl-2", "IN-9")
		plain := area.Area{ID: "hall", Name: "ロビー", Grade: 1, Record: access.Strict}
		if _, err := city.Area.AddArea(ctx, manager, plain); err != nil {
			t.Fatalf("an area of grade 1 waits: %v", err)
		}
		door := area.Door{ID: "D-9", Name: "x", Area: "archive", Controller: "ctl-2", EntryReaders: []string{"IN-9"}, ReleaseMS: 5_000, HeldMS: 30_000, Why: "増設"}
		for name, x := range map[string]struct {
			kind, reason string
			do           func() error
		}{
			"a new graded area": {"area.add", "新設", func() error {
				_, err := city.Area.AddArea(ctx, manager, area.Area{ID: "vault", Name: "金庫室", Grade: 2, Record: access.Strict, Owner: "1001", Why: "新設"})
				return err
			}},
			"an area that becomes graded": {"area.change", "規則", func() error {
				return change(t, city, area.Area{ID: "hall", Name: "x", Grade: 2, Record: access.Strict, Owner: "1001"})
			}},
			"an area that is graded": {"area.change", "規則", func() error {
				return change(t, city, area.Area{ID: "server-room", Name: "x", Grade: 1, Record: access.Strict})
			}},
			"a door into it": {"door.add", "増設", func() error { _, err := city.Area.AddDoor(ctx, manager, door); return err }},
			"a door that leaves it": {"door.change", "移設", func() error {
				return city.Area.ChangeDoor(ctx, manager, "移設", area.Door{ID: "D-2", Name: "x", Area: "hall", Controller: "ctl-1", EntryReaders: []string{"IN-2"}, ReleaseMS: 5_000, HeldMS: 30_000})
			}},
			"an interlock": {"interlock.change", "前室", func() error { return city.Area.Interlock(ctx, manager, "前室", "front", []string{"D-1", "D-2"}) }},
			"its schedule": {"schedule.change", "延長", func() error {
				return city.Area.ChangeSchedule(ctx, manager, "延長", area.Schedule{ID: "office", Name: "x", Windows: lifecycletest.OfficeHours()})
			}},
			"a right into it": {"right.grant", "", func() error {
				_, err := city.Area.Grant(ctx, manager, "1003", "archive", "", period.Period{})
				return err
			}},
		} {
			t.Run(name, func(t *testing.T) {
				req := wait(t, x.do())
				if req.Kind != x.kind || req.Reason != x.reason || req.Applicant != "account:manager" {
					t.Errorf("request %+v", req)
				}
				_, err := city.Approvals.Approve(ctx, manager, "", req.ID)
				lifecycletest.WantFault(t, err, fault.Denied, "approval.own")
				if _, err := city.Approvals.Refuse(ctx, lifecycletest.Second, req.ID, "試験"); err != nil {
					t.Fatal(err)
				}
			})
		}
		areas, err := city.Area.Areas(ctx, manager)
		if err != nil || len(areas) != 3 || slices.ContainsFunc(areas, func(a area.Area) bool { return a.Version != 1 }) {
			t.Fatalf("something was applied: %+v, %v", areas, err)
		}
		if err := change(t, city, area.Area{ID: "hall", Name: "玄関ホール", Grade: 1, Record: access.Strict}); err != nil {
			t.Errorf("an area of grade 1: %v", err)
		}
		right := rightOf(t, city, "1002")
		if err := city.Area.Withdraw(ctx, manager, right.ID, "担当替え"); err != nil {
			t.Errorf("withdrawing a right waits: %v", err)
		}
	})
}

// R112-1, R14-1: the version names who asked and who approved; one of the set-up says so.
func TestTheHistoryNamesBothPeople(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		city.Account(t, lifecycletest.Manager, "1001")
		city.Account(t, lifecycletest.Second, "1002")
		req := wait(t, change(t, city, serverRoom(access.Rules{InOut: true, TwoPerson: true})))
		before := wanted(t, city)
		if _, err := city.Approvals.Approve(ctx, lifecycletest.Second, "", req.ID); err != nil {
			t.Fatal(err)
		}
		if after := wanted(t, city); after[0] != before[0]+1 || after[1] != before[1] {
			t.Errorf("wanted policies from %v to %v", before, after)
		}
		changes, err := city.Area.AreaHistory(ctx, lifecycletest.Guard, "server-room")
		if err != nil || len(changes) != 2 || changes[0].ApprovedBy != approval.SetUp || changes[1].Actor != "account:manager" ||
			changes[1].ApprovedBy != "account:second" || changes[1].Reason != "規則" {
			t.Fatalf("AreaHistory = %+v, %v", changes, err)
		}
		report, err := city.Store.Verify(ctx)
		if err != nil || len(report.Findings) > 0 {
			t.Fatalf("Verify = %+v, %v", report, err)
		}
	})
}

func wanted(t *testing.T, city *lifecycletest.City) [2]uint64 {
	t.Helper()
	list, err := city.Device.Controllers(t.Context(), lifecycletest.Guard)
	if err != nil {
		t.Fatal(err)
	}
	return [2]uint64{list[0].Wanted.N, list[1].Wanted.N}
}

// R14-1: rights are asked for in one request and approved in one, however many.
func TestManyRightsAreOneRequest(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		city.Account(t, lifecycletest.Manager, "1001")
		city.Account(t, lifecycletest.Second, "1002")
		until := time.Date(2028, 3, 31, 15, 0, 0, 0, time.UTC)
		rights := []area.Right{
			{Person: "1003", Area: "archive", Schedule: "office", Period: period.Period{Until: until}, Escort: true},
			{Person: "1003", Area: "server-room"},
		}
		_, err := city.Area.GrantAll(ctx, lifecycletest.Manager, "異動", rights)
		req := wait(t, err)
		if _, err := city.Approvals.Approve(ctx, lifecycletest.Second, "", req.ID); err != nil {
			t.Fatal(err)
		}
		got, err := city.Area.Rights(ctx, lifecycletest.Guard, area.RightFilter{Person: "1003"})
		if err != nil || len(got) != 2 {
			t.Fatalf("Rights = %+v, %v", got, err)
		}
		i := slices.IndexFunc(got, func(r area.Right) bool { return r.Area == "archive" })
		if r := got[i]; r.Schedule != "office" || !r.Until.Equal(until) || !r.Escort || r.First || r.Lockdown {
			t.Errorf("right %+v", r)
		}
		_, err = city.Area.GrantAll(ctx, lifecycletest.Manager, "", nil)
		lifecycletest.WantFault(t, err, fault.Invalid, "area.grants")
	})
}
