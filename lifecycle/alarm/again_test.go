package alarm_test

import (
	"context"
	"testing"
	"time"

	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/alarm"
	"kanmon/lifecycle/lifecycletest"
)

// acknowledge takes the only alarm there is, as it stands.
func acknowledge(t *testing.T, city *lifecycletest.City) {
	t.Helper()
	a := only(t, city)
	if _, err := city.Alarms.Acknowledge(t.Context(), lifecycletest.Guard, a.ID, a.LastEntry); err != nil {
		t.Fatal(err)
	}
}

func watch(t *testing.T, city *lifecycletest.City) {
	t.Helper()
	if err := city.Alarms.Watch(t.Context(), city.Clock.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
}

// R43-2: somebody is threatened again while the first threat is being seen to. Nobody has seen to the second.
func TestANewThreatIsRaisedAgainAndEscalates(t *testing.T) {
	onBoth(t, func(t *testing.T, city *lifecycletest.City) {
		people(t, city)
		threat := func(controller, door string) {
			e := at(event.Duress, door)
			e.Person = "1001"
			take(t, city, controller, e)
		}
		threat("ctl-1", "D-1")
		city.Clock.Pass(4 * time.Minute)
		watch(t, city)
		acknowledge(t, city)
		city.Clock.Pass(72 * time.Hour)
		threat("ctl-2", "D-3")
		a := only(t, city)
		if a.State != alarm.Raised || a.Door != "D-3" || a.Area != "archive" || a.Count != 2 || a.TakenBy != "" || !a.TakenAt.IsZero() || a.Escalations != 0 ||
			!a.RaisedAt.Equal(city.Clock.Now()) || a.FirstAt.Equal(a.RaisedAt) {
			t.Errorf("alarm %+v", a)
		}
		city.Clock.Pass(3*time.Minute - time.Second)
		watch(t, city)
		if a := only(t, city); a.Escalations != 0 {
			t.Errorf("escalated too early: %+v", a)
		}
		city.Clock.Pass(time.Second)
		watch(t, city)
		if a := only(t, city); a.Escalations != 1 || len(a.Told) != 2 {
			t.Errorf("not escalated anew: %+v", a)
		}
	})
}

// R43-2
func TestWhatComesBackAfterItWasOverIsRaisedAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, city *lifecycletest.City) {
		take(t, city, "ctl-1", at(event.DoorHeld, "D-1"))
		acknowledge(t, city)
		city.Clock.Pass(time.Hour)
		take(t, city, "ctl-1", at(event.DoorHeld, "D-1")) // goes on
		want(t, city, "door_held door D-1 acknowledged ×2")
		city.Clock.Pass(time.Second)
		take(t, city, "ctl-1", at(event.DoorClosed, "D-1"))
		city.Clock.Pass(time.Hour)
		watch(t, city)
		want(t, city, "door_held door D-1 acknowledged ×2 over")
		take(t, city, "ctl-1", at(event.DoorHeld, "D-1"))
		want(t, city, "door_held door D-1 raised ×3")
	})
}

// A door that flaps takes the alarm from its guard at most once a minute, and what comes in between is not lost.
func TestAnAlarmIsRaisedAgainAtMostOnceAMinute(t *testing.T) {
	for kind, line := range map[event.Kind]string{event.DoorForced: "door_forced door D-1", event.DoorHeld: "door_held door D-1"} {
		onBoth(t, func(t *testing.T, city *lifecycletest.City) {
			over := " over"
			if kind == event.DoorForced {
				over = ""
			}
			take(t, city, "ctl-1", at(kind, "D-1"))
			city.Clock.Pass(time.Second)
			take(t, city, "ctl-1", at(event.DoorClosed, "D-1"))
			acknowledge(t, city)
			city.Clock.Pass(58 * time.Second)
			take(t, city, "ctl-1", at(kind, "D-1"))
			watch(t, city)
			want(t, city, line+" acknowledged ×2"+over)
			city.Clock.Pass(time.Second)
			for range 2 {
				watch(t, city)
			}
			want(t, city, line+" raised ×2")
			story, err := city.Alarms.Get(t.Context(), lifecycletest.Guard, only(t, city).ID)
			if err != nil || len(story.Steps) != 3 || story.Steps[2].Actor != "system:watch" || story.Door != "D-1" || story.Area != "server-room" {
				t.Errorf("story %+v, %v", story, err)
			}
			acknowledge(t, city)
			city.Clock.Pass(time.Hour)
			watch(t, city)
			want(t, city, line+" acknowledged ×2")
		})
	}
}

// R75-2: a card that is left within the minute after another one was taken is not lost either, though no entry tells of it.
func TestACardThatIsLeftWhileItsAlarmRestsIsRaisedAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, city *lifecycletest.City) {
		say := func(write func(func(*store.Tx) error) error, say func(context.Context, *store.Tx, string) error) {
			t.Helper()
			if err := write(func(tx *store.Tx) error { return say(t.Context(), tx, "front-1") }); err != nil {
				t.Fatal(err)
			}
			city.Clock.Pass(20 * time.Second)
		}
		raise := func(fn func(*store.Tx) error) error {
			return city.Store.Write(t.Context(), store.Actor{Kind: store.ActorDesk, ID: "front-1"}, "", fn)
		}
		count := func(fn func(*store.Tx) error) error { return city.Store.WriteDerived(t.Context(), "test", fn) }
		say(raise, city.Alarms.CardLeft)
		acknowledge(t, city)
		say(count, city.Alarms.CardTaken)
		say(count, city.Alarms.CardLeft)
		watch(t, city)
		want(t, city, "card_left device desk/front-1 raised ×2")
	})
}

// R43-2: what happened while the note was typed is not closed with it.
func TestClosingAnswersOnlyForWhatWasSeen(t *testing.T) {
	onBoth(t, func(t *testing.T, city *lifecycletest.City) {
		ctx := t.Context()
		take(t, city, "ctl-1", at(event.DoorHeld, "D-1"))
		seen := only(t, city)
		take(t, city, "ctl-1", at(event.DoorHeld, "D-1"))
		a, err := city.Alarms.Acknowledge(ctx, lifecycletest.Guard, seen.ID, seen.LastEntry) // nothing urgent: more may have come
		if err != nil {
			t.Fatal(err)
		}
		_, err = city.Alarms.Close(ctx, lifecycletest.Guard, a.ID, "閉めた", seen.LastEntry)
		lifecycletest.WantFault(t, err, fault.Conflict, "alarm.more")
		want(t, city, "door_held door D-1 acknowledged ×2")
		if _, err = city.Alarms.Close(ctx, lifecycletest.Guard, a.ID, "閉めた", a.LastEntry); err != nil {
			t.Error(err)
		}
	})
}

// R43-2: a door that is forced every second can be taken all the same by somebody whose page is behind; what it writes is bounded, and it comes back
// after a minute.
func TestADoorThatIsForcedEverySecondFloodsNobody(t *testing.T) {
	onBoth(t, func(t *testing.T, city *lifecycletest.City) {
		ctx := t.Context()
		again := func(times int) {
			for range times {
				city.Clock.Pass(time.Second)
				take(t, city, "ctl-1", at(event.DoorForced, "D-1"), at(event.DoorClosed, "D-1"))
			}
		}
		again(19)
		seen := only(t, city)
		again(1)
		_, err := city.Alarms.Acknowledge(ctx, lifecycletest.Guard, seen.ID, seen.LastEntry)
		lifecycletest.WantFault(t, err, fault.Conflict, "alarm.more")
		again(100)
		if _, err := city.Alarms.Acknowledge(ctx, lifecycletest.Guard, seen.ID, seen.LastEntry); err != nil {
			t.Fatalf("nobody can take it: %v", err)
		}
		again(30)
		want(t, city, "door_forced door D-1 raised ×150")
		story, err := city.Alarms.Get(ctx, lifecycletest.Guard, seen.ID)
		if err != nil || len(story.Entries) != 101 || len(story.Steps) != 3 { // the first hundred and the last
			t.Errorf("%d entries and %d steps, want 101 and 3: %v", len(story.Entries), len(story.Steps), err)
		}
	})
}
