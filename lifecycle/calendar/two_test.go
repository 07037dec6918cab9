package calendar_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/calendar"
	"kanmon/lifecycle/history"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/period"
)

// Days of the tests: a holiday and an ordinary day, both Thursdays.
const (
	showa    = "2027-04-29"
	thursday = "2027-06-10"
)

// ofTwo is a town with two people who may write areas.
func ofTwo(t *testing.T, d *db.DB) town {
	t.Helper()
	city := lifecycletest.Open(t, d)
	city.Found(t)
	city.Account(t, lifecycletest.Manager, "1001")
	city.Account(t, lifecycletest.Second, "1002")
	return town{city, calendar.New(city.Store, city.Approvals)}
}

func (c town) must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// settle has a change made, by two where it asks for two.
func (c town) settle(t *testing.T, err error) {
	t.Helper()
	if w, ok := errors.AsType[*approval.WaitingError](err); ok {
		_, err = c.Approvals.Approve(t.Context(), lifecycletest.Second, "", w.Request.ID)
	}
	c.must(t, err)
}

// entitle enters a timetable and lets somebody into an area by it. area may be empty: the timetable is then used by none.
func (c town) entitle(t *testing.T, s area.Schedule, place string) {
	t.Helper()
	s.Name = "窓口"
	_, err := c.Area.AddSchedule(t.Context(), lifecycletest.Manager, s)
	c.must(t, err)
	if place != "" {
		_, err = c.Area.Grant(t.Context(), lifecycletest.Manager, "1003", place, s.ID, period.Period{})
		c.settle(t, err)
	}
}

// lobby is an area of grade 1.
func (c town) lobby(t *testing.T, unlock string) {
	t.Helper()
	_, err := c.Area.AddArea(t.Context(), lifecycletest.Manager, area.Area{ID: "lobby", Name: "ロビー", Grade: 1, Record: access.BestEffort, Rules: access.Rules{Unlock: unlock}})
	c.must(t, err)
}

// waits returns the request that a change has become.
func waits(t *testing.T, err error) approval.Request {
	t.Helper()
	w, ok := errors.AsType[*approval.WaitingError](err)
	if !ok {
		t.Fatalf("want a request, got %v", err)
	}
	return w.Request
}

// on makes windows of a Thursday, and of holidays.
func on(weekday, holiday []access.Span) (windows []access.Window) {
	for _, s := range weekday {
		windows = append(windows, access.Window{Day: 4, From: s.From, Until: s.Until})
	}
	for _, s := range holiday {
		windows = append(windows, access.Window{Day: access.Holiday, From: s.From, Until: s.Until})
	}
	return windows
}

func span(from, until int) access.Span { return access.Span{From: from * 60, Until: until * 60} }

func spans(s ...access.Span) []access.Span { return s }

// who may widen: for each pair of hours, on a Thursday that is a holiday and on one that is none, whether the city's word needs two people. The answers
// are by hand: open, a Thursday's hours take the place of a holiday's; closed, a holiday's take the place of a Thursday's.
var whoMayWiden = map[string]struct {
	weekday, holiday []access.Span
	open, closed     bool // a holiday becomes a working day; a working day becomes a closed one
}{
	"shut on holidays":                       {spans(span(8, 17)), nil, true, false},
	"open on holidays only":                  {nil, spans(span(9, 12)), false, true},
	"shorter on holidays":                    {spans(span(8, 17)), spans(span(9, 12)), true, false},
	"longer on holidays":                     {spans(span(9, 12)), spans(span(8, 17)), false, true},
	"the same on both":                       {spans(span(9, 12)), spans(span(9, 12)), false, false},
	"the same, said otherwise":               {spans(span(9, 11), span(10, 12)), spans(span(9, 12)), false, false},
	"later on holidays":                      {spans(span(8, 12)), spans(span(9, 13)), true, true},
	"a minute longer on holidays":            {spans(span(9, 12)), spans(access.Span{From: 540, Until: 721}), false, true},
	"a night that holidays do not have":      {spans(span(22, 6)), spans(span(22, 24)), true, false},
	"a night that only holidays have":        {spans(span(22, 24)), spans(span(22, 6)), false, true},
	"a whole day from noon, and from 12 on":  {spans(span(12, 12)), spans(span(12, 24), span(0, 6)), true, true},
	"from midnight, and over midnight to it": {spans(span(0, 24)), spans(span(0, 0)), false, false},
	"shut on both":                           {nil, nil, false, false},
}

// R43-1, R14-1: one person says of a day what opens no graded area for longer; for the rest it takes two, and nothing of it is true before.
func TestTwoPeopleSayWhatOpensAGradedAreaForLonger(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c, ctx, manager := ofTwo(t, d), t.Context(), lifecycletest.Manager
		c.entitle(t, area.Schedule{ID: "desk", Windows: monday(nil), Holidays: true}, "archive")
		for name, x := range whoMayWiden {
			t.Run(name, func(t *testing.T) {
				desk := area.Schedule{ID: "desk", Name: "窓口", Windows: monday(on(x.weekday, x.holiday)), Holidays: true}
				c.settle(t, c.Area.ChangeSchedule(ctx, manager, "次の場合", desk))
				c.wants(t, x.open, showa, c.days.Put(ctx, manager, "開庁", calendar.Own{Date: showa, Kind: calendar.Open, Name: "窓口開庁"}))
				c.wants(t, x.closed, thursday, c.days.Put(ctx, manager, "点検", calendar.Own{Date: thursday, Kind: calendar.Closed, Name: "点検"}))
				c.wants(t, x.closed, showa, c.days.Remove(ctx, manager, "中止", showa))
				c.wants(t, x.open, thursday, c.days.Remove(ctx, manager, "中止", thursday))
			})
		}
	})
}

// monday adds a window of another day, for the register takes no timetable without any.
func monday(windows []access.Window) []access.Window {
	return append(windows, access.Window{Day: 1, From: 540, Until: 600})
}

// wants fails the test unless what was said of a day waits when it should, and is true once another person approves it.
func (c town) wants(t *testing.T, two bool, date string, err error) {
	t.Helper()
	w, waiting := errors.AsType[*approval.WaitingError](err)
	if waiting != two || err != nil && !waiting {
		t.Fatalf("%s: waits for a second person %t, want %t: %v", date, waiting, two, err)
	}
	if !waiting {
		return
	}
	before := fmt.Sprint(c.list(t, date, date))
	_, err = c.Approvals.Approve(t.Context(), lifecycletest.Manager, "", w.Request.ID)
	lifecycletest.WantFault(t, err, fault.Denied, "approval.own")
	if now := fmt.Sprint(c.list(t, date, date)); now != before {
		t.Errorf("%s: %s before it was approved, was %s", date, now, before)
	}
	_, err = c.Approvals.Approve(t.Context(), lifecycletest.Second, "確認", w.Request.ID)
	c.must(t, err)
	if now := fmt.Sprint(c.list(t, date, date)); now == before {
		t.Errorf("%s: approved, and still %s", date, now)
	}
}

// R43-1: what no graded area's timetable feels is said by one, and so is a new name.
func TestOnePersonSaysWhatNoGradedAreaFeels(t *testing.T) {
	named := func(id string) area.Schedule {
		return area.Schedule{ID: id, Windows: on(spans(span(8, 17)), nil), Holidays: true}
	}
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c, ctx := ofTwo(t, d), t.Context()
		for _, step := range []struct {
			name string
			do   func()
		}{
			{"no timetable tells holidays apart", func() {}},
			{"a special day outranks both", func() {
				s := named("special")
				s.Special = []access.SpecialDay{{Date: showa, Windows: spans(span(9, 12))}}
				c.entitle(t, s, "archive")
			}},
			{"nobody uses it", func() { c.entitle(t, named("unused"), "") }},
			{"an area of grade 1 stands open by it", func() { c.lobby(t, "unused") }},
			{"somebody enters an area of grade 1 by it", func() { c.entitle(t, named("lobby"), "lobby") }},
			{"the right is withdrawn", func() {
				c.entitle(t, named("gone"), "archive")
				rights, err := c.Area.Rights(ctx, lifecycletest.Manager, area.RightFilter{Person: "1003", Area: "archive"})
				c.must(t, err)
				c.must(t, c.Area.Withdraw(ctx, lifecycletest.Manager, rights[slices.IndexFunc(rights, func(r area.Right) bool { return r.Schedule == "gone" })].ID, "異動"))
			}},
		} {
			t.Run(step.name, func(t *testing.T) {
				step.do()
				c.put(t, calendar.Own{Date: showa, Kind: calendar.Open, Name: "窓口開庁"})
				c.put(t, calendar.Own{Date: showa, Kind: calendar.Open, Name: "日曜開庁"})
				c.must(t, c.days.Remove(ctx, lifecycletest.Manager, "中止", showa))
			})
		}
		c.entitle(t, named("last"), "archive")
		waits(t, c.days.Put(ctx, lifecycletest.Manager, "開庁", calendar.Own{Date: "2032-04-29", Kind: calendar.Open, Name: "x"})) // beyond what doors know
	})
}

// R43-1: where one timetable opens for longer and another for less, two people say it, and the request names both with the areas that use them.
func TestARequestNamesTheTimetablesThatItTouches(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := ofTwo(t, d)
		c.entitle(t, area.Schedule{ID: "desk", Windows: on(spans(span(8, 17)), nil), Holidays: true}, "archive")
		c.entitle(t, area.Schedule{ID: "care", Windows: on(nil, spans(span(22, 6))), Holidays: true}, "server-room")
		c.entitle(t, area.Schedule{ID: "even", Windows: on(spans(span(9, 10)), spans(span(9, 10))), Holidays: true}, "server-room")
		_, err := c.Area.Grant(t.Context(), lifecycletest.Manager, "1002", "server-room", "desk", period.Period{})
		c.settle(t, err)
		got := waits(t, c.days.Put(t.Context(), lifecycletest.Manager, "開庁", calendar.Own{Date: showa, Kind: calendar.Open, Name: "窓口開庁"}))
		before := `{"date":"2027-04-29","own":"none","name":"","holiday":true}`
		body := `{"date":"2027-04-29","own":"open","name":"窓口開庁","holiday":false,"timetables":[` +
			`{"schedule":"care","name":"窓口","areas":[{"id":"server-room","name":"電子計算機室"}],"before":[{"from":1320,"until":360}],"after":null},` +
			`{"schedule":"desk","name":"窓口","areas":[{"id":"archive","name":"書庫"},{"id":"server-room","name":"電子計算機室"}],"before":null,"after":[{"from":480,"until":1020}]}]}`
		if got.Kind != "calendar.put" || got.Register != "calendar" || got.Subject != showa || got.Before != before || got.Body != body {
			t.Errorf("request %+v", got.Change)
		}
	})
}

// R14-1: what was asked for a day, and for hours, is not applied to others.
func TestARequestOfWhichSomethingChangedMeanwhileIsStale(t *testing.T) {
	desk := area.Schedule{ID: "desk", Name: "窓口", Windows: on(spans(span(8, 17)), nil), Holidays: true}
	early := area.Schedule{ID: "early", Name: "早番", Windows: on(spans(span(5, 8)), nil), Holidays: true}
	for name, x := range map[string]struct {
		meanwhile func(*testing.T, town)
		stale     bool
	}{
		"nothing": {func(*testing.T, town) {}, false},
		"another day": {func(t *testing.T, c town) {
			t.Helper()
			c.put(t, calendar.Own{Date: thursday, Kind: calendar.Closed, Name: "点検"})
		}, false},
		"the day's timetable": {func(t *testing.T, c town) {
			t.Helper()
			longer := desk
			longer.Windows = on(spans(span(0, 24)), nil)
			c.settle(t, c.Area.ChangeSchedule(t.Context(), lifecycletest.Manager, "広げる", longer))
		}, true},
		"a timetable that is not touched": {func(t *testing.T, c town) {
			t.Helper()
			c.entitle(t, area.Schedule{ID: "even", Windows: on(spans(span(9, 10)), spans(span(9, 10))), Holidays: true}, "archive")
		}, false},
		"another timetable": {func(t *testing.T, c town) { t.Helper(); c.entitle(t, early, "archive") }, true},
		"another area": {func(t *testing.T, c town) {
			t.Helper()
			_, err := c.Area.Grant(t.Context(), lifecycletest.Manager, "1002", "server-room", "desk", period.Period{})
			c.settle(t, err)
		}, true},
		"the day": {func(t *testing.T, c town) {
			t.Helper()
			c.settle(t, c.days.Put(t.Context(), lifecycletest.Manager, "先に", calendar.Own{Date: showa, Kind: calendar.Open, Name: "期日前投票"}))
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			dbtest.Run(t, func(t *testing.T, d *db.DB) {
				c, ctx := ofTwo(t, d), t.Context()
				c.entitle(t, desk, "archive")
				id := waits(t, c.days.Put(ctx, lifecycletest.Manager, "開庁", calendar.Own{Date: showa, Kind: calendar.Open, Name: "窓口開庁"})).ID
				x.meanwhile(t, c)
				done, err := c.Approvals.Approve(ctx, lifecycletest.Second, "", id)
				if !x.stale {
					c.must(t, err)
					return
				}
				lifecycletest.WantFault(t, err, fault.Conflict, "approval.stale")
				if done[0].State != approval.Stale {
					t.Errorf("it is %s", done[0].State)
				}
			})
		})
	}
}

// R43-1: a day that came while a request waited is past, and nothing is said of it any more.
func TestADayThatCameMeanwhileIsNotDecidedAbout(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c, ctx := ofTwo(t, d), t.Context()
		c.entitle(t, area.Schedule{ID: "desk", Windows: on(spans(span(8, 17)), nil), Holidays: true}, "archive")
		id := waits(t, c.days.Put(ctx, lifecycletest.Manager, "開庁", calendar.Own{Date: showa, Kind: calendar.Open, Name: "窓口開庁"})).ID
		c.Clock.Pass(29 * 24 * 3600e9) // to 30 April
		_, err := c.Approvals.Approve(ctx, lifecycletest.Second, "", id)
		lifecycletest.WantFault(t, err, fault.Invalid, "calendar.past")
	})
}

// R14-1: the version of the day names who asked and who approved, reaches the doors once, and is bound to the ledger.
func TestAnApprovedDayNamesBothAndReachesTheDoors(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c, ctx := ofTwo(t, d), t.Context()
		c.entitle(t, area.Schedule{ID: "desk", Windows: on(spans(span(8, 17)), nil), Holidays: true}, "archive")
		before := c.wanted(t)
		id := waits(t, c.days.Put(ctx, lifecycletest.Manager, "開庁", calendar.Own{Date: showa, Kind: calendar.Open, Name: "窓口開庁"})).ID
		if after := c.wanted(t); after != before {
			t.Errorf("wanted %v after %v before it was approved", after, before)
		}
		_, err := c.Approvals.Approve(ctx, lifecycletest.Second, "確認", id)
		c.must(t, err)
		if after := c.wanted(t); after[0] != before[0]+1 || after[1] != before[1]+1 {
			t.Errorf("wanted %v after %v", after, before)
		}
		c.must(t, c.days.Remove(ctx, lifecycletest.Second, "中止", showa))
		var rows []history.Change
		c.must(t, c.Store.Read(ctx, func(q store.Queryer) (err error) {
			rows, err = history.Read(ctx, q, `SELECT n, at, actor, reason, approved_by, kind, name FROM calendar_day_version WHERE id = ? ORDER BY n`, showa)
			return err
		}))
		want := [2][3]string{{"account:manager", "開庁", "account:second"}, {"account:second", "中止", ""}}
		for i, row := range rows {
			if got := [3]string{row.Actor, row.Reason, row.ApprovedBy}; got != want[i] {
				t.Errorf("version %d by %q, want %q", row.Version, got, want[i])
			}
		}
		report, err := c.Store.Verify(ctx)
		if err != nil || !report.OK() || len(rows) != 2 {
			t.Errorf("%d versions, verify: %+v, %v", len(rows), report.Findings, err)
		}
	})
}

// R14-1: before there is a second person a city is set up by one, and what would have needed two says so.
func TestADayIsSaidByOneUntilThereAreTwo(t *testing.T) {
	run(t, func(t *testing.T, c town) {
		c.Found(t)
		c.entitle(t, area.Schedule{ID: "desk", Windows: on(spans(span(8, 17)), nil), Holidays: true}, "archive")
		c.put(t, calendar.Own{Date: showa, Kind: calendar.Open, Name: "窓口開庁"})
		var by string
		c.must(t, c.Store.Read(t.Context(), func(q store.Queryer) error {
			return q.Get(t.Context(), &by, `SELECT approved_by FROM calendar_day_version WHERE id = ?`, showa)
		}))
		if by != approval.SetUp {
			t.Errorf("approved by %q", by)
		}
	})
}
