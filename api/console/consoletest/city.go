// Package consoletest stands in for the registers behind the console's pages.
package consoletest

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kanmon/api/console/ui"
	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/account"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/period"
	"kanmon/lifecycle/staff"
)

// Now is the moment at which every test page is made: Friday, 18 September 2026, 03:02:41 JST.
var Now = time.Date(2026, 9, 17, 18, 2, 41, 0, time.UTC)

// Clock returns Now.
func Clock() time.Time { return Now }

// Shell makes the frame with a fixed ledger size.
func Shell(tb testing.TB) *ui.Shell {
	tb.Helper()
	s, err := ui.New(ui.Config{
		LedgerSize: func(context.Context) (int64, error) { return 1284, nil },
		Site:       "豊中市 本庁舎", Version: "0.1.0", Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// Visitor is somebody logged in with these roles.
func Visitor(roles ...authz.Role) ui.Visitor {
	return ui.Visitor{Session: account.Session{
		Account: account.Account{ID: "yamada", Roles: roles, State: account.Active},
		Token:   account.ParseToken("token"), Made: Now, Ends: Now.Add(account.AbsoluteLimit),
	}}
}

// Entries is an entry log in memory.
type Entries struct {
	mu    sync.Mutex
	list  []entrylog.Entry // by id, oldest first
	early []entrylog.Entry // before their turn, newest first
	wakes map[chan struct{}]struct{}
	fail  error

	Hostile string // in place of the names of those who are inside
	Said    []Said
}

// Add appends an entry under the next id and wakes whoever subscribed.
func (e *Entries) Add(x entrylog.Entry) entrylog.Entry {
	e.mu.Lock()
	defer e.mu.Unlock()
	x.ID = e.newest() + 3 // other registers write leaves too
	x.Alarm = x.Kind.Alarm() || x.Kind == entrylog.Quarantined
	if x.Received.IsZero() {
		x.Received = x.At
	}
	e.list = append(e.list, x)
	e.wake()
	return x
}

func (e *Entries) wake() {
	for wake := range e.wakes {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// Subscribe is what live.Config asks for.
func (e *Entries) Subscribe() (<-chan struct{}, func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	wake := make(chan struct{}, 1)
	if e.wakes == nil {
		e.wakes = map[chan struct{}]struct{}{}
	}
	e.wakes[wake] = struct{}{}
	return wake, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.wakes, wake)
	}
}

// Listeners counts who is subscribed.
func (e *Entries) Listeners() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.wakes)
}

// Newest implements live.Entries.
func (e *Entries) Newest(context.Context) (int64, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.newest(), e.fail
}

func (e *Entries) newest() int64 {
	if len(e.list) == 0 {
		return 0
	}
	return e.list[len(e.list)-1].ID
}

// List implements live.Entries as package entrylog documents it.
func (e *Entries) List(_ context.Context, _ store.Actor, f entrylog.Filter) ([]entrylog.Entry, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []entrylog.Entry
	for _, x := range e.list {
		if x.ID > f.AfterID && (f.BeforeID == 0 || x.ID < f.BeforeID) && (f.Door == "" || x.Door == f.Door) && (f.Kind == "" || x.Kind == f.Kind) {
			out = append(out, x)
		}
	}
	if f.AfterID == 0 {
		slices.Reverse(out)
	}
	limit := cmp.Or(f.Limit, 100)
	return out[:min(limit, len(out))], e.fail
}

// Show replaces what came before its turn, newest first, and wakes whoever subscribed.
func (e *Entries) Show(early ...entrylog.Entry) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range early {
		early[i].Provisional = true
	}
	e.early = early
	e.wake()
}

// Provisional implements live.Entries.
func (e *Entries) Provisional(_ context.Context, _ store.Actor, limit int) ([]entrylog.Entry, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.early[:min(limit, len(e.early))], e.fail
}

// Break makes every later answer an error; nil mends it.
func (e *Entries) Break(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fail = err
}

// Areas is a register of areas in memory.
type Areas struct{ Hostile string }

func (a Areas) name(s string) string { return cmp.Or(a.Hostile, s) }

// Areas implements areas.Areas.
func (a Areas) Areas(context.Context, store.Actor) ([]area.Area, error) {
	return []area.Area{
		{ID: "A-1", Name: a.name("電子計算機室"), Grade: 3, Record: access.Strict, Doors: 1, Version: 1},
		{ID: "A-2", Name: a.name("書庫"), Grade: 2, Record: access.BestEffort, Doors: 1, Version: 1},
	}, nil
}

// Doors implements areas.Areas and live.Doors.
func (a Areas) Doors(context.Context, store.Actor) ([]area.Door, error) {
	return []area.Door{
		{ID: "D-1", Name: a.name("電子計算機室 正面扉"), Area: "A-1", AreaName: a.name("電子計算機室"), Controller: "ctl-1", EntryReaders: []string{"IN-1"}, ReleaseMS: 3000, HeldMS: 15000},
		{ID: "D-2", Name: a.name("書庫 入口"), Area: "A-2", AreaName: a.name("書庫"), Controller: "ctl-1", EntryReaders: []string{"IN-2"}, ExitReaders: []string{"OUT-2"}, ReleaseMS: 5000, HeldMS: 30000},
	}, nil
}

// Schedules implements areas.Areas.
func (a Areas) Schedules(context.Context, store.Actor) ([]area.Schedule, error) {
	day := area.Schedule{ID: "weekdays", Name: a.name("開庁時間")}
	night := area.Schedule{ID: "night", Name: a.name("夜間保守")}
	for d := 1; d <= 5; d++ {
		day.Windows = append(day.Windows, access.Window{Day: d, From: 510, Until: 1035})
	}
	night.Windows = []access.Window{{Day: 6, From: 1320, Until: 360}}
	return []area.Schedule{day, night}, nil
}

// Rights implements people.Rights.
func (a Areas) Rights(_ context.Context, _ store.Actor, f area.RightFilter) ([]area.Right, error) {
	return []area.Right{
		{ID: "R-1", Person: f.Person, Area: "A-1", AreaName: a.name("電子計算機室"), Schedule: "weekdays", ScheduleName: a.name("開庁時間")},
		{ID: "R-2", Person: f.Person, Area: "A-2", AreaName: a.name("書庫"), Period: period.Period{Until: Day(2027, 4, 1)}},
	}, nil
}

// Day is midnight in Japan, UTC.
func Day(year, month, day int) time.Time {
	return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.FixedZone("JST", 9*3600)).UTC()
}

// Staff is a register of staff in memory.
type Staff struct{ Members []staff.Member }

// City is the staff of the test city.
func City() Staff {
	rows := []struct{ no, name, kana, section string }{
		{"S-1001", "佐藤 花子", "サトウ ハナコ", "デジタル戦略課"},
		{"S-1002", "鈴木 一郎", "スズキ イチロウ", "デジタル戦略課"},
		{"S-1003", "髙橋 美咲", "タカハシ ミサキ", "市民課"},
		{"S-1004", "田中 健", "タナカ ケン", "総務課"},
		{"S-1005", "渡邉 さくら", "ワタナベ サクラ", "税務室"},
	}
	var s Staff
	for i, r := range rows {
		s.Members = append(s.Members, staff.Member{
			ID: r.no, Name: r.name, Kana: r.kana, Section: r.section, Cards: 1 - i/4, Version: 1, Period: period.Period{From: Day(2024, 4, 1)},
		})
	}
	s.Members[3].Until = Day(2026, 4, 1)
	s.Members[4].Until = Day(2027, 4, 1)
	return s
}

// Get implements people.Staff.
func (s Staff) Get(_ context.Context, _ store.Actor, id string) (staff.Member, error) {
	for _, m := range s.Members {
		if m.ID == id {
			return m, nil
		}
	}
	return staff.Member{}, fault.New(fault.NotFound, "", "no such member")
}

// List implements people.Staff.
func (s Staff) List(_ context.Context, _ store.Actor, f staff.Filter) ([]staff.Member, error) {
	var out []staff.Member
	for _, m := range s.Members {
		if m.ID > f.After && strings.Contains(m.ID+m.Name+m.Kana+m.Section, f.Query) {
			out = append(out, m)
		}
	}
	return out[:min(cmp.Or(f.Limit, 100), len(out))], nil
}

// Night fills a log with what a guard sees in a night.
func Night(e *Entries) {
	at := Now.Add(-38 * time.Minute)
	add := func(after time.Duration, x entrylog.Entry) {
		at = at.Add(after)
		x.At, x.Controller = at, "ctl-1"
		switch x.Door {
		case "D-1":
			x.DoorName, x.Area, x.AreaName = "電子計算機室 正面扉", "A-1", "電子計算機室"
		case "D-2":
			x.DoorName, x.Area, x.AreaName = "書庫 入口", "A-2", "書庫"
		}
		e.Add(x)
	}
	sato := entrylog.Entry{Door: "D-1", Person: "S-1001", PersonName: "佐藤 花子", Card: "C-AAAAAAAAAA", CardLabel: "T-001", Direction: access.In}
	suzuki := entrylog.Entry{Door: "D-2", Person: "S-1002", PersonName: "鈴木 一郎", Card: "C-BBBBBBBBBB", CardLabel: "T-002", Direction: access.In}
	tanaka := entrylog.Entry{Door: "D-2", Person: "S-1004", PersonName: "田中 健", Card: "C-DDDDDDDDDD", CardLabel: "T-004", Direction: access.In}
	with := func(x entrylog.Entry, k event.Kind, r access.Reason) entrylog.Entry {
		x.Kind, x.Reason = k, r
		return x
	}

	add(0, entrylog.Entry{Kind: event.DeviceOnline, Device: "IN-2"})
	add(4*time.Minute, with(sato, event.AccessGranted, access.Granted))
	add(2*time.Second, entrylog.Entry{Kind: event.DoorOpened, Door: "D-1"})
	add(6*time.Second, entrylog.Entry{Kind: event.DoorClosed, Door: "D-1"})
	add(9*time.Minute, with(suzuki, event.AccessDenied, access.OutsideSchedule))
	unknown := entrylog.Entry{Door: "D-1", Direction: access.In}
	unknown.Credential = access.Key{0x9f, 0x2c, 0x41, 0xd0, 0x7a, 0xb3, 0x5e, 0x18}.Fingerprint()
	add(3*time.Minute, with(unknown, event.AccessDenied, access.UnknownCredential))
	out := with(tanaka, event.AccessGranted, access.CredentialExpired)
	out.Direction = access.Out
	add(5*time.Minute, out)
	add(8*time.Minute, entrylog.Entry{Kind: event.DoorForced, Door: "D-2"})
	add(40*time.Second, entrylog.Entry{Kind: event.DeviceOffline, Device: "IN-2"})
	add(5*time.Minute, with(tanaka, event.AccessDenied, access.CredentialExpired))
	add(90*time.Second, with(sato, event.AccessGranted, access.Granted))
	add(3*time.Second, entrylog.Entry{Kind: event.DoorOpened, Door: "D-1"})
}
