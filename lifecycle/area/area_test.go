package area_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/period"
)

// R43-1: areas are defined: doors, who may enter and when, grade of security.
func TestAreasDoorsSchedulesAndRightsAreReadAsEntered(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		areas, err := city.Area.Areas(ctx, lifecycletest.Guard)
		wantAreas := []area.Area{
			{ID: "archive", Name: "書庫", Grade: 2, Record: access.BestEffort, Owner: "1001", OwnerName: "佐藤 花子", Doors: 2, Version: 1},
			{ID: "server-room", Name: "電子計算機室", Grade: 3, Record: access.Strict, Owner: "1001", OwnerName: "佐藤 花子", Doors: 1, Version: 1},
		}
		if err != nil || !reflect.DeepEqual(areas, wantAreas) {
			t.Errorf("Areas = %+v, %v", areas, err)
		}
		doors, err := city.Area.Doors(ctx, lifecycletest.Guard)
		if err != nil || len(doors) != 3 {
			t.Fatalf("Doors = %+v, %v", doors, err)
		}
		wantDoor := area.Door{
			ID: "D-1", Name: "電算室 正面", Area: "server-room", AreaName: "電子計算機室", Controller: "ctl-1",
			EntryReaders: []string{"IN-1"}, ExitReaders: []string{"OUT-1"}, ReleaseMS: 5_000, HeldMS: 30_000, Version: 1,
		}
		if !reflect.DeepEqual(doors[0], wantDoor) {
			t.Errorf("door %+v, want %+v", doors[0], wantDoor)
		}
		schedules, err := city.Area.Schedules(ctx, lifecycletest.Guard)
		wantSchedules := []area.Schedule{{ID: "office", Name: "執務時間", Windows: lifecycletest.OfficeHours(), Version: 1}}
		if err != nil || !reflect.DeepEqual(schedules, wantSchedules) {
			t.Errorf("Schedules = %+v, %v", schedules, err)
		}
		rights, err := city.Area.Rights(ctx, lifecycletest.Guard, area.RightFilter{Person: "1002"})
		if err != nil || len(rights) != 1 || rights[0].PersonName != "鈴木 一郎" || rights[0].AreaName != "書庫" || rights[0].ScheduleName != "執務時間" {
			t.Errorf("Rights = %+v, %v", rights, err)
		}
	})
}

func TestBadInputNamesTheField(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		goodDoor := area.Door{ID: "D-9", Name: "x", Area: "archive", Controller: "ctl-1", EntryReaders: []string{"IN-9"}, ReleaseMS: 5_000, HeldMS: 30_000}
		door := func(change func(*area.Door)) func() error {
			return func() error {
				d := goodDoor
				change(&d)
				_, err := city.Area.AddDoor(ctx, lifecycletest.Manager, d)
				return err
			}
		}
		schedule := func(w ...access.Window) func() error {
			return func() error {
				_, err := city.Area.AddSchedule(ctx, lifecycletest.Manager, area.Schedule{ID: "s", Name: "s", Windows: w})
				return err
			}
		}
		special := func(dates ...string) func() error {
			s := area.Schedule{ID: "s", Name: "s"}
			for _, d := range dates {
				s.Special = append(s.Special, access.SpecialDay{Date: d})
			}
			return func() error { _, err := city.Area.AddSchedule(ctx, lifecycletest.Manager, s); return err }
		}
		newArea := func(a area.Area) func() error {
			return func() error {
				_, err := city.Area.AddArea(ctx, lifecycletest.Manager, a)
				return err
			}
		}
		tests := map[string]struct {
			do          func() error
			code, field string
		}{
			"grade 0":               {newArea(area.Area{ID: "a", Name: "a", Record: access.Strict}), "area.grade", "grade"},
			"grade 4":               {newArea(area.Area{ID: "a", Name: "a", Grade: 4, Record: access.Strict}), "area.grade", "grade"},
			"record mode":           {newArea(area.Area{ID: "a", Name: "a", Grade: 1, Record: "maybe"}), "area.record", "record"},
			"area without a name":   {newArea(area.Area{ID: "a", Grade: 1, Record: access.Strict}), "field.required", "name"},
			"Japanese id":           {newArea(area.Area{ID: "書庫", Name: "a", Grade: 1, Record: access.Strict}), "field.id", "id"},
			"no entry reader":       {door(func(d *area.Door) { d.EntryReaders = nil }), "area.no_entry_reader", "entry_readers"},
			"release 499 ms":        {door(func(d *area.Door) { d.ReleaseMS = 499 }), "area.release", "release_ms"},
			"release 30,001 ms":     {door(func(d *area.Door) { d.ReleaseMS = 30_001 }), "area.release", "release_ms"},
			"held 999 ms":           {door(func(d *area.Door) { d.HeldMS = 999 }), "area.held", "held_ms"},
			"held 600,001 ms":       {door(func(d *area.Door) { d.HeldMS = 600_001 }), "area.held", "held_ms"},
			"reader on both sides":  {door(func(d *area.Door) { d.ExitReaders = []string{"IN-9"} }), "area.reader_twice", "entry_readers"},
			"reader's name":         {door(func(d *area.Door) { d.ExitReaders = []string{"a b"} }), "field.device", "entry_readers"},
			"no windows":            {schedule(), "area.windows", "windows"},
			"day 8":                 {schedule(access.Window{Day: 8, Until: 10}), "area.window", "windows"},
			"holidays like others":  {schedule(access.Window{Day: 7, Until: 10}), "area.holiday_window", "windows"},
			"29 February 2027":      {special("2027-02-29"), "area.special_day", "special"},
			"a special day twice":   {special("2027-03-28", "2027-03-28"), "area.special_twice", "special"},
			"too many special days": {special(make([]string, 401)...), "area.special_many", "special"},
			"minute 1441":           {schedule(access.Window{Until: 1441}), "area.window", "windows"},
			"too many windows":      {schedule(make([]access.Window, 193)...), "area.windows", "windows"},
			"right ends first": {func() error {
				now := time.Now()
				_, err := city.Area.Grant(ctx, lifecycletest.Manager, "1001", "archive", "", period.Period{From: now, Until: now})
				return err
			}, "period.order", "until"},
		}
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				err := tt.do()
				lifecycletest.WantFault(t, err, fault.Invalid, tt.code)
				lifecycletest.WantField(t, err, tt.field)
			})
		}
	})
}

func TestWhatDoesNotFitTheOtherRegistersIsRefused(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		door := area.Door{ID: "D-9", Name: "x", Area: "archive", Controller: "ctl-1", EntryReaders: []string{"IO-1"}, ReleaseMS: 5_000, HeldMS: 30_000}
		if _, err := city.Device.AddReader(ctx, lifecycletest.Manager, device.Reader{Name: "IO-1", Controller: "ctl-1", Kind: device.OSDPIO}); err != nil {
			t.Fatal(err)
		}
		_, err := city.Area.AddDoor(ctx, lifecycletest.Manager, door)
		lifecycletest.WantFault(t, err, fault.NotFound, "device.unknown_reader") // an I/O device reads no cards
		door.EntryReaders = []string{"IN-2"}
		_, err = city.Area.AddDoor(ctx, lifecycletest.Manager, door)
		lifecycletest.WantFault(t, err, fault.Conflict, "area.reader_taken")
		door.Controller = "ctl-9"
		_, err = city.Area.AddDoor(ctx, lifecycletest.Manager, door)
		lifecycletest.WantFault(t, err, fault.NotFound, "device.unknown_controller")
		door.Area = "nowhere"
		_, err = city.Area.AddDoor(ctx, lifecycletest.Manager, door)
		lifecycletest.WantFault(t, err, fault.NotFound, "area.unknown_area")
		door.ID = "D-1"
		_, err = city.Area.AddDoor(ctx, lifecycletest.Manager, door)
		lifecycletest.WantFault(t, err, fault.Conflict, "area.id_taken")
		for _, bad := range []struct{ person, area, schedule, code string }{
			{"9999", "archive", "", "staff.unknown"},
			{"1001", "nowhere", "", "area.unknown_area"},
			{"1001", "archive", "never", "area.unknown_schedule"},
		} {
			_, err := city.Area.Grant(ctx, lifecycletest.Manager, bad.person, bad.area, bad.schedule, period.Period{})
			lifecycletest.WantFault(t, err, fault.NotFound, bad.code)
		}
	})
}

func TestWhoLacksTheRightNeitherWritesNorReads(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx, guard := t.Context(), lifecycletest.Guard
		right := rightOf(t, city, "1002")
		a := area.Area{ID: "archive", Name: "x", Grade: 1, Record: access.Strict}
		s := area.Schedule{ID: "office", Name: "x", Windows: lifecycletest.OfficeHours()}
		for name, do := range map[string]func() error{
			"AddArea":        func() error { _, err := city.Area.AddArea(ctx, guard, a); return err },
			"ChangeArea":     func() error { return city.Area.ChangeArea(ctx, guard, "r", a) },
			"AddSchedule":    func() error { _, err := city.Area.AddSchedule(ctx, guard, s); return err },
			"ChangeSchedule": func() error { return city.Area.ChangeSchedule(ctx, guard, "r", s) },
			"AddDoor": func() error {
				_, err := city.Area.AddDoor(ctx, guard, area.Door{ID: "D-9", Name: "x", EntryReaders: []string{"R"}, ReleaseMS: 500, HeldMS: 1000})
				return err
			},
			"Grant": func() error {
				_, err := city.Area.Grant(ctx, guard, "1003", "archive", "", period.Period{})
				return err
			},
			"Withdraw": func() error { return city.Area.Withdraw(ctx, guard, right.ID, "r") },
			"Areas":    func() error { _, err := city.Area.Areas(ctx, lifecycletest.Nobody); return err },
			"Doors":    func() error { _, err := city.Area.Doors(ctx, lifecycletest.Nobody); return err },
			"Schedules": func() error {
				_, err := city.Area.Schedules(ctx, lifecycletest.Nobody)
				return err
			},
			"Rights":      func() error { _, err := city.Area.Rights(ctx, lifecycletest.Nobody, area.RightFilter{}); return err },
			"AreaHistory": func() error { _, err := city.Area.AreaHistory(ctx, lifecycletest.Nobody, "archive"); return err },
		} {
			t.Run(name, func(t *testing.T) { lifecycletest.WantFault(t, do(), fault.Denied, "auth.denied") })
		}
	})
}

func rightOf(t *testing.T, city *lifecycletest.City, person string) area.Right {
	t.Helper()
	rights, err := city.Area.Rights(t.Context(), lifecycletest.Guard, area.RightFilter{Person: person})
	if err != nil || len(rights) != 1 {
		t.Fatalf("rights of %s: %+v, %v", person, rights, err)
	}
	return rights[0]
}

// R43-1: changes are versioned. R112-1: what changed, by whom, when, from what to what.
func TestChangesOfAreasAreVersioned(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		city.Clock.Pass(time.Hour)
		err := city.Area.ChangeArea(ctx, lifecycletest.Manager, "等級の見直し", area.Area{ID: "archive", Name: "書庫", Grade: 3, Record: access.Strict, Owner: "1001"})
		if err != nil {
			t.Fatal(err)
		}
		changes, err := city.Area.AreaHistory(ctx, lifecycletest.Guard, "archive")
		if err != nil || len(changes) != 2 {
			t.Fatalf("AreaHistory = %+v, %v", changes, err)
		}
		var text strings.Builder
		fmt.Fprint(&text, changes[1].Actor, " ", changes[1].Reason, " ", changes[1].At.Sub(changes[0].At))
		for _, f := range changes[1].Fields {
			if f.Changed {
				fmt.Fprintf(&text, " %s:%s→%s", f.Name, f.Before, f.Value)
			}
		}
		got := text.String()
		if want := "account:manager 等級の見直し 1h0m0s grade:2→3 record:best_effort→strict"; got != want {
			t.Fatalf("change %q, want %q", got, want)
		}
		err = city.Area.ChangeArea(ctx, lifecycletest.Manager, " ", area.Area{ID: "archive", Name: "x", Grade: 1, Record: access.Strict})
		lifecycletest.WantFault(t, err, fault.Invalid, "field.required")
		err = city.Area.ChangeArea(ctx, lifecycletest.Manager, "r", area.Area{ID: "nowhere", Name: "x", Grade: 1, Record: access.Strict})
		lifecycletest.WantFault(t, err, fault.NotFound, "area.unknown_area")
	})
}

func TestAWithdrawnRightIsGoneFromTheListAndStaysInTheHistory(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		right := rightOf(t, city, "1002")
		if err := city.Area.Withdraw(ctx, lifecycletest.Manager, right.ID, "担当替え"); err != nil {
			t.Fatal(err)
		}
		lifecycletest.WantFault(t, city.Area.Withdraw(ctx, lifecycletest.Manager, right.ID, "再度"), fault.Conflict, "area.right_withdrawn")
		lifecycletest.WantFault(t, city.Area.Withdraw(ctx, lifecycletest.Manager, "R-NONE", "r"), fault.NotFound, "area.unknown_right")
		left, err := city.Area.Rights(ctx, lifecycletest.Guard, area.RightFilter{Area: "archive"})
		if err != nil || len(left) != 1 || left[0].Person != "1001" {
			t.Fatalf("Rights = %+v, %v", left, err)
		}
		all, err := city.Area.Rights(ctx, lifecycletest.Guard, area.RightFilter{Person: "1002", Withdrawn: true})
		if err != nil || len(all) != 1 || !all[0].Withdrawn {
			t.Fatalf("Rights with withdrawn = %+v, %v", all, err)
		}
		changes, err := city.Area.RightHistory(ctx, lifecycletest.Guard, right.ID)
		if err != nil || len(changes) != 2 || changes[1].Reason != "担当替え" {
			t.Fatalf("RightHistory = %+v, %v", changes, err)
		}
	})
}

// A change reaches the controllers it concerns, and only those.
func TestAChangeRaisesTheWantedPolicyOfTheControllersConcerned(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		wanted := func() [2]uint64 {
			t.Helper()
			list, err := city.Device.Controllers(ctx, lifecycletest.Guard)
			if err != nil {
				t.Fatal(err)
			}
			return [2]uint64{list[0].Wanted.N, list[1].Wanted.N}
		}
		steps := []struct {
			name string
			do   func() error
			rise [2]uint64 // of ctl-1, ctl-2
		}{
			{"right into the server room", func() error {
				_, err := city.Area.Grant(ctx, lifecycletest.Manager, "1003", "server-room", "", period.Period{})
				return err
			}, [2]uint64{1, 0}},
			{"right into the archive", func() error {
				_, err := city.Area.Grant(ctx, lifecycletest.Manager, "1003", "archive", "", period.Period{})
				return err
			}, [2]uint64{1, 1}},
			{"schedule of the archive", func() error {
				return city.Area.ChangeSchedule(ctx, lifecycletest.Manager, "延長", area.Schedule{ID: "office", Name: "執務時間", Windows: []access.Window{{Until: 1440}}})
			}, [2]uint64{1, 1}},
			{"the server room itself", func() error {
				return city.Area.ChangeArea(ctx, lifecycletest.Manager, "改称", area.Area{ID: "server-room", Name: "サーバ室", Grade: 3, Record: access.Strict, Owner: "1001"})
			}, [2]uint64{1, 0}},
			{"an area without doors", func() error {
				_, err := city.Area.AddArea(ctx, lifecycletest.Manager, area.Area{ID: "roof", Name: "屋上", Grade: 1, Record: access.Strict})
				return err
			}, [2]uint64{}},
		}
		before := wanted()
		for _, s := range steps {
			if err := s.do(); err != nil {
				t.Fatalf("%s: %v", s.name, err)
			}
			after := wanted()
			if after[0]-before[0] != s.rise[0] || after[1]-before[1] != s.rise[1] {
				t.Errorf("%s: from %v to %v", s.name, before, after)
			}
			before = after
		}
	})
}

// R43-2: holidays and special days of a schedule are kept and read as entered, and a schedule from before has none.
func TestR43_2_HolidaysAndSpecialDaysOfASchedule(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		want := area.Schedule{
			ID: "office", Name: "執務時間", Windows: append(lifecycletest.OfficeHours(), access.Window{Day: access.Holiday, From: 540, Until: 720}), Holidays: true,
			Special: []access.SpecialDay{{Date: "2027-04-04", Windows: []access.Span{{From: 510, Until: 720}}}, {Date: "2027-05-10"}}, Version: 2,
		}
		if err := city.Area.ChangeSchedule(ctx, lifecycletest.Manager, "日曜開庁", want); err != nil {
			t.Fatal(err)
		}
		only := area.Schedule{ID: "once", Name: "投票日", Special: want.Special[:1], Version: 1}
		if _, err := city.Area.AddSchedule(ctx, lifecycletest.Manager, only); err != nil {
			t.Fatal(err)
		}
		only.Windows = []access.Window{}
		got, err := city.Area.Schedules(ctx, lifecycletest.Guard)
		if err != nil || !reflect.DeepEqual(got, []area.Schedule{want, only}) {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
		if sc := got[0].Access(); sc.Validate() != nil || !sc.Holidays || len(sc.Special) != 2 || len(sc.Windows) != 6 {
			t.Errorf("for doors: %+v", sc)
		}
		report, err := city.Store.Verify(ctx)
		if err != nil || !report.OK() {
			t.Errorf("verify: %+v, %v", report.Findings, err)
		}
	})
}
