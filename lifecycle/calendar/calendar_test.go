package calendar_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"kanmon/internal/access/timetable"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/calendar"
	"kanmon/lifecycle/lifecycletest"
)

var keeper = store.System("calendar")

// town is a city with its calendar. Its clock stands at 2027-04-01 09:00 in Japan.
type town struct {
	*lifecycletest.City
	days *calendar.Register
}

func run(t *testing.T, fn func(t *testing.T, c town)) {
	t.Helper()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		fn(t, town{city, calendar.New(city.Store, city.Approvals)})
	})
}

func date(t *testing.T, text string) timetable.Day {
	t.Helper()
	d, err := timetable.Date(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// list writes what stands between two dates: "2027-05-03 constitution", "2027-05-06 closed 電気設備点検".
func (c town) list(t *testing.T, from, to string) (lines []string) {
	t.Helper()
	days, err := c.days.Days(t.Context(), lifecycletest.Guard, date(t, from), date(t, to))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range days {
		line := fmt.Sprint(d.Date, " ", d.Law)
		if d.Own != "" {
			line += fmt.Sprint(" ", d.Own, " ", d.Name, " ", d.Version)
		}
		if !d.Holiday {
			line += " works"
		}
		lines = append(lines, line)
	}
	return lines
}

func (c town) put(t *testing.T, o calendar.Own) {
	t.Helper()
	if err := c.days.Put(t.Context(), lifecycletest.Manager, "議会の議決", o); err != nil {
		t.Fatal(err)
	}
}

// R43-2, R112-1: the city's own days stand beside those of the law, and every word about them is kept.
func TestTheCitysOwnDaysStandBesideThoseOfTheLaw(t *testing.T) {
	run(t, func(t *testing.T, c town) {
		c.put(t, calendar.Own{Date: "2027-05-06", Kind: calendar.Closed, Name: "電気設備点検"})
		c.put(t, calendar.Own{Date: "2027-05-04", Kind: calendar.Open, Name: "期日前投票"})
		c.put(t, calendar.Own{Date: "2027-05-07", Kind: calendar.Closed, Name: "x"})
		c.put(t, calendar.Own{Date: "2027-05-07", Kind: calendar.Closed, Name: "予備日"})
		want := []string{
			"2027-05-03 constitution", "2027-05-04 greenery open 期日前投票 1 works", "2027-05-05 childrens_day", "2027-05-06  closed 電気設備点検 1", "2027-05-07  closed 予備日 2",
		}
		if got := c.list(t, "2027-05-01", "2027-05-31"); !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		if err := c.days.Remove(t.Context(), lifecycletest.Manager, "点検の中止", "2027-05-06"); err != nil {
			t.Fatal(err)
		}
		if got := c.list(t, "2027-05-06", "2027-05-06"); len(got) != 0 {
			t.Errorf("removed: %q", got)
		}
		err := c.days.Remove(t.Context(), lifecycletest.Manager, "再度", "2027-05-06")
		lifecycletest.WantFault(t, err, fault.NotFound, "calendar.unknown_day")
		c.put(t, calendar.Own{Date: "2027-05-06", Kind: calendar.Closed, Name: "停電"})
		if got := c.list(t, "2027-05-06", "2027-05-06"); !slices.Equal(got, []string{"2027-05-06  closed 停電 3"}) {
			t.Errorf("put again: %q", got)
		}
		report, err := c.Store.Verify(t.Context())
		if err != nil || !report.OK() {
			t.Errorf("verify: %+v, %v", report.Findings, err)
		}
	})
}

func TestWhatMakesNoSenseIsRefused(t *testing.T) {
	run(t, func(t *testing.T, c town) {
		good := calendar.Own{Date: "2027-05-06", Kind: calendar.Closed, Name: "点検"}
		for name, test := range map[string]struct {
			spoil       func(*calendar.Own)
			reason      string
			code, field string
		}{
			"no date":                   {func(o *calendar.Own) { o.Date = "" }, "x", "calendar.date", "date"},
			"29 February of 2027":       {func(o *calendar.Own) { o.Date = "2029-02-29" }, "x", "calendar.date", "date"},
			"yesterday":                 {func(o *calendar.Own) { o.Date = "2027-03-31" }, "x", "calendar.past", "date"},
			"another century":           {func(o *calendar.Own) { o.Date = "2127-05-06" }, "x", "calendar.year", "date"},
			"no kind":                   {func(o *calendar.Own) { o.Kind = "" }, "x", "calendar.kind", "kind"},
			"the kind of a removal":     {func(o *calendar.Own) { o.Kind = "none" }, "x", "calendar.kind", "kind"},
			"no name":                   {func(o *calendar.Own) { o.Name = " " }, "x", "field.required", "name"},
			"no reason":                 {func(*calendar.Own) {}, " ", "field.required", "reason"},
			"open on a day like others": {func(o *calendar.Own) { o.Kind = calendar.Open }, "x", "calendar.no_holiday", "date"},
			"closed on a holiday":       {func(o *calendar.Own) { o.Date = "2027-05-05" }, "x", "calendar.holiday", "date"},
		} {
			o := good
			test.spoil(&o)
			err := c.days.Put(t.Context(), lifecycletest.Manager, test.reason, o)
			if fault.CodeOf(err) != test.code {
				t.Errorf("%s: %v", name, err)
			}
			lifecycletest.WantField(t, err, test.field)
		}
		lifecycletest.WantField(t, c.days.Remove(t.Context(), lifecycletest.Manager, "", "2027-05-06"), "reason")
		for _, years := range [][2]string{{"2027-01-01", "2026-12-31"}, {"2027-01-01", "2030-01-05"}, {"2015-12-31", "2016-01-31"}, {"2099-12-31", "2100-01-01"}} {
			if _, err := c.days.Days(t.Context(), lifecycletest.Guard, date(t, years[0]), date(t, years[1])); fault.KindOf(err) != fault.Invalid {
				t.Errorf("%s: %v", years, err)
			}
		}
	})
}

func TestWhoLacksTheRightNeitherWritesNorReads(t *testing.T) {
	run(t, func(t *testing.T, c town) {
		ctx := t.Context()
		o := calendar.Own{Date: "2027-05-06", Kind: calendar.Closed, Name: "点検"}
		_, read := c.days.Days(ctx, lifecycletest.Nobody, date(t, "2027-05-01"), date(t, "2027-05-02"))
		_, extend := c.days.Extend(ctx, lifecycletest.Manager, c.Clock.Now())
		for name, err := range map[string]error{
			"Put": c.days.Put(ctx, lifecycletest.Guard, "x", o), "Remove": c.days.Remove(ctx, lifecycletest.Guard, "x", o.Date), "Days": read, "Extend": extend,
		} {
			t.Run(name, func(t *testing.T) { lifecycletest.WantFault(t, err, fault.Denied, "auth.denied") })
		}
	})
}

func (c town) forDoors(t *testing.T) timetable.Calendar {
	t.Helper()
	told, err := c.days.ForDoors(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return told
}

func (c town) wanted(t *testing.T) (n [2]uint64) {
	t.Helper()
	list, err := c.Device.Controllers(t.Context(), lifecycletest.Guard)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		n[i] = list[i].Wanted.N
	}
	return n
}

// R43-2: what doors are told of holidays follows from the registers alone; another year is told when it begins, once, to every door.
func TestDoorsAreToldOfAnotherYearWhenItBegins(t *testing.T) {
	run(t, func(t *testing.T, c town) {
		c.Found(t)
		if got := c.forDoors(t); got.Until != "" || got.Holidays != nil {
			t.Errorf("before: %+v", got)
		}
		jst := time.FixedZone("JST", 9*3600)
		for _, step := range []struct {
			now         time.Time
			moved       bool
			first, last string
			until       string
		}{
			{time.Date(2027, 4, 1, 9, 0, 0, 0, jst), true, "2026-12-31", "2029-03-20", "2029-04-01"},
			{time.Date(2027, 12, 31, 23, 59, 59, 0, jst), false, "2026-12-31", "2029-03-20", "2029-04-01"},
			{time.Date(2028, 1, 1, 0, 0, 0, 0, jst), true, "2027-12-31", "2030-03-20", "2030-04-01"},
			{time.Date(2028, 1, 1, 0, 0, 1, 0, jst), false, "2027-12-31", "2030-03-20", "2030-04-01"},
			{time.Date(1970, 1, 1, 0, 0, 0, 0, jst), false, "2027-12-31", "2030-03-20", "2030-04-01"}, // a clock that is behind
			{time.Date(2098, 1, 1, 0, 0, 0, 0, jst), false, "2027-12-31", "2030-03-20", "2030-04-01"}, // too little is known
		} {
			before := c.wanted(t)
			moved, err := c.days.Extend(t.Context(), keeper, step.now)
			if err != nil || moved != step.moved {
				t.Fatalf("%v: moved %t, %v", step.now, moved, err)
			}
			rise := uint64(0)
			if step.moved {
				rise = 1
			}
			if after := c.wanted(t); after[0] != before[0]+rise || after[1] != before[1]+rise {
				t.Errorf("%v: wanted %v after %v", step.now, after, before)
			}
			told := c.forDoors(t)
			if h := told.Holidays; told.Until != step.until || h[0] != step.first || h[len(h)-1] != step.last || !slices.IsSorted(h) || len(h) < 45 || len(h) > 60 {
				t.Errorf("%v: %d holidays until %s: %v", step.now, len(h), told.Until, h)
			}
			if _, err := timetable.Compile(nil, told); err != nil {
				t.Error(err)
			}
		}
	})
}

// R43-2: a word of the city's reaches every door.
func TestTheCitysOwnDaysReachTheDoors(t *testing.T) {
	run(t, func(t *testing.T, c town) {
		c.Found(t)
		if _, err := c.days.Extend(t.Context(), keeper, c.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		before, plain := c.wanted(t), c.forDoors(t).Holidays
		c.put(t, calendar.Own{Date: "2027-05-06", Kind: calendar.Closed, Name: "点検"})
		c.put(t, calendar.Own{Date: "2027-05-04", Kind: calendar.Open, Name: "投票"})
		if after := c.wanted(t); after[0] != before[0]+2 || after[1] != before[1]+2 {
			t.Errorf("wanted %v after %v", after, before)
		}
		told := c.forDoors(t).Holidays
		if slices.Contains(told, "2027-05-04") || !slices.Contains(told, "2027-05-06") || len(told) != len(plain) {
			t.Errorf("told %v", told)
		}
		if err := c.days.Remove(t.Context(), lifecycletest.Manager, "中止", "2027-05-06"); err != nil {
			t.Fatal(err)
		}
		if err := c.days.Remove(t.Context(), lifecycletest.Manager, "中止", "2027-05-04"); err != nil {
			t.Fatal(err)
		}
		if got := c.forDoors(t).Holidays; !slices.Equal(got, plain) {
			t.Errorf("taken back: %v", got)
		}
	})
}
