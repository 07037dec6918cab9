// Package lifecycletest gives tests a small city: the registers over one database, a clock that stands still
// until told, and a few areas, doors, people and cards to work with.
package lifecycletest

import (
	"crypto/sha256"
	"sync"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/db"
	"kanmon/internal/store"
	"kanmon/lifecycle/account"
	"kanmon/lifecycle/alarm"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/grade"
	"kanmon/lifecycle/lockdown"
	"kanmon/lifecycle/period"
	"kanmon/lifecycle/pin"
	"kanmon/lifecycle/profile"
	"kanmon/lifecycle/revocation"
	"kanmon/lifecycle/staff"
	"kanmon/reader/credential"
)

// Actors of the tests.
var (
	Manager = store.Actor{Kind: store.ActorAccount, ID: "manager", Roles: []authz.Role{authz.SystemManager}}
	Second  = store.Actor{Kind: store.ActorAccount, ID: "second", Roles: []authz.Role{authz.SecurityManager}}
	Guard   = store.Actor{Kind: store.ActorAccount, ID: "guard", Roles: []authz.Role{authz.Guard}}
	Nobody  = store.Actor{Kind: store.ActorAccount, ID: "nobody", Roles: []authz.Role{authz.Contractor}}
)

// Clock is the time of a City's store.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Pass lets time pass.
func (c *Clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// City is the registers over one database.
type City struct {
	Store   *store.Store
	Clock   *Clock
	Staff   *staff.Register
	Area    *area.Register
	Device  *device.Register
	Card    *card.Register
	PIN     *pin.Register
	Entries *entrylog.Register
	Alarms  *alarm.Register

	Accounts    *account.Register
	Approvals   *approval.Register
	Grades      *grade.Register
	Lockdowns   *lockdown.Register
	Profiles    *profile.Register
	Revocations *revocation.Register

	// Hash gives the forms in which cards go to doors; one at first.
	Hash access.Forms
}

// Forms are what Hash gives at that moment.
func (c *City) Forms(first access.Key) []access.Key { return c.Hash(first) }

// Open makes a city with empty registers. Its clock stands at 2027-04-01 09:00 in Japan.
func Open(tb testing.TB, d *db.DB) *City {
	tb.Helper()
	clock := &Clock{now: time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)}
	s, err := store.New(d, store.Config{Origin: "kanmon.example/test", Clock: clock.Now})
	if err != nil {
		tb.Fatal(err)
	}
	revocations := revocation.New(s, revocation.Config{})
	c := &City{
		Store: s, Clock: clock, Staff: staff.New(s), Device: device.New(s), Entries: entrylog.New(s), Revocations: revocations,
		Hash: access.OneForm, Alarms: alarm.New(s, alarm.Limits{}), Approvals: approval.New(s),
		Accounts: account.New(s, account.Config{Cost: account.Cost{MemoryKiB: 8, Passes: 1, Lanes: 1}, Clock: clock.Now}),
	}
	c.Area, c.Grades, c.Lockdowns = area.New(s, c.Approvals), grade.New(s, c.Approvals), lockdown.New(s)
	c.Profiles = profile.New(s, c.Approvals)
	c.Card = card.New(s, revocations, c.Forms)
	c.PIN = pin.New(s, pin.Config{HashKey: HashKey(tb)})
	return c
}

// Found fills the registers:
//
//	controllers enrolled with the keys DeviceKey gives
//	ctl-1: D-1 into server-room (in IN-1, out OUT-1), D-2 into archive (in IN-2)
//	ctl-2: D-3 into archive (in IN-1)
//	1001 佐藤 花子, card K-1: responsible for both areas; server-room and archive at any hour
//	1002 鈴木 一郎, card K-2: archive in office hours
//	1003 高橋 次郎, card K-3: no right
func (c *City) Found(tb testing.TB) {
	tb.Helper()
	ctx := tb.Context()
	c.people(tb)
	for _, name := range []string{"ctl-1", "ctl-2"} {
		_, err := c.Device.AddController(ctx, Manager, device.NewController{Name: name, Place: "本庁舎 2階"})
		must(tb, err)
		c.Enroll(tb, name)
	}
	for i, name := range []string{"ctl-1/IN-1", "ctl-1/OUT-1", "ctl-1/IN-2", "ctl-2/IN-1"} {
		_, err := c.Device.AddReader(ctx, Manager, device.Reader{
			Controller: name[:5], Name: name[6:], Kind: device.OSDPReader, Address: i,
		})
		must(tb, err)
	}
	for _, a := range []area.Area{
		{ID: "server-room", Name: "電子計算機室", Grade: 3, Record: access.Strict, Owner: "1001"},
		{ID: "archive", Name: "書庫", Grade: 2, Record: access.BestEffort, Owner: "1001"},
	} {
		_, err := c.Area.AddArea(ctx, Manager, a)
		must(tb, err)
	}
	_, err := c.Area.AddSchedule(ctx, Manager, area.Schedule{ID: "office", Name: "執務時間", Windows: OfficeHours()})
	must(tb, err)
	c.doors(tb)
	c.rights(tb)
}

// OfficeHours is Monday to Friday, 8:30 to 17:15.
func OfficeHours() []access.Window {
	var windows []access.Window
	for day := 1; day <= 5; day++ {
		windows = append(windows, access.Window{Day: day, From: 510, Until: 1035})
	}
	return windows
}

func (c *City) doors(tb testing.TB) {
	tb.Helper()
	for _, d := range []area.Door{
		{ID: "D-1", Name: "電算室 正面", Area: "server-room", Controller: "ctl-1", EntryReaders: []string{"IN-1"}, ExitReaders: []string{"OUT-1"}},
		{ID: "D-2", Name: "書庫 南", Area: "archive", Controller: "ctl-1", EntryReaders: []string{"IN-2"}},
		{ID: "D-3", Name: "書庫 北", Area: "archive", Controller: "ctl-2", EntryReaders: []string{"IN-1"}},
	} {
		d.ReleaseMS, d.HeldMS = 5_000, 30_000
		_, err := c.Area.AddDoor(tb.Context(), Manager, d)
		must(tb, err)
	}
}

func (c *City) people(tb testing.TB) {
	tb.Helper()
	ctx := tb.Context()
	for i, name := range []string{"佐藤 花子", "鈴木 一郎", "高橋 次郎"} {
		no := "100" + string(rune('1'+i))
		_, err := c.Staff.Add(ctx, Manager, staff.Details{No: no, Name: name, Kana: "カナ", Section: "デジタル戦略課"})
		must(tb, err)
		_, err = c.Card.Issue(ctx, Manager, card.Issue{
			Label: "K-" + string(rune('1'+i)), Kind: card.Personal, Person: no, Key: Key(no),
		})
		must(tb, err)
	}
}

func (c *City) rights(tb testing.TB) {
	tb.Helper()
	ctx := tb.Context()
	for _, right := range [][3]string{{"1001", "server-room", ""}, {"1001", "archive", ""}, {"1002", "archive", "office"}} {
		_, err := c.Area.Grant(ctx, Manager, right[0], right[1], right[2], period.Period{})
		must(tb, err)
	}
}

// Key is a credential key made of a name.
func Key(name string) access.Key { return sha256.Sum256([]byte(name)) }

// HashKey is the site's key under which PINs are hashed.
func HashKey(tb testing.TB) credential.HashKey {
	tb.Helper()
	k, err := credential.NewHashKey([]byte("a key of the test city: 32 bytes"))
	must(tb, err)
	return k
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
