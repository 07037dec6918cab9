package policy_test

import (
	"reflect"
	"slices"
	"testing"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/staff"
)

// R43-1: what was defined in the registers reaches the doors: rules, interlock, lockdown, what rights allow, the class and number of people. A
// recovery holder without a card and a schedule that no right uses go along.
func TestTheRulesOfAnAreaReachItsDoors(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx, manager := t.Context(), lifecycletest.Manager
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		_, err := city.Staff.Add(ctx, manager, staff.Details{No: "2001", Name: "復旧", Number: "4711"})
		must(err)
		_, err = city.Staff.Change(ctx, manager, "1003", "委託", staff.Details{Name: "高橋 次郎", Class: access.Contractor})
		must(err)
		_, err = city.Area.AddSchedule(ctx, manager, area.Schedule{ID: "open", Name: "開放", Windows: []access.Window{{Day: 1, From: 540, Until: 600}}})
		must(err)
		rules := access.Rules{
			Factors: access.FactorsCardPIN, Trust: access.TrustMemory, InOut: true, Passback: access.PassbackSoft, ResetAt: 240,
			WindowS: 10, Visitors: 3, First: true, Unlock: "open", UnlockBy: true, Recovery: []string{"1001", "2001"},
		}
		must(city.Area.ChangeArea(ctx, manager, "規則", area.Area{ID: "server-room", Name: "電子計算機室", Grade: 1, Record: access.Strict, Rules: rules}))
		must(city.Area.Interlock(ctx, manager, "前室", "front", []string{"D-1", "D-2"}))
		_, err = city.Area.GrantAll(ctx, manager, "", []area.Right{{Person: "1002", Area: "server-room", Escort: true, First: true, Lockdown: true}})
		must(err)
		must(city.Lockdowns.Begin(ctx, lifecycletest.Guard, "archive", "不審者"))

		spec := compile(t, city, "ctl-1")
		want := []access.Area{
			{ID: "archive", Name: "書庫", Grade: 2, Record: access.BestEffort, Lockdown: true},
			{ID: "server-room", Name: "電子計算機室", Grade: 1, Record: access.Strict, Rules: rules},
		}
		if !reflect.DeepEqual(spec.Areas, want) {
			t.Errorf("areas %+v, want %+v", spec.Areas, want)
		}
		if spec.Doors[0].Interlock != "front" || spec.Doors[1].Interlock != "front" {
			t.Errorf("doors %+v", spec.Doors)
		}
		if !slices.ContainsFunc(spec.Schedules, func(s access.Schedule) bool { return s.ID == "open" }) {
			t.Errorf("schedules %+v", spec.Schedules)
		}
		if !slices.Contains(spec.Rights, access.Right{Person: "1002", Area: "server-room", Escort: true, First: true, Lockdown: true}) {
			t.Errorf("rights %+v", spec.Rights)
		}
		for _, p := range []access.Person{{ID: "2001", Number: "4711"}, {ID: "1003", Class: access.Contractor}, {ID: "1001"}} {
			if !slices.Contains(spec.People, p) {
				t.Errorf("people %+v lack %+v", spec.People, p)
			}
		}
		if _, err := decide.Compile(spec); err != nil {
			t.Errorf("a controller would refuse it: %v", err)
		}
		must(city.Area.ChangeSchedule(ctx, manager, "延長", area.Schedule{ID: "open", Name: "開放", Windows: []access.Window{{Day: 1, From: 540, Until: 660}}}))
		if after := compile(t, city, "ctl-1"); !spec.Version.Less(after.Version) {
			t.Error("a change of the schedule by which doors stand unlocked raised no version")
		}
	})
}
