package consoletest

import (
	"context"
	"slices"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/alarm"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/notice"
	"kanmon/lifecycle/pin"
)

// Alarms is a register of alarms in memory.
type Alarms struct{ All []alarm.Alarm }

// SomeAlarms are those of a night: a forced door, a held one that was closed again, refusals, a controller that says nothing, a threat that a
// guard sees to, and one that was closed.
func SomeAlarms(hostile string) *Alarms {
	name := func(s string) string {
		if hostile != "" {
			return hostile
		}
		return s
	}
	at := func(minutes int) time.Time { return Now.Add(-time.Duration(minutes) * time.Minute) }
	one := func(n string, kind alarm.Kind, s alarm.Severity, about alarm.About, id string, minutes int) alarm.Alarm {
		return alarm.Alarm{
			ID: "A-000000000" + n, Key: alarm.Key{Kind: kind, Subject: alarm.Subject{About: about, ID: id}}, Severity: s, State: alarm.Raised, Count: 1,
			RaisedAt: at(minutes), FirstAt: at(minutes), LastAt: at(minutes), FirstEntry: 1, LastEntry: 1, Controller: "ctl-1", Version: 1,
		}
	}
	forced := one("1", "door_forced", alarm.Urgent, alarm.Door, "D-1", 4)
	forced.SubjectName, forced.DoorName, forced.Door, forced.AreaName, forced.Area = name("電子計算機室 正面扉"), name("電子計算機室 正面扉"), "D-1", name("電子計算機室"), "A-1"
	forced.Count, forced.LastAt, forced.Escalations, forced.EscalatedAt, forced.Told = 3, at(2), 1, at(1), []string{"kanri"}
	held := one("2", "door_held", alarm.Normal, alarm.Door, "D-2", 12)
	held.SubjectName, held.DoorName, held.Door, held.AreaName, held.OverAt = name("書庫 入口"), name("書庫 入口"), "D-2", name("書庫"), at(10)
	refusals := one("3", alarm.RepeatedRefusals, alarm.Normal, alarm.Credential, "9f2c41d07ab35e18", 8)
	refusals.DoorName, refusals.Door, refusals.AreaName, refusals.Count, refusals.LastAt = name("書庫 入口"), "D-2", name("書庫"), 5, at(6)
	silent := one("4", alarm.ControllerSilent, alarm.Normal, alarm.Controller, "ctl-2", 30)
	silent.Place, silent.State, silent.TakenBy, silent.TakenAt, silent.FirstEntry, silent.LastEntry = name("文書館"), alarm.Acknowledged, "account:shuei", at(25), 0, 0
	duress := one("5", "duress", alarm.Urgent, alarm.Person, "S-1001", 40)
	duress.SubjectName, duress.DoorName, duress.Door, duress.State, duress.TakenBy, duress.TakenAt = name("佐藤 花子"), name("電子計算機室 正面扉"), "D-1", alarm.Acknowledged, "account:shuei", at(39)
	closed := one("6", "box_opened", alarm.Urgent, alarm.Controller, "ctl-1", 300)
	closed.Place, closed.State, closed.TakenBy, closed.TakenAt, closed.OverAt = name("本庁舎3階 電気室"), alarm.Closed, "account:shuei", at(299), at(280)
	closed.ClosedBy, closed.ClosedAt, closed.Note = "account:shuei", at(270), name("蓄電池の交換（点検業者）")
	return &Alarms{All: []alarm.Alarm{forced, refusals, held, silent, duress, closed}}
}

func (a *Alarms) find(id string) (*alarm.Alarm, error) {
	i := slices.IndexFunc(a.All, func(x alarm.Alarm) bool { return x.ID == id })
	if i < 0 {
		return nil, fault.New(fault.NotFound, "alarm.unknown", "no such alarm")
	}
	return &a.All[i], nil
}

// List implements alarms.Alarms.
func (a *Alarms) List(_ context.Context, _ store.Actor, f alarm.Filter) ([]alarm.Alarm, error) {
	var out []alarm.Alarm
	for _, x := range a.All {
		if (x.State == alarm.Closed) == (f.State == alarm.Closed) && (f.Before == "" || x.ID > f.Before) {
			out = append(out, x)
		}
	}
	return out[:min(len(out), f.Limit)], nil
}

// Get implements alarms.Alarms.
func (a *Alarms) Get(_ context.Context, _ store.Actor, id string) (alarm.Story, error) {
	x, err := a.find(id)
	if err != nil {
		return alarm.Story{}, err
	}
	s := alarm.Story{Alarm: *x, Steps: []alarm.Step{{N: 1, At: x.RaisedAt, Actor: "controller:ctl-1", What: "raised"}}}
	if x.Escalations > 0 {
		s.Steps = append(s.Steps, alarm.Step{N: 2, At: x.EscalatedAt, Actor: "system:watch", What: "escalated", Told: x.Told})
	}
	if x.TakenBy != "" {
		s.Steps = append(s.Steps, alarm.Step{N: 2, At: x.TakenAt, Actor: x.TakenBy, What: "acknowledged"})
	}
	if x.State == alarm.Closed {
		s.Steps = append(s.Steps, alarm.Step{N: 3, At: x.ClosedAt, Actor: x.ClosedBy, What: "closed", Note: x.Note})
	}
	if x.FirstEntry > 0 {
		e := entrylog.Entry{ID: 1, At: x.FirstAt, Received: x.FirstAt, Kind: event.Kind(x.Kind), DoorName: x.DoorName}
		if x.Subject.About == alarm.Person {
			e.PersonName = x.SubjectName
		}
		if x.Kind == alarm.RepeatedRefusals {
			e.Kind, e.Reason, e.Credential = event.AccessDenied, access.UnknownCredential, x.Subject.ID
		}
		s.Entries = []entrylog.Entry{e}
	}
	return s, nil
}

// Acknowledge implements alarms.Alarms.
func (a *Alarms) Acknowledge(_ context.Context, actor store.Actor, id string, lastEntry int64) (alarm.Alarm, error) {
	x, err := a.find(id)
	switch {
	case err != nil:
		return alarm.Alarm{}, err
	case x.State != alarm.Raised:
		return alarm.Alarm{}, fault.New(fault.Conflict, "alarm.taken", "taken")
	case x.Severity == alarm.Urgent && x.LastEntry > lastEntry:
		return alarm.Alarm{}, fault.New(fault.Conflict, "alarm.more", "more")
	}
	x.State, x.TakenBy, x.TakenAt = alarm.Acknowledged, actor.String(), Now
	return *x, nil
}

// Close implements alarms.Alarms.
func (a *Alarms) Close(_ context.Context, actor store.Actor, id, note string, lastEntry int64) (alarm.Alarm, error) {
	x, err := a.find(id)
	switch {
	case err != nil:
		return alarm.Alarm{}, err
	case note == "":
		return alarm.Alarm{}, fault.BadField("note", "field.required", "empty")
	case x.State == alarm.Raised:
		return alarm.Alarm{}, fault.New(fault.Conflict, "alarm.not_acknowledged", "not acknowledged")
	case x.LastEntry > lastEntry:
		return alarm.Alarm{}, fault.New(fault.Conflict, "alarm.more", "more")
	}
	x.State, x.Note, x.ClosedBy, x.ClosedAt = alarm.Closed, note, actor.String(), Now
	return *x, nil
}

// Standing implements alarms.Alarms.
func (a *Alarms) Standing(context.Context, store.Actor) (alarm.Standing, error) {
	var s alarm.Standing
	for _, x := range a.All {
		if x.State != alarm.Closed {
			s.Open++
		}
		if x.State == alarm.Raised {
			s.Raised++
		}
	}
	return s, nil
}

// Notices is an inbox in memory.
type Notices struct{ All []notice.Notice }

// SomeNotices are one that is unread, one that was read, and one of a kind that the page does not know.
func SomeNotices(hostile string) *Notices {
	name := "電子計算機室 正面扉"
	if hostile != "" {
		name = hostile
	}
	about := map[string]string{"alarm": "door_forced", "about": "door", "subject": "D-1", "name": name, "times": "1"}
	silent := map[string]string{"alarm": "controller_silent", "about": "controller", "subject": "ctl-2"}
	return &Notices{All: []notice.Notice{
		{ID: "N-0000000001", Kind: alarm.Escalated, Subject: "A-0000000001", Link: "/alarms/A-0000000001", At: Now.Add(-time.Minute), Params: about},
		{ID: "N-0000000002", Kind: alarm.Escalated, Subject: "A-0000000004", Link: "/alarms/A-0000000004", At: Now.Add(-time.Hour), Params: silent, ReadAt: Now},
		{ID: "N-0000000004", Kind: pin.EndingNotice, Subject: "14", Link: "/pins", At: Now.Add(-3 * time.Hour), ReadAt: Now, Params: map[string]string{"days": "14", "count": "3", "first": "2026-09-30T15:30:00Z"}},
		{ID: "N-0000000003", Kind: "of_tomorrow", Link: "/", At: Now.Add(-24 * time.Hour), ReadAt: Now},
	}}
}

// Inbox implements notices.Notices.
func (n *Notices) Inbox(context.Context, store.Actor, notice.Filter) ([]notice.Notice, error) {
	return n.All, nil
}

// Unread implements notices.Notices.
func (n *Notices) Unread(context.Context, store.Actor) (int, error) {
	count := 0
	for _, x := range n.All {
		if x.ReadAt.IsZero() {
			count++
		}
	}
	return count, nil
}

// MarkRead implements notices.Notices.
func (n *Notices) MarkRead(_ context.Context, _ store.Actor, id string) (string, error) {
	for i := range n.All {
		if n.All[i].ID == id {
			n.All[i].ReadAt = Now
			return n.All[i].Link, nil
		}
	}
	return "", fault.New(fault.NotFound, "notice.unknown", "no such notice")
}
