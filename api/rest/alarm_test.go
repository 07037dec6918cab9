package rest_test

import (
	"fmt"
	"testing"
	"time"

	"kanmon/internal/authz"
	"kanmon/internal/event"
	"kanmon/internal/store"
	"kanmon/lifecycle/alarm"
	"kanmon/lifecycle/entrylog"
)

// happen puts an event of ctl-1 into the log, and its alarms with it.
func (b *bench) happen(e event.Event) {
	b.t.Helper()
	ctx := b.t.Context()
	err := b.store.Write(ctx, store.Actor{Kind: store.ActorController, ID: "ctl-1"}, "", func(tx *store.Tx) error {
		head, err := entrylog.HeadOf(ctx, tx, "ctl-1", 1)
		if err != nil {
			return err
		}
		e.Epoch, e.Seq, e.At = 1, head.Seq+1, time.Now()
		raw, err := event.Encode(e)
		if err != nil {
			return err
		}
		id, _, err := entrylog.Append(ctx, tx, "ctl-1", head, []event.Event{e}, [][]byte{raw})
		if err != nil {
			return err
		}
		return b.alarms.Take(ctx, tx, "ctl-1", id, []event.Event{e})
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// R43-2: a forced door is an alarm until a guard has acknowledged it and closed it with a note; an auditor reads who did what.
func TestAForcedDoorIsAcknowledgedAndClosedOverTheInterface(t *testing.T) {
	b := newBench(t)
	boss, guard, auditor := b.add("boss", authz.SystemManager), b.add("guard", authz.Guard), b.add("auditor", authz.Auditor)
	town(b, boss)
	b.happen(event.Event{Kind: event.DoorForced, Door: "D-1", Area: "srv"})
	b.happen(event.Event{Kind: event.DoorForced, Door: "D-1", Area: "srv"})
	b.happen(event.Event{Kind: event.DoorHeld, Door: "D-2", Area: "srv"})

	items := b.want(200, "", guard, "GET", "/alarms?state=open&kind=door_forced&door=D-1", "").json["items"].([]any) //nolint:forcetypeassert // else the test ends here
	if len(items) != 1 {
		t.Fatalf("alarms: %v", items)
	}
	one := items[0].(map[string]any) //nolint:forcetypeassert // else the test ends here
	if one["severity"] != "urgent" || one["count"] != 2.0 || one["subject_name"] != "正面扉" || one["state"] != "raised" {
		t.Errorf("alarm: %v", one)
	}
	last := fmt.Sprintf(`"last_event":%.0f`, one["last_event"])
	path := "/alarms/" + one["id"].(string) //nolint:forcetypeassert // else the test ends here
	b.want(409, "alarm.not_acknowledged", guard, "POST", path+"/close", `{"note":"x",`+last+`}`)
	b.want(403, "auth.denied", auditor, "POST", path+"/acknowledge", `{`+last+`}`)
	b.want(409, "alarm.more", guard, "POST", path+"/acknowledge", `{"last_event":1}`)
	if got := b.want(200, "", guard, "POST", path+"/acknowledge", `{`+last+`}`); got.json["acknowledged_by"] != "account:guard" {
		t.Errorf("acknowledged: %s", got.text)
	}
	b.want(409, "alarm.taken", boss, "POST", path+"/acknowledge", `{`+last+`}`)
	b.want(409, "alarm.more", guard, "POST", path+"/close", `{"note":"清掃業者","last_event":1}`)
	b.want(422, "", guard, "POST", path+"/close", `{"note":"",`+last+`}`)
	b.want(200, "", guard, "POST", path+"/close", `{"note":"清掃業者",`+last+`}`)
	b.want(409, "alarm.closed", guard, "POST", path+"/close", `{"note":"again",`+last+`}`)

	story := b.want(200, "", auditor, "GET", path, "")
	history, events := story.json["history"].([]any), story.json["events"].([]any) //nolint:forcetypeassert // else the test ends here
	if len(history) != 3 || len(events) != 2 || story.json["note"] != "清掃業者" || story.json["closed_by"] != "account:guard" {
		t.Errorf("story: %s", story.text)
	}
	b.want(404, "alarm.unknown", guard, "GET", "/alarms/A-0", "")
	b.want(422, "", guard, "GET", "/alarms?state=sometimes", "")
}

func TestEachAccountReadsItsOwnNotices(t *testing.T) {
	b := newBench(t)
	boss, staff := b.add("boss", authz.SystemManager), b.add("clerk", authz.Staff)
	town(b, boss)
	b.happen(event.Event{Kind: event.DoorForced, Door: "D-1", Area: "srv"})
	hasty := alarm.New(b.store, alarm.Limits{Urgent: time.Nanosecond})
	if err := hasty.Watch(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	items := b.want(200, "", boss, "GET", "/notices?unread=true", "").json["items"].([]any) //nolint:forcetypeassert // else the test ends here
	if len(items) != 1 {
		t.Fatalf("notices: %v", items)
	}
	n := items[0].(map[string]any) //nolint:forcetypeassert // else the test ends here
	if n["kind"] != "alarm_escalated" || n["params"].(map[string]any)["name"] != "正面扉" {
		t.Errorf("notice: %v", n)
	}
	path := "/notices/" + n["id"].(string) //nolint:forcetypeassert // else the test ends here
	b.want(404, "notice.unknown", staff, "POST", path+"/read", "")
	b.want(204, "", boss, "POST", path+"/read", "")
	for token, want := range map[string]string{boss: `{"items":[]}`, staff: `{"items":[]}`} {
		if got := b.want(200, "", token, "GET", "/notices?unread=true", ""); got.text != want+"\n" {
			t.Errorf("notices: %s", got.text)
		}
	}
}
