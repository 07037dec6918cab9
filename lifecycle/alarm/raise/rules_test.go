package raise

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/internal/access"
	"kanmon/internal/event"
)

var nine = time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)

// R43-2, R121-1: every event that asks for a person raises an alarm, and what is urgent is written here a second time.
func TestEveryEventThatAsksForAPersonRaisesAnAlarm(t *testing.T) {
	urgent := "device_insecure device_tamper door_forced duress box_opened fire_alarm gas_alarm lockdown_begun"
	e := event.Event{At: nine, Door: "D-1", Area: "server-room", Reader: "IN-1", Device: "IO-1", Person: "1001", Card: "C-1"}
	n := 0
	for _, kind := range strings.Fields(`access_granted access_denied door_opened door_closed door_forced door_held not_entered request_to_exit
		device_online device_offline device_insecure device_tamper device_power input_fault strike_failed started policy_applied policy_refused
		journal_trouble clock_stepped revocation_applied lease_warning lease_lapsed lease_renewed remote_release command_refused certificate_warning
		epoch_opened device_key_replaced device_key_refused access_pending duress rule_broken pin_stopped recovery_used places_reset places_doubtful
		card_unreadable card_left card_taken door_unlocked door_secured lockdown_begun lockdown_lifted held_warning lock_unsecured lock_secured fire_alarm fire_cleared gas_alarm gas_cleared
		mains_lost mains_restored battery_low battery_restored box_opened box_closed clock_unset clock_set`) {
		if e.Kind = event.Kind(kind); !e.Kind.Valid() {
			t.Fatalf("no kind %s", kind)
		}
		key, severity, is := raises("ctl-1", e)
		if want := e.Kind.Alarm() || e.Kind == event.ClockStepped; is != want {
			t.Errorf("%s raises an alarm: %v, want %v", kind, is, want)
		}
		if !is {
			continue
		}
		n++
		if want := slices.Contains(strings.Fields(urgent), kind); (severity == Urgent) != want || string(key.Kind) != kind || key.Subject.About == "" {
			t.Errorf("%s raises %+v, %s", kind, key, severity)
		}
	}
	if n != len(rules) {
		t.Errorf("%d of the rules were seen, there are %d", n, len(rules))
	}
}

func TestAnAlarmIsAboutWhatTheEventNames(t *testing.T) {
	for _, tt := range []struct {
		e    event.Event
		want string
	}{
		{event.Event{Kind: event.DoorForced, Door: "D-1"}, "{door_forced {door D-1}} urgent"},
		{event.Event{Kind: event.DoorForced}, "{door_forced {controller ctl-1}} urgent"},
		{event.Event{Kind: event.InputFault, Door: "D-1", Device: "IO-1"}, "{input_fault {door D-1}} normal"},
		{event.Event{Kind: event.InputFault, Device: "IO-1"}, "{input_fault {device ctl-1/IO-1}} normal"},
		{event.Event{Kind: event.DeviceTamper, Device: "IN-1"}, "{device_tamper {device ctl-1/IN-1}} urgent"},
		{event.Event{Kind: event.Duress, Door: "D-1", Person: "1001", Card: "C-1"}, "{duress {person 1001}} urgent"},
		{event.Event{Kind: event.PINStopped, Card: "C-1"}, "{pin_stopped {card C-1}} normal"},
		{event.Event{Kind: event.PINStopped, Reader: "IN-1"}, "{pin_stopped {device ctl-1/IN-1}} normal"},
		{event.Event{Kind: event.LockdownBegun, Area: "archive"}, "{lockdown_begun {area archive}} urgent"},
		{event.Event{Kind: event.GasAlarm, Area: "archive"}, "{gas_alarm {area ctl-1/archive}} urgent"},
		{event.Event{Kind: event.FireAlarm, Door: "D-1"}, "{fire_alarm {door D-1}} urgent"},
		{event.Event{Kind: event.RuleBroken, Door: "D-1", Area: "archive", Reason: access.PassedBack}, "{rule_broken {door D-1}} normal"},
		{event.Event{Kind: event.RuleBroken, Door: "D-1", Area: "archive", Reason: access.LeftAlone}, "{left_alone {area archive}} urgent"},
		{event.Event{Kind: event.RuleBroken, Door: "D-1", Area: "archive", Reason: access.EscortLeft}, "{escort_left {area archive}} urgent"},
		{event.Event{Kind: event.BoxOpened}, "{box_opened {controller ctl-1}} urgent"},
		{event.Event{Kind: event.EpochOpened}, "{epoch_opened {centre }} normal"},
		{event.Event{Kind: event.DoorHeld, Door: "D\x00"}, "{door_held {door D\uFFFD}} normal"},
	} {
		key, severity, _ := raises("ctl-1", tt.e)
		if got := fmt.Sprint(key, " ", severity); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.e.Kind, got, tt.want)
		}
	}
}

// R43-2: the alarm of a door held open ends when it is closed (IEC 60839-11-1 T3 l.32), and so do the others that have an end.
func TestWhatEndsByItself(t *testing.T) {
	for begin, end := range map[event.Kind]event.Kind{
		event.DoorHeld: event.DoorClosed, event.DeviceOffline: event.DeviceOnline, event.MainsLost: event.MainsRestored, event.FireAlarm: event.FireCleared,
		event.GasAlarm: event.GasCleared, event.LockUnsecured: event.LockSecured, event.LeaseWarning: event.LeaseRenewed,
		event.LeaseLapsed: event.LeaseRenewed, event.BatteryLow: event.BatteryRestored, event.BoxOpened: event.BoxClosed,
		event.ClockUnset:    event.ClockSet,
		event.LockdownBegun: event.LockdownLifted, event.CardLeft: event.CardTaken,
	} {
		e := event.Event{At: nine, Kind: begin, Door: "D-1", Area: "archive", Device: "IN-1"}
		key, _, _ := raises("ctl-1", e)
		e.Kind, e.At = end, nine.Add(time.Minute)
		if !slices.Contains(over("ctl-1", e), key) {
			t.Errorf("%s does not end %s", end, begin)
		}
		other := e
		other.Door, other.Area, other.Device = "D-2", "server-room", "IN-2"
		if key.Subject.About != Controller && slices.Contains(over("ctl-1", other), key) {
			t.Errorf("%s elsewhere ends %s", end, begin)
		}
	}
	if keys := over("ctl-1", event.Event{Kind: event.DoorClosed, Door: "D-1"}); len(keys) != 1 {
		t.Errorf("a closed door ends %v", keys)
	}
}

// R44-1, case 31: a weaker read of a known card is an alarm about the card, a read outside the reader's profile one about the reader. Other refusals and
// a stranger's card are none.
func TestAWeakReadIsAnAlarm(t *testing.T) {
	for _, tt := range []struct {
		e    event.Event
		want string
	}{
		{event.Event{Kind: event.AccessDenied, Reason: access.TrustTooLow, Card: "C-1", Person: "1001", Reader: "IN-1"}, "{weak_read {card C-1}} normal true"},
		{event.Event{Kind: event.AccessDenied, Reason: access.FrameUnexpected, Credential: "00", Reader: "IN-1"}, "{weak_read {device ctl-1/IN-1}} normal true"},
		{event.Event{Kind: event.AccessGranted, Reason: access.FrameUnexpected, Direction: access.Out, Reader: "OUT-1"}, "{weak_read {device ctl-1/OUT-1}} normal true"},
		{event.Event{Kind: event.AccessDenied, Reason: access.TrustTooLow, Reader: "IN-1"}, "{ { }}  false"},
		{event.Event{Kind: event.AccessDenied, Reason: access.TrustTooLow, Card: "C-1", Reader: "IN-1", Detail: event.WithOthers}, "{ { }}  false"},
		{event.Event{Kind: event.AccessDenied, Reason: access.UnknownCredential, Credential: "00", Reader: "IN-1"}, "{ { }}  false"},
		{event.Event{Kind: event.AccessGranted, Reason: access.Granted, Card: "C-1", Reader: "IN-1"}, "{ { }}  false"},
		{event.Event{Kind: event.CardUnreadable, Reader: "IN-1"}, "{ { }}  false"},
	} {
		key, severity, is := raises("ctl-1", tt.e)
		if got := fmt.Sprint(key, " ", severity, " ", is); got != tt.want {
			t.Errorf("%s %s: %s, want %s", tt.e.Kind, tt.e.Reason, got, tt.want)
		}
	}
}

func TestABatchIsFoldedInTheOrderOfItsEvents(t *testing.T) {
	e := func(kind event.Kind, door string, s int) event.Event {
		return event.Event{At: nine.Add(time.Duration(s) * time.Second), Kind: kind, Door: door}
	}
	var got strings.Builder
	for _, c := range Fold("ctl-1", 100, []event.Event{
		e(event.DoorClosed, "D-3", 0), e(event.DoorHeld, "D-1", 1), e(event.DoorForced, "D-2", 2), e(event.DoorClosed, "D-1", 3),
		e(event.DoorHeld, "D-1", 4), e(event.DoorHeld, "D-2", 5), e(event.DoorClosed, "D-2", 6),
	}) {
		over := "lasts"
		if !c.Over.IsZero() {
			over = fmt.Sprint(c.Over.Sub(nine))
		}
		fmt.Fprintln(&got, c.Kind, c.Subject.ID, c.Count, c.Entries, over)
	}
	want := "door_held D-3 0 [] 0s\ndoor_held D-1 2 [101 104] lasts\ndoor_forced D-2 1 [102] lasts\ndoor_held D-2 1 [105] 6s\n"
	if got.String() != want {
		t.Errorf("folded\n%swant\n%s", got.String(), want)
	}
}

// script reads tries from a text: seconds, card, and + for granted.
func script(text string) []Try {
	var tries []Try
	for i, word := range strings.Fields(text) {
		var s int
		var card string
		word, granted := strings.CutSuffix(word, "+")
		if _, err := fmt.Sscanf(word, "%d%s", &s, &card); err != nil {
			panic(err)
		}
		tries = append(tries, Try{Entry: int64(i + 1), At: nine.Add(time.Duration(s) * time.Second), Card: strings.TrimPrefix(card, "?"), Granted: granted})
	}
	return tries
}

// R43-2: three refusals at one door within five minutes are an alarm; whoever gets in in between only fumbled.
func TestThreeRefusalsWithinFiveMinutes(t *testing.T) {
	for _, tt := range []struct {
		tries string
		fresh int64
		want  string
	}{
		{"0A 10A", 1, "[]"},
		{"0A 10A 20A", 1, "[1 2 3]"},
		{"0A 10B 20C", 1, "[1 2 3]"},
		{"0? 10? 20?", 1, "[1 2 3]"},
		{"0A 150A 300A", 1, "[1 2 3]"},    // both ends count
		{"0A 150A 301A", 1, "[]"},         // 5:01
		{"0A 10A 20A+ 30A", 1, "[]"},      // got in before the third
		{"0A 10A 20B+ 30A", 1, "[1 2 4]"}, // another did
		{"0A 10A 20A+ 30A 40A 50A", 1, "[4 5 6]"},
		{"0? 10? 20A+ 30?", 1, "[1 2 4]"},  // nobody knows the Card: nobody let it in
		{"0A 10A 20A 30A", 4, "[1 2 3 4]"}, // one more, now
		{"0A 10A 20A 400A", 4, "[]"},       // the old window is nothing new
		{"0A 10A 20A+", 3, "[]"},
		{"20A 10A 0A", 1, "[1 2 3]"}, // came in another order
	} {
		if got := fmt.Sprint((Repeat{3, 5 * time.Minute}).Hits(script(tt.tries), tt.fresh)); got != tt.want {
			t.Errorf("%s from %d on: %s, want %s", tt.tries, tt.fresh, got, tt.want)
		}
	}
}

// The rule said in another way: a refusal is hit when some fresh refusal at most Within after it (or itself) ends a stretch with at least N
// refusals, leaving out each that a later grant of its card in the stretch made good.
func TestRepeatedRefusalsAgreeWithTheirDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Repeat{rapid.IntRange(1, 4).Draw(t, "n"), time.Duration(rapid.IntRange(1, 30).Draw(t, "within")) * time.Second}
		var tries []Try
		for i := range rapid.IntRange(0, 14).Draw(t, "tries") {
			tries = append(tries, Try{
				Entry: int64(i + 1), At: nine.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "at")) * time.Second),
				Card: rapid.SampledFrom([]string{"", "A", "B"}).Draw(t, "card"), Granted: rapid.IntRange(0, 3).Draw(t, "granted") == 0,
			})
		}
		fresh := int64(rapid.IntRange(1, 15).Draw(t, "fresh"))
		before := func(a, b Try) bool { return a.At.Before(b.At) || (a.At.Equal(b.At) && a.Entry < b.Entry) }
		var want []int64
		for _, x := range tries {
			for _, end := range tries {
				if end.Granted || end.Entry < fresh {
					continue
				}
				var in []int64
				for _, y := range tries {
					good := slices.ContainsFunc(tries, func(g Try) bool {
						return g.Granted && g.Card == y.Card && y.Card != "" && before(y, g) && before(g, end)
					})
					if !y.Granted && !good && !before(end, y) && end.At.Sub(y.At) <= r.Within {
						in = append(in, y.Entry)
					}
				}
				if len(in) >= r.N && slices.Contains(in, x.Entry) && !slices.Contains(want, x.Entry) {
					want = append(want, x.Entry)
				}
			}
		}
		slices.Sort(want)
		if got := r.Hits(slices.Clone(tries), fresh); fmt.Sprint(got) != fmt.Sprint(want) && len(got)+len(want) > 0 {
			t.Fatalf("%+v from %d on over %+v: %v, want %v", r, fresh, tries, got, want)
		}
	})
}

func TestWhoWaitsIsNotRefused(t *testing.T) {
	for _, r := range []access.Reason{access.PINRequired, access.CardRequired, access.PersonRequired, access.EscortRequired, access.Interlocked} {
		if Refused(event.AccessDenied, r) {
			t.Errorf("%s counts as a refusal", r)
		}
	}
	for _, r := range []access.Reason{access.OutsideSchedule, access.UnknownCredential, access.NoRight, access.PINWrong} {
		if !Refused(event.AccessDenied, r) {
			t.Errorf("%s does not count as a refusal", r)
		}
	}
	if Refused(event.AccessPending, access.NoRight) || Refused(event.AccessGranted, access.NoRight) {
		t.Error("what is not denied counts as a refusal")
	}
}
