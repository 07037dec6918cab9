package decide_test

import (
	"strings"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
)

const (
	weekdays = "8:30–17:15 on weekdays"
	night    = "22:00–06:00, every night"
	saturday = "Saturday 22:00 over midnight"
)

var (
	satoKey  = access.Key{1}
	abeKey   = access.Key{2}
	guestKey = access.Key{3}
)

// jst is a moment of Wednesday, 1 July 2026 and the days after, in Japan.
func jst(day, hour, minute int) time.Time {
	return time.Date(2026, 7, day, hour, minute, 0, 0, time.FixedZone("JST", 9*3600))
}

// city has two areas. Sato may enter the server room on weekdays and the archive always; Abe the server room at night; a guest
// whose everything ends on 3 July the archive.
func smallCity() access.Spec {
	end := jst(3, 0, 0).Unix()
	days := func(from, until int, which ...int) (w []access.Window) {
		for _, d := range which {
			w = append(w, access.Window{Day: d, From: from, Until: until})
		}
		return w
	}
	return access.Spec{
		Version: access.Version{Epoch: 1, N: 7},
		Areas:   []access.Area{{ID: "server", Grade: 3, Record: access.Strict}, {ID: "archive", Grade: 2, Record: access.BestEffort}},
		Doors: []access.Door{
			{ID: "D-1", Area: "server", EntryReads: []string{"IN-1"}, ExitReads: []string{"OUT-1"}, ReleaseMS: 3000, HeldMS: 20_000},
			{ID: "D-2", Area: "archive", EntryReads: []string{"IN-2"}, ReleaseMS: 5000, HeldMS: 20_000},
		},
		Schedules: []access.Schedule{
			{ID: weekdays, Windows: days(8*60+30, 17*60+15, 1, 2, 3, 4, 5)},
			{ID: night, Windows: days(22*60, 6*60, 0, 1, 2, 3, 4, 5, 6)},
			{ID: saturday, Windows: days(22*60, 60, 6)},
			{ID: "never"},
		},
		People: []access.Person{{ID: "sato"}, {ID: "abe"}, {ID: "guest", From: jst(1, 0, 0).Unix(), Until: end}},
		Credentials: []access.Credential{
			{Key: satoKey, Card: "C-1", Person: "sato", State: access.Active},
			{Key: abeKey, Card: "C-2", Person: "abe", State: access.Active, From: jst(1, 0, 0).Unix(), Until: end},
			{Key: guestKey, Card: "C-3", Person: "guest", State: access.Active},
			{Key: access.Key{4}, Card: "C-4", Person: "sato", State: access.Revoked},
			{Key: access.Key{5}, Card: "C-5", Person: "sato", State: access.Suspended},
			{Key: access.Key{6}, Card: "C-6", Person: "sato", State: "lost in the post"},
			{Key: access.Key{7}, Card: "C-7", Person: "sato"},
		},
		Rights: []access.Right{
			{Person: "sato", Area: "server", Schedule: weekdays},
			{Person: "abe", Area: "server", Schedule: night},
			{Person: "sato", Area: "archive"},
			{Person: "abe", Area: "archive", Schedule: saturday},
			{Person: "guest", Area: "archive", From: jst(2, 9, 0).Unix(), Until: jst(2, 17, 0).Unix()},
		},
	}
}

func compile(tb testing.TB, s access.Spec) *decide.Policy {
	tb.Helper()
	p, err := decide.Compile(s)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// R43-2: anyone not allowed is refused at the door. R44-1: entry by card.
func TestR43_2_R44_1_TheCardDecidesAtTheEntry(t *testing.T) {
	p := compile(t, smallCity())
	for _, test := range []struct {
		name, reader string
		key          access.Key
		now          time.Time
		want         access.Reason
	}{
		{"within the hours", "IN-1", satoKey, jst(1, 12, 0), access.Granted},
		{"the first second", "IN-1", satoKey, jst(1, 8, 30), access.Granted},
		{"a second before", "IN-1", satoKey, jst(1, 8, 30).Add(-time.Second), access.OutsideSchedule},
		{"the last second", "IN-1", satoKey, jst(1, 17, 15).Add(-time.Second), access.Granted},
		{"the end itself", "IN-1", satoKey, jst(1, 17, 15), access.OutsideSchedule},
		{"the weekend", "IN-1", satoKey, jst(4, 12, 0), access.OutsideSchedule},
		{"after midnight of the night before", "IN-1", abeKey, jst(2, 5, 59), access.Granted},
		{"the end of the night", "IN-1", abeKey, jst(2, 6, 0), access.OutsideSchedule},
		{"the night over the week's end: Saturday", "IN-2", abeKey, jst(2, 23, 0), access.OutsideSchedule},
		{"always", "IN-2", satoKey, jst(5, 3, 0), access.Granted},
		{"a card nobody knows", "IN-1", access.Key{99}, jst(1, 12, 0), access.UnknownCredential},
		{"the zero key", "IN-1", access.Key{}, jst(1, 12, 0), access.UnknownCredential},
		{"a revoked card", "IN-2", access.Key{4}, jst(1, 12, 0), access.CredentialRevoked},
		{"a suspended card", "IN-2", access.Key{5}, jst(1, 12, 0), access.CredentialSuspend},
		{"a state nobody knows", "IN-2", access.Key{6}, jst(1, 12, 0), access.CredentialRevoked},
		{"no state", "IN-2", access.Key{7}, jst(1, 12, 0), access.CredentialRevoked},
		{"a card before its time", "IN-1", abeKey, jst(1, 0, 0).Add(-time.Second), access.CredentialEarly},
		{"a card in its first second", "IN-1", abeKey, jst(1, 0, 0), access.Granted},
		{"a card after its time", "IN-1", abeKey, jst(3, 0, 0), access.CredentialExpired},
		{"a person before his time", "IN-2", guestKey, jst(1, 0, 0).Add(-time.Second), access.PersonEarly},
		{"a person after his time", "IN-2", guestKey, jst(3, 0, 0), access.PersonExpired},
		{"a right before its time", "IN-2", guestKey, jst(2, 8, 59), access.NoRight},
		{"a right in its time", "IN-2", guestKey, jst(2, 9, 0), access.Granted},
		{"a right after its time", "IN-2", guestKey, jst(2, 17, 0), access.NoRight},
		{"a right to another area only", "IN-1", guestKey, jst(2, 9, 0), access.NoRight},
		{"a reader nobody knows", "IN-9", satoKey, jst(1, 12, 0), access.UnknownReader},
		{"no reader", "", satoKey, jst(1, 12, 0), access.UnknownReader},
		{"no clock, everything unlimited", "IN-2", satoKey, time.Time{}, access.Granted},
		{"no clock and hours", "IN-1", satoKey, time.Time{}, access.TimeUnknown},
		{"no clock and a limited card", "IN-2", abeKey, time.Time{}, access.TimeUnknown},
		{"no clock and a limited person", "IN-2", guestKey, time.Time{}, access.TimeUnknown},
		{"no clock and no right", "IN-1", guestKey, time.Time{}, access.NoRight},
		{"no clock and a revoked card", "IN-2", access.Key{4}, time.Time{}, access.CredentialRevoked},
	} {
		d := decide.Decide(p, decide.Request{Reader: test.reader, Key: test.key}, test.now)
		if d.Reason != test.want || d.Allow != (test.want == access.Granted) {
			t.Errorf("%s: %+v, want %s", test.name, d, test.want)
		}
	}
}

func TestADecisionNamesTheDoorAndWhoStandsThere(t *testing.T) {
	p := compile(t, smallCity())
	got := decide.Decide(p, decide.Request{Reader: "IN-2", Key: satoKey}, jst(1, 12, 0))
	want := decide.Decision{
		Allow: true, Reason: access.Granted, Direction: access.In, Door: "D-2", Area: "archive",
		Person: "sato", Card: "C-1", Record: access.BestEffort, ReleaseMS: 5000,
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	got = decide.Decide(p, decide.Request{Reader: "IN-1", Key: access.Key{99}}, jst(1, 12, 0))
	want = decide.Decision{Reason: access.UnknownCredential, Direction: access.In, Door: "D-1", Area: "server", Record: access.Strict, ReleaseMS: 3000}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if d, ok := p.Door("D-1"); !ok || d.HeldMS != 20_000 || p.Version() != (access.Version{Epoch: 1, N: 7}) {
		t.Errorf("door %+v, version %+v", d, p.Version())
	}
	if _, ok := p.Door("D-9"); ok {
		t.Error("a door that is not there")
	}
}

// Nothing denies an exit; the reason is kept for the record.
func TestAnExitIsNeverDenied(t *testing.T) {
	p := compile(t, smallCity())
	for key, want := range map[access.Key]access.Reason{
		{99}: access.UnknownCredential, {4}: access.CredentialRevoked, {5}: access.CredentialSuspend, guestKey: access.NoRight, satoKey: access.OutsideSchedule,
	} {
		d := decide.Decide(p, decide.Request{Reader: "OUT-1", Key: key}, jst(1, 23, 0))
		if !d.Allow || d.Reason != want || d.Direction != access.Out {
			t.Errorf("key %v: %+v, want out with %s", key, d, want)
		}
		if d := decide.Decide(p, decide.Request{Reader: "OUT-1", Key: key}, time.Time{}); !d.Allow {
			t.Errorf("key %v without a clock: %+v", key, d)
		}
	}
}

func TestWithoutAPolicyEverybodyIsRefused(t *testing.T) {
	var p *decide.Policy
	if d := decide.Decide(p, decide.Request{Reader: "IN-1", Key: satoKey}, jst(1, 12, 0)); d.Allow || d.Reason != access.NoPolicy || d.Record != access.Strict {
		t.Errorf("%+v", d)
	}
	if _, ok := p.Door("D-1"); ok || p.Version() != (access.Version{}) {
		t.Error("no policy has a door or a version")
	}
	empty := compile(t, access.Spec{})
	if d := decide.Decide(empty, decide.Request{Reader: "IN-1"}, jst(1, 12, 0)); d.Allow || d.Reason != access.UnknownReader {
		t.Errorf("%+v", d)
	}
}

func TestAWindowMayCrossMidnightAndTheWeek(t *testing.T) {
	s := smallCity()
	s.Rights = []access.Right{{Person: "sato", Area: "archive", Schedule: saturday}}
	p := compile(t, s)
	for at, open := range map[time.Time]bool{
		jst(4, 21, 59): false,
		jst(4, 22, 0):  true,
		jst(4, 23, 59): true,
		jst(5, 0, 0):   true, // Sunday, the first minute of the week
		jst(5, 0, 59):  true,
		jst(5, 1, 0):   false,
		jst(3, 23, 0):  false,
		time.Date(1969, 12, 27, 23, 0, 0, 0, time.FixedZone("JST", 9*3600)): true, // a Saturday before the Unix epoch
	} {
		if d := decide.Decide(p, decide.Request{Reader: "IN-2", Key: satoKey}, at); d.Allow != open {
			t.Errorf("%v: %+v", at, d)
		}
	}
}

// R43-1: a policy that does not make sense is refused as a whole.
func TestR43_1_APolicyAppliesEntirelyOrNotAtAll(t *testing.T) {
	for name, spoil := range map[string]func(*access.Spec){
		"a door into no area":          func(s *access.Spec) { s.Doors[0].Area = "cellar" },
		"a door twice":                 func(s *access.Spec) { s.Doors[1].ID = "D-1" },
		"a door without an id":         func(s *access.Spec) { s.Doors[0].ID = "" },
		"a door released for a minute": func(s *access.Spec) { s.Doors[0].ReleaseMS = 60_000 },
		"a door released for nothing":  func(s *access.Spec) { s.Doors[0].ReleaseMS = 0 },
		"a door held at once":          func(s *access.Spec) { s.Doors[0].HeldMS = 0 },
		"a reader at two doors":        func(s *access.Spec) { s.Doors[1].EntryReads = []string{"IN-1"} },
		"a reader both in and out":     func(s *access.Spec) { s.Doors[0].ExitReads = []string{"IN-1"} },
		"a reader without a name":      func(s *access.Spec) { s.Doors[0].ExitReads = []string{""} },
		"an area twice":                func(s *access.Spec) { s.Areas[1].ID = "server" },
		"an area without an id":        func(s *access.Spec) { s.Areas[1].ID = "" },
		"an area of no record mode":    func(s *access.Spec) { s.Areas[0].Record = "" },
		"a schedule twice":             func(s *access.Spec) { s.Schedules[1].ID = weekdays },
		"an eighth day":                func(s *access.Spec) { s.Schedules[0].Windows[0].Day = 7 },
		"a day before Sunday":          func(s *access.Spec) { s.Schedules[0].Windows[0].Day = -1 },
		"a minute too late":            func(s *access.Spec) { s.Schedules[0].Windows[0].Until = 1441 },
		"a window from the next day":   func(s *access.Spec) { s.Schedules[0].Windows[0].From = 1440 },
		"a person twice":               func(s *access.Spec) { s.People[1].ID = "sato" },
		"a person without an id":       func(s *access.Spec) { s.People[0].ID = "" },
		"a right of nobody":            func(s *access.Spec) { s.Rights[0].Person = "nobody" },
		"a right to nothing":           func(s *access.Spec) { s.Rights[0].Area = "cellar" },
		"a right at no time":           func(s *access.Spec) { s.Rights[0].Schedule = "tea" },
		"a card of nobody":             func(s *access.Spec) { s.Credentials[0].Person = "nobody" },
		"a card without an id":         func(s *access.Spec) { s.Credentials[0].Card = "" },
		"two cards of one number":      func(s *access.Spec) { s.Credentials[1].Key = satoKey },
		"an id as long as a letter":    func(s *access.Spec) { s.People[0].ID = strings.Repeat("x", access.MaxID+1) },
	} {
		s := smallCity()
		spoil(&s)
		if p, err := decide.Compile(s); err == nil || p != nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestAKeyIsShownShortAndTravelsWhole(t *testing.T) {
	k := access.Key{0xDE, 0xAD, 0xBE, 0xEF, 1, 2, 3, 4, 5}
	if k.String() != "deadbeef…" || k.Fingerprint() != "deadbeef01020304" {
		t.Errorf("%s %s", k, k.Fingerprint())
	}
	text, err := k.MarshalText()
	if err != nil || string(text) != "deadbeef0102030405"+strings.Repeat("0", 46) {
		t.Errorf("%s, %v", text, err)
	}
	var back access.Key
	if err := back.UnmarshalText(text); err != nil || back != k {
		t.Errorf("%v, %v", back, err)
	}
	for _, bad := range []string{"", "00", strings.Repeat("0", 63), strings.Repeat("0", 66), strings.Repeat("x", 64)} {
		if back.UnmarshalText([]byte(bad)) == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestVersionsAreOrderedByEpochFirst(t *testing.T) {
	order := []access.Version{{}, {Epoch: 1, N: 1}, {Epoch: 1, N: 2}, {Epoch: 2, N: 0}, {Epoch: 2, N: 1}}
	for i, v := range order {
		for j, w := range order {
			if v.Less(w) != (i < j) {
				t.Errorf("%v before %v: %t", v, w, v.Less(w))
			}
		}
	}
}
