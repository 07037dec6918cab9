package consoletest

import (
	"cmp"
	"context"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/entrylog/passage"
)

// Said is what was entered by hand.
type Said struct {
	In                   bool
	Person, Area, Reason string
}

// Present implements presence.Entries: a night with a backlog at one controller, and another that cannot be reached.
func (e *Entries) Present(context.Context, store.Actor, string) (entrylog.Presence, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	ago := func(d time.Duration) time.Time { return Now.Add(-d) }
	name := func(s string) string { return cmp.Or(e.Hostile, s) }
	archive := entrylog.Named{ID: "archive", Name: name("書庫")}
	return entrylog.Presence{At: Now, Areas: []entrylog.PresentArea{
		{ID: archive.ID, Name: archive.Name, BothWays: true, Sources: []entrylog.Source{
			{Controller: "ctl-1", Online: true, KnownTo: ago(4 * time.Second)}, {Controller: "ctl-2", KnownTo: ago(35 * time.Minute)},
		}, People: []entrylog.Present{
			{Person: "S-1001", PersonName: name("佐藤 花子"), Since: ago(20 * time.Minute), Door: "D-2", DoorName: name("書庫 入口"), Evidence: passage.BothWays, Also: []entrylog.Named{{ID: "server-room", Name: name("電子計算機室")}}},
			{Person: "S-1003", PersonName: name("高橋 次郎"), Since: ago(50 * time.Minute), Evidence: passage.ByHand},
		}},
		{ID: "meeting", Name: name("会議室"), Sources: []entrylog.Source{{Controller: "ctl-1", Online: true, KnownTo: ago(4 * time.Second)}}},
		{ID: "office", Name: name("執務室"), Sources: []entrylog.Source{{Controller: "ctl-3", Online: true, KnownTo: ago(9 * time.Minute), Missing: 1200}}, People: []entrylog.Present{
			{Person: "S-1002", PersonName: name("鈴木 一郎"), Since: ago(134 * time.Minute), Door: "D-7", DoorName: name("執務室 東"), Evidence: passage.EntryOnly, GrantOnly: true},
			{Person: "S-1004", PersonName: name("田中 美咲"), Since: ago(75 * time.Hour), Door: "D-7", DoorName: name("執務室 東"), Evidence: passage.EntryOnly, ExitUnknown: true},
		}},
		{ID: "server-room", Name: name("電子計算機室"), BothWays: true, Sources: []entrylog.Source{{Controller: "ctl-4"}}, People: []entrylog.Present{
			{Person: "S-1001", PersonName: name("佐藤 花子"), Since: ago(3 * time.Hour), Door: "D-1", DoorName: name("電子計算機室 正面扉"), Evidence: passage.BothWays, Also: []entrylog.Named{archive}},
			{Person: "S-1002", PersonName: name("鈴木 一郎"), Since: ago(5 * time.Hour), Door: "D-1", DoorName: name("電子計算機室 正面扉"), Evidence: passage.Doubtful},
		}},
	}}, e.fail
}

// EnterByHand implements presence.Entries.
func (e *Entries) EnterByHand(_ context.Context, _ store.Actor, person, area, reason string) error {
	return e.say(Said{true, person, area, reason})
}

// LeaveByHand implements presence.Entries.
func (e *Entries) LeaveByHand(_ context.Context, _ store.Actor, person, area, reason string) error {
	return e.say(Said{false, person, area, reason})
}

func (e *Entries) say(s Said) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.fail != nil:
		return e.fail
	case s.Reason == "":
		return fault.BadField("reason", "field.required", "empty")
	case s.Person != "S-1001":
		return fault.New(fault.NotFound, "staff.unknown", "nobody")
	}
	e.Said = append(e.Said, s)
	return nil
}
