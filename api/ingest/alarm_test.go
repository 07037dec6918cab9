package ingest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/event"
	"kanmon/lifecycle/alarm"
	"kanmon/lifecycle/lifecycletest"
)

// R43-2, R121-1: alarms come with the events that say so, once however often a batch comes, each with its own entry; what is quarantined is one too.
func TestAlarmsAreRaisedWithTheBatchThatSaysSo(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c, e := open(t, d), newEdge("ctl-1", 1).tap(2)
		shown := func() string {
			t.Helper()
			all, err := c.Alarms.List(t.Context(), lifecycletest.Guard, alarm.Filter{})
			if err != nil {
				t.Fatal(err)
			}
			var words []string
			for _, a := range all {
				words = append(words, fmt.Sprintf("%s×%d", a.Kind, a.Count))
			}
			slices.Sort(words)
			return strings.Join(words, " ")
		}
		e.record(event.Event{Kind: event.DoorForced, Door: "D-1", Area: "server-room"})
		c.send(t, "ctl-1", e.batch(1, 2), 2)
		if got := shown(); got != "" {
			t.Fatalf("alarms of ordinary events: %s", got)
		}
		c.send(t, "ctl-1", e.batch(1, 3), 3) // repeats the first two
		c.send(t, "ctl-1", e.batch(2, 3), 3)
		if got := shown(); got != "door_forced×1" {
			t.Fatalf("alarms: %s", got)
		}
		all, err := c.Alarms.List(t.Context(), lifecycletest.Guard, alarm.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		story, err := c.Alarms.Get(t.Context(), lifecycletest.Guard, all[0].ID)
		if err != nil || len(story.Entries) != 1 || story.Entries[0].Seq != 3 || story.Entries[0].Kind != event.DoorForced {
			t.Errorf("entries %+v, %v", story.Entries, err)
		}
		if _, err := c.ingest.HandleEvents(t.Context(), "ctl-1", e.batchAs("ctl-1", "ctl-2", 1, 3)); err == nil {
			t.Error("another's signature was taken")
		}
		if got := shown(); got != "door_forced×1 quarantined×1" {
			t.Errorf("alarms: %s", got)
		}
	})
}
