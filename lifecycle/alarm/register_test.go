package alarm_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/account"
	"kanmon/lifecycle/alarm"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/notice"
)

var auditor = store.Actor{Kind: store.ActorAccount, ID: "auditor", Roles: []authz.Role{authz.Auditor}}

// onBoth runs a test on SQLite and PostgreSQL, over a city with its doors.
func onBoth(t *testing.T, fn func(t *testing.T, city *lifecycletest.City)) {
	t.Helper()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		fn(t, city)
		report, err := city.Store.Verify(t.Context())
		if err != nil || !report.OK() {
			t.Errorf("Verify: %+v, %v", report.Findings, err)
		}
	})
}

// take puts events into the log as the next batch of a controller, and the alarms with them. Events without a time are of now.
func take(t *testing.T, city *lifecycletest.City, controller string, events ...event.Event) {
	t.Helper()
	ctx := t.Context()
	err := city.Store.Write(ctx, store.Actor{Kind: store.ActorController, ID: controller}, "", func(tx *store.Tx) error {
		head, err := entrylog.HeadOf(ctx, tx, controller, 1)
		if err != nil {
			return err
		}
		var raws [][]byte
		for i := range events {
			events[i].Epoch, events[i].Seq = 1, head.Seq+uint64(i)+1
			if events[i].At.IsZero() {
				events[i].At = city.Clock.Now()
			}
			raw, err := event.Encode(events[i])
			if err != nil {
				return err
			}
			raws = append(raws, raw)
		}
		newest, _, err := entrylog.Append(ctx, tx, controller, head, events, raws)
		if err != nil {
			return err
		}
		return city.Alarms.Take(ctx, tx, controller, newest-int64(len(events))+1, events)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, city *lifecycletest.City, f alarm.Filter) []alarm.Alarm {
	t.Helper()
	all, err := city.Alarms.List(t.Context(), lifecycletest.Guard, f)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// shown is every alarm in one line each, by subject.
func shown(t *testing.T, city *lifecycletest.City) string {
	t.Helper()
	var lines []string
	for _, a := range list(t, city, alarm.Filter{}) {
		over := ""
		if !a.OverAt.IsZero() {
			over = " over"
		}
		lines = append(lines, fmt.Sprintf("%s %s %s %s ×%d%s", a.Kind, a.Subject.About, a.Subject.ID, a.State, a.Count, over))
	}
	slices.Sort(lines)
	return strings.Join(lines, "; ")
}

func want(t *testing.T, city *lifecycletest.City, line string) {
	t.Helper()
	if got := shown(t, city); got != line {
		t.Errorf("alarms: %s\nwant    %s", got, line)
	}
}

func at(kind event.Kind, door string) event.Event {
	return event.Event{Kind: kind, Door: door, Area: map[string]string{"D-1": "server-room", "D-2": "archive", "D-3": "archive"}[door]}
}

func only(t *testing.T, city *lifecycletest.City) alarm.Alarm {
	t.Helper()
	all := list(t, city, alarm.Filter{})
	if len(all) != 1 {
		t.Fatalf("%d alarms, want 1: %s", len(all), shown(t, city))
	}
	return all[0]
}

// R43-2: a forced door raises an alarm, one however often it flaps; a guard acknowledges it and closes it with a note, and each step is in the ledger.
func TestAForcedDoorIsOneAlarmUntilSomebodyClosesIt(t *testing.T) {
	onBoth(t, func(t *testing.T, city *lifecycletest.City) {
		ctx := t.Context()
		take(t, city, "ctl-1", at(event.DoorForced, "D-1"), at(event.DoorClosed, "D-1"))
		city.Clock.Pass(time.Second)
		take(t, city, "ctl-1", at(event.DoorForced, "D-1"), at(event.DoorClosed, "D-1"), at(event.DoorForced, "D-1"))
		want(t, city, "door_forced door D-1 raised ×3")
		a := only(t, city)
		if a.Severity != alarm.Urgent || a.SubjectName != "電算室 正面" || a.AreaName != "電子計算機室" || a.Place != "本庁舎 2階" || !a.LastAt.Equal(a.FirstAt.Add(time.Second)) {
			t.Errorf("alarm %+v", a)
		}
		_, err := city.Alarms.Close(ctx, lifecycletest.Guard, a.ID, "見に行った", a.LastEntry)
		lifecycletest.WantFault(t, err, fault.Conflict, "alarm.not_acknowledged")
		city.Clock.Pass(time.Minute)
		if a, err = city.Alarms.Acknowledge(ctx, lifecycletest.Guard, a.ID, a.LastEntry); err != nil || a.State != alarm.Acknowledged || a.TakenBy != "account:guard" {
			t.Fatalf("Acknowledge: %+v, %v", a, err)
		}
		_, err = city.Alarms.Acknowledge(ctx, lifecycletest.Manager, a.ID, a.LastEntry)
		lifecycletest.WantFault(t, err, fault.Conflict, "alarm.taken")
		take(t, city, "ctl-1", at(event.DoorForced, "D-1"))
		want(t, city, "door_forced door D-1 raised ×4") // nobody has seen to the fourth
		_, err = city.Alarms.Acknowledge(ctx, lifecycletest.Guard, a.ID, a.LastEntry)
		lifecycletest.WantFault(t, err, fault.Conflict, "alarm.more")
		a = only(t, city)
		if a, err = city.Alarms.Acknowledge(ctx, lifecycletest.Guard, a.ID, a.LastEntry); err != nil {
			t.Fatal(err)
		}
		_, err = city.Alarms.Close(ctx, lifecycletest.Guard, a.ID, " ", a.LastEntry)
		lifecycletest.WantFault(t, err, fault.Invalid, "field.required")
		if a, err = city.Alarms.Close(ctx, lifecycletest.Guard, a.ID, "清掃業者。鍵の使い方を説明した", a.LastEntry); err != nil || a.State != alarm.Closed || a.ClosedBy != "account:guard" {
			t.Fatalf("Close: %+v, %v", a, err)
		}
		_, err = city.Alarms.Acknowledge(ctx, lifecycletest.Guard, a.ID, a.LastEntry)
		lifecycletest.WantFault(t, err, fault.Conflict, "alarm.closed")

		story, err := city.Alarms.Get(ctx, auditor, a.ID)
		if err != nil {
			t.Fatal(err)
		}
		var steps strings.Builder
		for _, s := range story.Steps {
			fmt.Fprintf(&steps, "%s by %s %s; ", s.What, s.Actor, s.Note)
		}
		if steps.String() != "raised by controller:ctl-1 ; acknowledged by account:guard ; raised by controller:ctl-1 ; acknowledged by account:guard ; closed by account:guard 清掃業者。鍵の使い方を説明した; " {
			t.Errorf("steps: %s", steps.String())
		}
		if len(story.Entries) != 4 || story.Entries[0].ID != a.FirstEntry || story.Entries[3].ID != a.LastEntry || story.Entries[0].Kind != event.DoorForced {
			t.Errorf("entries: %+v", story.Entries)
		}
		take(t, city, "ctl-1", at(event.DoorForced, "D-1"))
		want(t, city, "door_forced door D-1 closed ×4; door_forced door D-1 raised ×1")
	})
}

// R43-2: a held door's alarm is over when the door is closed, and is there until a person has closed it.
func TestWhatEndsByItselfWaitsForAPersonAllTheSame(t *testing.T) {
	onBoth(t, func(t *testing.T, city *lifecycletest.City) {
		take(t, city, "ctl-1", at(event.DoorHeld, "D-1"), at(event.DoorHeld, "D-2"))
		take(t, city, "ctl-2", at(event.DoorClosed, "D-1")) // another controller's word about a door that is not its own
		want(t, city, "door_held door D-1 raised ×1; door_held door D-2 raised ×1")
		take(t, city, "ctl-1", at(event.DoorClosed, "D-1"), at(event.DoorClosed, "D-1"))
		want(t, city, "door_held door D-1 raised ×1 over; door_held door D-2 raised ×1")
		take(t, city, "ctl-1", at(event.DoorHeld, "D-1"))
		want(t, city, "door_held door D-1 raised ×2; door_held door D-2 raised ×1")
		take(t, city, "ctl-1", at(event.DoorHeld, "D-1"), at(event.DoorClosed, "D-1"))
		want(t, city, "door_held door D-1 raised ×3 over; door_held door D-2 raised ×1")
	})
}

func TestControllersShareTheAlarmOfAnArea(t *testing.T) {
	onBoth(t, func(t *testing.T, city *lifecycletest.City) {
		take(t, city, "ctl-1", event.Event{Kind: event.LockdownBegun, Area: "archive"})
		take(t, city, "ctl-2", event.Event{Kind: event.LockdownBegun, Area: "archive"})
		take(t, city, "ctl-1", event.Event{Kind: event.DeviceOffline, Device: "IN-1"})
		take(t, city, "ctl-2", event.Event{Kind: event.DeviceOffline, Device: "IN-1"})
		want(t, city, "device_offline device ctl-1/IN-1 raised ×1; device_offline device ctl-2/IN-1 raised ×1; lockdown_begun area archive raised ×2")
		take(t, city, "ctl-2", event.Event{Kind: event.LockdownLifted, Area: "archive"}, event.Event{Kind: event.DeviceOnline, Device: "IN-1"})
		want(t, city, "device_offline device ctl-1/IN-1 raised ×1; device_offline device ctl-2/IN-1 raised ×1 over; lockdown_begun area archive raised ×2 over")
	})
}

// R43-2: fire and gas are over for each controller's input by itself.
func TestTheAllClearOfOneControllerDoesNotEndTheAlarmOfAnother(t *testing.T) {
	onBoth(t, func(t *testing.T, city *lifecycletest.City) {
		for _, controller := range []string{"ctl-1", "ctl-2"} {
			take(t, city, controller, event.Event{Kind: event.GasAlarm, Area: "archive"}, event.Event{Kind: event.FireAlarm, Area: "archive"})
		}
		take(t, city, "ctl-2", event.Event{Kind: event.GasCleared, Area: "archive"}, event.Event{Kind: event.FireCleared, Area: "archive"})
		want(t, city, "fire_alarm area ctl-1/archive raised ×1; fire_alarm area ctl-2/archive raised ×1 over; "+
			"gas_alarm area ctl-1/archive raised ×1; gas_alarm area ctl-2/archive raised ×1 over")
		a := list(t, city, alarm.Filter{Kind: "gas_alarm"})[0]
		if a.Area != "archive" || a.SubjectName != a.AreaName || a.SubjectName == "" || a.Controller == "" {
			t.Errorf("alarm %+v", a)
		}
	})
}

// R43-2: repeated refusals, counted over batches, controllers and restarts, for all that is needed is in the entry log.
func TestRepeatedRefusalsAreAnAlarm(t *testing.T) {
	onBoth(t, func(t *testing.T, city *lifecycletest.City) {
		deny := func(door, card string, r access.Reason) event.Event {
			e := at(event.AccessDenied, door)
			e.Direction, e.Reason = access.In, r
			if e.Card = card; strings.HasPrefix(card, "?") {
				e.Card, e.Credential = "", card[1:]
			}
			return e
		}
		step := func(controller string, e event.Event) {
			t.Helper()
			city.Clock.Pass(30 * time.Second)
			take(t, city, controller, e)
		}
		grant := deny("D-1", "C-1", access.Granted)
		grant.Kind = event.AccessGranted
		step("ctl-1", deny("D-1", "C-1", access.PINWrong))
		step("ctl-1", deny("D-1", "C-1", access.PINWrong))
		step("ctl-1", grant)
		step("ctl-1", deny("D-1", "C-2", access.OutsideSchedule)) // C-1 got in
		want(t, city, "")
		step("ctl-1", deny("D-1", "C-2", access.PersonRequired)) // waits
		step("ctl-1", deny("D-1", "?abcd", access.UnknownCredential))
		want(t, city, "")
		city.Alarms = alarm.New(city.Store, alarm.Limits{}) // the program starts again
		step("ctl-1", deny("D-1", "C-2", access.NoRight))
		want(t, city, "repeated_refusals door D-1 raised ×3")
		a := only(t, city)
		if a.Severity != alarm.Normal || a.Door != "D-1" || a.Area != "server-room" || !a.FirstAt.Equal(city.Clock.Now().Add(-90*time.Second)) {
			t.Errorf("alarm %+v, first %s ago", a, city.Clock.Now().Sub(a.FirstAt))
		}
		step("ctl-1", deny("D-1", "C-3", access.NoRight))
		want(t, city, "repeated_refusals door D-1 raised ×4")

		see(t, city, a.ID)
		step("ctl-1", deny("D-1", "C-3", access.NoRight)) // the first since it was seen to
		step("ctl-1", deny("D-1", "C-3", access.NoRight))
		want(t, city, "repeated_refusals door D-1 closed ×4")
		step("ctl-1", deny("D-1", "C-3", access.NoRight))
		want(t, city, "repeated_refusals door D-1 closed ×4; repeated_refusals door D-1 raised ×3")

		step("ctl-1", deny("D-2", "C-3", access.NoRight)) // the fifth of C-3 within ten minutes, wherever
		want(t, city, "repeated_refusals card C-3 raised ×5; repeated_refusals door D-1 closed ×4; repeated_refusals door D-1 raised ×3")
		step("ctl-2", deny("D-3", "C-3", access.NoRight)) // another controller
		city.Clock.Pass(time.Hour)
		for i := range 5 {
			step([]string{"ctl-1", "ctl-2"}[i%2], deny([]string{"D-2", "D-3"}[i%2], "?abcd", access.UnknownCredential))
			step("ctl-1", deny("D-2", "?"+strings.Repeat("f", 8)+string(rune('0'+i)), access.PersonRequired))
			city.Clock.Pass(75 * time.Second) // too slow for a door
		}
		if got := shown(t, city); !strings.Contains(got, "repeated_refusals card C-3 raised ×6") || !strings.Contains(got, "repeated_refusals credential abcd raised ×5") {
			t.Errorf("alarms: %s", got)
		}
	})
}

func TestRefusalsWithinOneBatchAreCountedToo(t *testing.T) {
	onBoth(t, func(t *testing.T, city *lifecycletest.City) {
		var batch []event.Event
		for i := range 250 {
			e := at(event.AccessDenied, "D-1")
			e.Card, e.Reason, e.At = fmt.Sprintf("C-%d", i), access.NoRight, city.Clock.Now().Add(time.Duration(i)*time.Second)
			batch = append(batch, e)
		}
		take(t, city, "ctl-1", batch...)
		want(t, city, "repeated_refusals door D-1 raised ×250")
		a := only(t, city)
		story, err := city.Alarms.Get(t.Context(), lifecycletest.Guard, a.ID)
		if err != nil || len(story.Entries) != 101 || story.Entries[0].Card != "C-0" || story.Entries[100].Card != "C-249" {
			t.Errorf("%d entries, %v", len(story.Entries), err)
		}
	})
}

// see acknowledges and closes an alarm.
func see(t *testing.T, city *lifecycletest.City, id string) {
	t.Helper()
	a, err := city.Alarms.Get(t.Context(), lifecycletest.Guard, id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := city.Alarms.Acknowledge(t.Context(), lifecycletest.Guard, id, a.LastEntry); err != nil {
		t.Fatal(err)
	}
	if _, err := city.Alarms.Close(t.Context(), lifecycletest.Guard, id, "対応済み", a.LastEntry); err != nil {
		t.Fatal(err)
	}
}

// say records that a controller is there (or, offline, that it is not).
func say(t *testing.T, city *lifecycletest.City, controller string, online bool, n uint64) {
	t.Helper()
	_, err := city.Device.RecordStatus(t.Context(), controller, device.Status{Online: online, Start: 1, N: n, At: city.Clock.Now()}, city.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
}

// R121-1, IEC 60839-11-1 T3 l.24: a controller that is not heard any more is an alarm, which is over when it is back.
func TestASilentControllerIsAnAlarmUntilItIsBack(t *testing.T) {
	onBoth(t, func(t *testing.T, city *lifecycletest.City) {
		ctx, started := t.Context(), city.Clock.Now()
		look := func() {
			t.Helper()
			for range 2 { // again changes nothing
				if err := city.Alarms.Watch(ctx, started); err != nil {
					t.Fatal(err)
				}
			}
		}
		say(t, city, "ctl-1", true, 1)
		say(t, city, "ctl-1", false, 0)
		city.Clock.Pass(59 * time.Second)
		look()
		want(t, city, "")
		city.Clock.Pass(time.Second)
		look()
		want(t, city, "controller_silent controller ctl-1 raised ×1")
		a := only(t, city)
		if _, err := city.Alarms.Acknowledge(ctx, lifecycletest.Guard, a.ID, a.LastEntry); err != nil {
			t.Fatal(err)
		}
		_, err := city.Alarms.Close(ctx, lifecycletest.Guard, a.ID, "待てない", a.LastEntry)
		lifecycletest.WantFault(t, err, fault.Conflict, "alarm.lasts")
		say(t, city, "ctl-1", true, 2)
		look()
		want(t, city, "controller_silent controller ctl-1 acknowledged ×1 over")
		say(t, city, "ctl-1", false, 0)
		city.Clock.Pass(time.Minute)
		look()
		want(t, city, "controller_silent controller ctl-1 raised ×2")
		if _, err := city.Alarms.Acknowledge(ctx, lifecycletest.Guard, a.ID, a.LastEntry); err != nil {
			t.Fatal(err)
		}
		if err := city.Device.RevokeController(ctx, lifecycletest.Manager, "ctl-1", "撤去"); err != nil {
			t.Fatal(err)
		}
		look()
		want(t, city, "controller_silent controller ctl-1 acknowledged ×2 over")
		if _, err := city.Alarms.Close(ctx, lifecycletest.Guard, a.ID, "撤去した", a.LastEntry); err != nil {
			t.Fatal(err)
		}
		look()
		want(t, city, "controller_silent controller ctl-1 closed ×2 over")
	})
}

func TestAnAlarmThatNobodyTakesIsToldToEveryManager(t *testing.T) {
	onBoth(t, func(t *testing.T, city *lifecycletest.City) {
		ctx := t.Context()
		accounts := people(t, city)
		notices := notice.New(city.Store)
		take(t, city, "ctl-1", at(event.DoorForced, "D-1"), at(event.DoorHeld, "D-2"))
		steps := map[time.Duration]string{
			3*time.Minute - time.Second: "", 3 * time.Minute: "door_forced×1", 15 * time.Minute: "door_forced×1 door_held×1", 62 * time.Minute: "door_forced×1 door_held×1",
			63 * time.Minute: "door_forced×2 door_held×1", 75 * time.Minute: "door_forced×2 door_held×2", 4 * time.Hour: "door_forced×3 door_held×3",
		}
		times := []time.Duration{3*time.Minute - time.Second, 3 * time.Minute, 15 * time.Minute, 62 * time.Minute, 63 * time.Minute, 75 * time.Minute, 4 * time.Hour}
		begin := city.Clock.Now()
		for _, after := range times {
			city.Clock.Pass(begin.Add(after).Sub(city.Clock.Now()))
			for range 2 {
				if err := city.Alarms.Watch(ctx, begin); err != nil {
					t.Fatal(err)
				}
			}
			for who, told := range map[string]bool{"chief": true, "admin": true, "guard2": false, "gone": false} {
				box, err := notices.Inbox(ctx, accounts[who], notice.Filter{Unread: true})
				if err != nil {
					t.Fatal(err)
				}
				var words []string
				for _, n := range box {
					words = append(words, n.Params["alarm"]+"×"+n.Params["times"])
				}
				slices.Sort(words)
				if got := strings.Join(words, " "); told && got != steps[after] || !told && got != "" {
					t.Errorf("after %s %s was told %q, want %q", after, who, got, steps[after])
				}
			}
		}
		a := list(t, city, alarm.Filter{Kind: "door_forced"})[0]
		if a.Escalations != 3 || fmt.Sprint(a.Told) != "[admin chief]" || a.State != alarm.Raised {
			t.Errorf("alarm %+v", a)
		}
		see(t, city, a.ID)
		city.Clock.Pass(2 * time.Hour)
		if err := city.Alarms.Watch(ctx, begin); err != nil {
			t.Fatal(err)
		}
		if a := list(t, city, alarm.Filter{Kind: "door_forced"})[0]; a.Escalations != 3 {
			t.Errorf("escalated after it was closed: %+v", a)
		}
	})
}

// people makes accounts: a security manager, a system manager, a guard, and a manager whose account is disabled.
func people(t *testing.T, city *lifecycletest.City) map[string]store.Actor {
	t.Helper()
	register, actors := account.New(city.Store, account.Config{Cost: account.Cost{MemoryKiB: 8, Passes: 1, Lanes: 1}}), map[string]store.Actor{}
	for id, role := range map[string]authz.Role{"chief": authz.SecurityManager, "admin": authz.SystemManager, "guard2": authz.Guard, "gone": authz.SecurityManager} {
		a, err := register.Add(t.Context(), lifecycletest.Manager, account.Details{ID: id, Roles: []authz.Role{role}, Password: account.NewPassword("correct horse battery 9")})
		if err != nil {
			t.Fatal(err)
		}
		actors[id] = a.Actor()
	}
	if _, err := register.Disable(t.Context(), lifecycletest.Manager, "gone"); err != nil {
		t.Fatal(err)
	}
	return actors
}

// R121-1: a message that cannot be believed is an alarm.
func TestAQuarantinedMessageIsAnAlarm(t *testing.T) {
	onBoth(t, func(t *testing.T, city *lifecycletest.City) {
		ctx := t.Context()
		for i, controller := range []string{"ctl-1", "", "ctl-1"} {
			_, err := city.Entries.Quarantine(ctx, entrylog.Suspect{Controller: controller, Reason: entrylog.BadSignature, Payload: []byte{byte(i)}},
				func(ctx context.Context, tx *store.Tx, id int64) error {
					return city.Alarms.Suspect(ctx, tx, controller, id)
				})
			if err != nil {
				t.Fatal(err)
			}
		}
		want(t, city, "quarantined centre  raised ×1; quarantined controller ctl-1 raised ×2")
		story, err := city.Alarms.Get(ctx, lifecycletest.Guard, list(t, city, alarm.Filter{})[0].ID)
		if err != nil || len(story.Entries) == 0 || story.Entries[0].Kind != entrylog.Quarantined || story.Severity != alarm.Urgent {
			t.Errorf("story %+v, %v", story, err)
		}
	})
}

func TestAlarmsAreRaisedWithTheirEventsOrNotAtAll(t *testing.T) {
	onBoth(t, func(t *testing.T, city *lifecycletest.City) {
		broken := errors.New("no")
		err := city.Store.Write(t.Context(), store.System("test"), "", func(tx *store.Tx) error {
			if err := city.Alarms.Take(t.Context(), tx, "ctl-1", 7, []event.Event{at(event.DoorForced, "D-1")}); err != nil {
				return err
			}
			return broken
		})
		if !errors.Is(err, broken) {
			t.Fatal(err)
		}
		want(t, city, "")
	})
}

func TestTheListIsFilteredAndPaged(t *testing.T) {
	onBoth(t, func(t *testing.T, city *lifecycletest.City) {
		for _, d := range []string{"D-1", "D-2", "D-3"} {
			city.Clock.Pass(time.Second)
			take(t, city, "ctl-1", at(event.DoorForced, d), at(event.DoorHeld, d))
		}
		all := list(t, city, alarm.Filter{})
		see(t, city, all[5].ID)
		for name, tt := range map[string]struct {
			f alarm.Filter
			n int
		}{
			"all": {alarm.Filter{}, 6}, "open": {alarm.Filter{State: alarm.Open}, 5}, "closed": {alarm.Filter{State: alarm.Closed}, 1},
			"kind": {alarm.Filter{Kind: "door_held"}, 3}, "door": {alarm.Filter{Door: "D-2"}, 2}, "raised": {alarm.Filter{State: alarm.Raised, Door: "D-1"}, 1},
		} {
			if got := list(t, city, tt.f); len(got) != tt.n {
				t.Errorf("%s: %d, want %d", name, len(got), tt.n)
			}
		}
		var paged []alarm.Alarm
		for f := (alarm.Filter{Limit: 2}); ; f.Before = paged[len(paged)-1].ID {
			page := list(t, city, f)
			if len(page) == 0 {
				break
			}
			paged = append(paged, page...)
		}
		if !slices.EqualFunc(all, paged, func(a, b alarm.Alarm) bool { return a.ID == b.ID }) {
			t.Errorf("paged %d of %d, or in another order", len(paged), len(all))
		}
		if s, err := city.Alarms.Standing(t.Context(), lifecycletest.Guard); err != nil || s != (alarm.Standing{Open: 5, Raised: 5}) {
			t.Errorf("Standing: %+v, %v", s, err)
		}
		_, err := city.Alarms.List(t.Context(), lifecycletest.Guard, alarm.Filter{State: "sometimes"})
		lifecycletest.WantFault(t, err, fault.Invalid, "request.form")
		_, err = city.Alarms.List(t.Context(), lifecycletest.Guard, alarm.Filter{Before: "A-0"})
		lifecycletest.WantFault(t, err, fault.NotFound, "alarm.unknown")
	})
}

// R101-1: an auditor reads alarms and handles none; who has no right sees none.
func TestOnlyThoseNamedSeeAndHandleAlarms(t *testing.T) {
	onBoth(t, func(t *testing.T, city *lifecycletest.City) {
		ctx := t.Context()
		take(t, city, "ctl-1", at(event.DoorForced, "D-1"))
		a := only(t, city)
		_, err := city.Alarms.Acknowledge(ctx, auditor, a.ID, a.LastEntry)
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
		_, err = city.Alarms.Close(ctx, auditor, a.ID, "x", a.LastEntry)
		lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
		for _, err := range []error{
			second(city.Alarms.List(ctx, lifecycletest.Nobody, alarm.Filter{})), second(city.Alarms.Get(ctx, lifecycletest.Nobody, a.ID)),
			second(city.Alarms.Standing(ctx, lifecycletest.Nobody)), second(city.Alarms.Acknowledge(ctx, lifecycletest.Nobody, a.ID, a.LastEntry)),
		} {
			lifecycletest.WantFault(t, err, fault.Denied, "auth.denied")
		}
		_, err = city.Alarms.Get(ctx, lifecycletest.Guard, "A-0")
		lifecycletest.WantFault(t, err, fault.NotFound, "alarm.unknown")
	})
}

func second[T any](_ T, err error) error { return err }
