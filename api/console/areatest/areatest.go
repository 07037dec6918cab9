// Package areatest stands in for the registers behind the pages of one area and of requests.
package areatest

import (
	"cmp"
	"context"
	"slices"
	"time"

	"kanmon/api/console/consoletest"
	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/area/premises"
	"kanmon/lifecycle/history"
)

// OneArea is a register of areas in memory that keeps what the pages of one area give it.
type OneArea struct {
	Hostile string
	Locked  bool
	Linked  string // the interlock of every door
	Fail    error  // of every change
	Got     area.Area
	Reason  string
	Granted []area.Right
	Door    area.Door // the last that was added or changed
	Group   []string  // the doors of the last interlock
	Done    string    // the last change: "add", "change", "grant", "withdraw R-1", "lock", "lift"
}

func (o *OneArea) name(s string) string { return cmp.Or(o.Hostile, s) }

func (o *OneArea) city() consoletest.Areas { return consoletest.Areas{Hostile: o.Hostile} }

// Areas implements areas.Areas.
func (o *OneArea) Areas(ctx context.Context, actor store.Actor) ([]area.Area, error) {
	return o.city().Areas(ctx, actor)
}

// Doors implements area.Areas.
func (o *OneArea) Doors(ctx context.Context, actor store.Actor) ([]area.Door, error) {
	doors, err := o.city().Doors(ctx, actor)
	for i := range doors {
		doors[i].Interlock = o.Linked
	}
	return doors, err
}

// DoorHistory implements area.Areas.
func (o *OneArea) DoorHistory(context.Context, store.Actor, string) ([]history.Change, error) {
	at := consoletest.Day(2026, 9, 1)
	return []history.Change{
		{Version: 1, At: at, Actor: "account:kanri", ApprovedBy: approval.SetUp, Fields: []history.Field{{Name: "name", Value: "正面扉", Changed: true}}},
		{Version: 2, At: at.Add(30 * time.Hour), Actor: "account:kanri", ApprovedBy: "account:shonin", Reason: o.name("出るときも読み取る"), Fields: []history.Field{
			{Name: "exit_readers", Before: "[]", Value: `["OUT-1"]`, Changed: true}, {Name: "release_ms", Before: "5000", Value: "3000", Changed: true},
		}},
	}, nil
}

// AddDoor implements area.Areas.
func (o *OneArea) AddDoor(_ context.Context, _ store.Actor, d area.Door) (area.Door, error) {
	o.Door = d
	return d, o.did("add door", d.Why)
}

// ChangeDoor implements area.Areas.
func (o *OneArea) ChangeDoor(_ context.Context, _ store.Actor, reason string, d area.Door) error {
	o.Door = d
	return o.did("change door", reason)
}

// Interlock implements area.Areas.
func (o *OneArea) Interlock(_ context.Context, _ store.Actor, reason, name string, doors []string) error {
	o.Group = doors
	return o.did("interlock "+name, reason)
}

// Schedules implements area.Areas.
func (o *OneArea) Schedules(ctx context.Context, actor store.Actor) ([]area.Schedule, error) {
	return o.city().Schedules(ctx, actor)
}

// AddSchedule implements areas.Areas.
func (o *OneArea) AddSchedule(_ context.Context, _ store.Actor, s area.Schedule) (area.Schedule, error) {
	return s, o.did("add schedule", "")
}

// ChangeSchedule implements areas.Areas.
func (o *OneArea) ChangeSchedule(_ context.Context, _ store.Actor, reason string, _ area.Schedule) error {
	return o.did("change schedule", reason)
}

// Area implements area.Areas.
func (o *OneArea) Area(_ context.Context, _ store.Actor, id string) (area.Area, error) {
	if !slices.Contains([]string{"A-1", "A-2", "archive", "office", "server-room"}, id) {
		return area.Area{}, fault.New(fault.NotFound, "area.unknown_area", "no such area")
	}
	a := area.Area{
		ID: id, Name: o.name("電子計算機室"), Grade: 3, Record: access.Strict, Owner: "S-1001", OwnerName: o.name("佐藤 花子"), Doors: 1, Version: 2,
		Rules: access.Rules{
			Factors: access.FactorsCardPIN, Trust: access.TrustMemory, InOut: true, Passback: access.PassbackHard, ResetAt: 240, TwoPerson: true, Most: 6, First: true,
			WindowS: 10, Visitors: 3, Recovery: []string{"S-1001", "S-1002"},
		},
	}
	if o.Locked {
		a.Lockdown = area.Lockdown{On: true, At: consoletest.Clock().Add(-time.Hour), By: "account:shuei", Reason: o.name("不審者がいる")}
	}
	return a, nil
}

// AreaHistory implements area.Areas.
func (o *OneArea) AreaHistory(context.Context, store.Actor, string) ([]history.Change, error) {
	at := consoletest.Day(2026, 9, 1)
	return []history.Change{
		{Version: 1, At: at, Actor: "account:kanri", ApprovedBy: approval.SetUp, Fields: []history.Field{
			{Name: "name", Value: "電子計算機室", Changed: true}, {Name: "grade", Value: "2", Changed: true}, {Name: "rules", Value: "{}", Changed: true},
		}},
		{Version: 2, At: at.Add(30 * time.Hour), Actor: "account:kanri", ApprovedBy: "account:shonin", Reason: o.name("二人入室にする"), Fields: []history.Field{
			{Name: "name", Before: "電子計算機室", Value: "電子計算機室"},
			{Name: "grade", Before: "2", Value: "3", Changed: true},
			{Name: "rules", Before: "{}", Value: `{"factors":"card_pin","in_out":true,"two_person":true}`, Changed: true},
		}},
	}, nil
}

func (o *OneArea) did(what, reason string) error {
	if o.Fail == nil {
		o.Done, o.Reason = what, reason
	}
	return o.Fail
}

// AddArea implements area.Areas.
func (o *OneArea) AddArea(_ context.Context, _ store.Actor, a area.Area) (area.Area, error) {
	o.Got = a
	return a, o.did("add", a.Why)
}

// ChangeArea implements area.Areas.
func (o *OneArea) ChangeArea(_ context.Context, _ store.Actor, reason string, a area.Area) error {
	o.Got = a
	return o.did("change", reason)
}

// GrantAll implements area.Areas.
func (o *OneArea) GrantAll(_ context.Context, _ store.Actor, reason string, rights []area.Right) ([]area.Right, error) {
	o.Granted = rights
	return rights, o.did("grant", reason)
}

// Withdraw implements area.Areas.
func (o *OneArea) Withdraw(_ context.Context, _ store.Actor, id, reason string) error {
	return o.did("withdraw "+id, reason)
}

// Rights implements area.Areas.
func (o *OneArea) Rights(context.Context, store.Actor, area.RightFilter) ([]area.Right, error) {
	return []area.Right{
		{ID: "R-1", Person: "S-1001", PersonName: o.name("佐藤 花子"), Area: "A-1", Escort: true, First: true, Lockdown: true},
		{ID: "R-2", Person: "S-1002", PersonName: o.name("鈴木 一郎"), Area: "A-1", Schedule: "weekdays", ScheduleName: o.name("開庁時間")},
	}, nil
}

// Begin implements area.Lockdowns.
func (o *OneArea) Begin(_ context.Context, _ store.Actor, _, reason string) error {
	return o.did("lock", reason)
}

// Lift implements area.Lockdowns.
func (o *OneArea) Lift(_ context.Context, _ store.Actor, _, reason string) error {
	return o.did("lift", reason)
}

// Grades is a table of grades in memory.
type Grades struct {
	Hostile string
	Fail    error // of every change
	Got     *premises.Least
	Reason  *string
}

// List implements area.Grades.
func (Grades) List(context.Context, store.Actor) ([]premises.Least, error) {
	return []premises.Least{premises.DefaultLeast(1), premises.DefaultLeast(2), {Grade: 3, Factors: access.FactorsCardPIN, Trust: access.TrustMemory, Version: 1}}, nil
}

// History implements grades.Grades.
func (g Grades) History(_ context.Context, _ store.Actor, grade int) ([]history.Change, error) {
	if grade != 3 {
		return nil, nil
	}
	return []history.Change{{
		Version: 1, At: consoletest.Day(2026, 9, 1), Actor: "account:kanri", ApprovedBy: "account:shonin", Reason: cmp.Or(g.Hostile, "規程の改正"),
		Fields: []history.Field{{Name: "factors", Value: "card_pin", Changed: true}, {Name: "trust", Value: "memory", Changed: true}},
	}}, nil
}

// Set implements grades.Grades.
func (g Grades) Set(_ context.Context, _ store.Actor, reason string, l premises.Least) error {
	if g.Got != nil {
		*g.Got, *g.Reason = l, reason
	}
	return g.Fail
}

// Approvals is a register of requests in memory.
type Approvals struct {
	All  []approval.Request
	Fail error
	Done string // the last decision: "approve A-1: note"
}

// SomeApprovals are requests that wait, one of them by yamada, who visits, and one that was approved: of an area, rights, a timetable, a day, and a door.
func SomeApprovals(hostile string) *Approvals {
	name := func(s string) string { return cmp.Or(hostile, s) }
	at := consoletest.Day(2026, 9, 17).Add(10 * time.Hour)
	change := func(kind, subject, before, body string) approval.Change {
		return approval.Change{Register: "area", Kind: kind, Subject: subject, About: "A-1", Before: before, Body: body, Reason: name("二人入室にする")}
	}
	return &Approvals{All: []approval.Request{
		{ID: "Q-1", Applicant: "account:kanri", At: at, State: approval.Pending, Change: change("area.change", "A-1",
			`{"id":"A-1","name":"電子計算機室","grade":2,"record":"strict"}`,
			`{"id":"A-1","name":"`+"電子計算機室"+`","grade":3,"record":"strict","owner":"S-1001","factors":"card_pin","in_out":true,"passback":"timed","passback_s":300,"reset_at":240,"two_person":true}`)},
		{ID: "Q-2", Applicant: "account:yamada", At: at.Add(-time.Hour), State: approval.Pending, Change: change("right.grant", "R-9", "",
			`[{"id":"R-9","person":"S-1003","area":"A-1","schedule":"weekdays","until":"2027-03-31T15:00:00.000000Z","escort":true},{"id":"R-8","person":"S-1004","area":"A-1"}]`)},
		{
			ID: "Q-3", Applicant: "account:yamada", At: at.Add(-48 * time.Hour), State: approval.Approved, Decider: "account:kanri", DecidedAt: at.Add(-24 * time.Hour), Note: name("確認済み"),
			Change: change("door.add", "D-9", "", `{"id":"D-9","name":"裏口","area":"A-1","controller":"ctl-1","entry_readers":["IN-9"],"release_ms":5000,"held_ms":30000}`),
		},
		{ID: "Q-4", Applicant: "account:kanri", At: at.Add(-2 * time.Hour), State: approval.Pending, Change: approval.Change{
			Register: "area", Kind: "schedule.change", Subject: "weekdays", Reason: name("夜間の窓口"),
			Before: `{"id":"weekdays","name":"開庁時間","windows":[{"day":1,"from":510,"until":1035},{"day":5,"from":510,"until":1035}],"special":[{"date":"2026-10-04"}]}`,
			Body: `{"id":"weekdays","name":"` + name("開庁時間") + `","windows":[{"day":1,"from":510,"until":1035},{"day":5,"from":1320,"until":360},{"day":5,"from":510,"until":1035},{"day":7,"from":540,"until":720}],` +
				`"holidays":true,"special":[{"date":"2026-10-04"},{"date":"2026-11-01","windows":[{"from":510,"until":720}]}]}`,
		}},
		{ID: "Q-5", Applicant: "account:kanri", At: at.Add(-3 * time.Hour), State: approval.Pending, Change: approval.Change{
			Register: "calendar", Kind: "calendar.put", Subject: "2026-11-03", Reason: name("期日前投票"),
			Before: `{"date":"2026-11-03","own":"none","name":"","holiday":true}`,
			Body: `{"date":"2026-11-03","own":"open","name":"` + name("期日前投票") + `","holiday":false,"timetables":[` +
				`{"schedule":"weekdays","name":"` + name("開庁時間") + `","areas":[{"id":"A-1","name":"電子計算機室"},{"id":"A-2","name":"書庫"}],"before":null,"after":[{"from":510,"until":1035}]},` +
				`{"schedule":"duty","name":"休日当番","areas":[{"id":"A-2","name":"書庫"}],"before":[{"from":1320,"until":360}],"after":null}]}`,
		}},
	}}
}

// List implements approvals.Approvals.
func (a *Approvals) List(_ context.Context, _ store.Actor, f approval.Filter) ([]approval.Request, error) {
	var list []approval.Request
	for _, r := range a.All {
		if (f.State == "" || r.State == f.State) && (f.About == "" || r.About == f.About) {
			list = append(list, r)
		}
	}
	return list, nil
}

// Get implements approvals.Approvals.
func (a *Approvals) Get(_ context.Context, _ store.Actor, id string) (approval.Request, error) {
	for _, r := range a.All {
		if r.ID == id {
			return r, nil
		}
	}
	return approval.Request{}, fault.New(fault.NotFound, "approval.unknown", "no such request")
}

func (a *Approvals) decide(what, id, note string) (approval.Request, error) {
	if a.Fail == nil {
		a.Done = what + " " + id + ": " + note
	}
	return approval.Request{}, a.Fail
}

// Approve implements approvals.Approvals.
func (a *Approvals) Approve(_ context.Context, _ store.Actor, note string, ids ...string) ([]approval.Request, error) {
	r, err := a.decide("approve", ids[0], note)
	return []approval.Request{r}, err
}

// Refuse implements approvals.Approvals.
func (a *Approvals) Refuse(_ context.Context, _ store.Actor, id, note string) (approval.Request, error) {
	return a.decide("refuse", id, note)
}

// Withdraw implements approvals.Approvals.
func (a *Approvals) Withdraw(_ context.Context, _ store.Actor, id, note string) (approval.Request, error) {
	return a.decide("withdraw", id, note)
}
