package policy_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/store"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/calendar"
	"kanmon/lifecycle/lifecycletest"
)

// R43-2: doors whose schedules ask for holidays are told of them, with the city's own and up to a day; others are not. What they are told changes with
// the registers and not with the hour.
func TestR43_2_HolidaysGoToTheDoorsThatAskForThem(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx, days := t.Context(), calendar.New(city.Store, city.Approvals)
		if _, err := days.Extend(ctx, store.System("calendar"), city.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		if spec := compile(t, city, "ctl-2"); spec.Calendar != nil || spec.CalendarUntil != "" {
			t.Errorf("nobody asks, and told are %v until %q", spec.Calendar, spec.CalendarUntil)
		}
		office := area.Schedule{
			ID: "office", Name: "執務時間", Windows: lifecycletest.OfficeHours(), Holidays: true,
			Special: []access.SpecialDay{{Date: "2027-04-04", Windows: []access.Span{{From: 510, Until: 720}}}},
		}
		if err := city.Area.ChangeSchedule(ctx, lifecycletest.Manager, "祝日は閉庁", office); err != nil {
			t.Fatal(err)
		}
		if err := days.Put(ctx, lifecycletest.Manager, "点検", calendar.Own{Date: "2027-05-06", Kind: calendar.Closed, Name: "電気設備点検"}); err != nil {
			t.Fatal(err)
		}
		spec := compile(t, city, "ctl-2")
		if spec.CalendarUntil != "2029-04-01" || !slices.Contains(spec.Calendar, "2027-05-06") || !slices.Contains(spec.Calendar, "2029-02-12") {
			t.Errorf("told %v until %q", spec.Calendar, spec.CalendarUntil)
		}
		p, err := decide.Compile(spec)
		if err != nil {
			t.Fatal(err)
		}
		for at, want := range map[time.Time]access.Reason{
			noon(2027, 5, 7):  access.Granted,
			noon(2027, 5, 6):  access.OutsideSchedule, // the city's own
			noon(2027, 5, 5):  access.OutsideSchedule,
			noon(2027, 4, 4):  access.Granted, // a special Sunday
			noon(2028, 9, 22): access.OutsideSchedule,
			noon(2029, 3, 30): access.Granted,
			noon(2029, 4, 2):  access.OutsideSchedule, // beyond the calendar
		} {
			if got := decide.Decide(p, decide.Request{Reader: "IN-1", Key: lifecycletest.Key("1002")}, at); got.Reason != want {
				t.Errorf("%v: %s, want %s", at, got.Reason, want)
			}
		}
		city.Clock.Pass(3 * 365 * 24 * time.Hour)
		if later := compile(t, city, "ctl-2"); !reflect.DeepEqual(later, spec) {
			t.Error("another policy of the same version, three years later")
		}
	})
}

// noon is a quarter to twelve in Japan.
func noon(year, month, day int) time.Time {
	return time.Date(year, time.Month(month), day, 2, 45, 0, 0, time.UTC)
}
