package live_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kanmon/api/console/consoletest"
	"kanmon/api/console/live"
	"kanmon/internal/event"
	"kanmon/internal/store"
	"kanmon/lifecycle/entrylog"
)

// busy is a log to which others write while it is being read kind by kind.
type busy struct {
	*consoletest.Entries
	during func(f entrylog.Filter) // runs after each answer
}

func (b *busy) List(ctx context.Context, actor store.Actor, f entrylog.Filter) ([]entrylog.Entry, error) {
	list, err := b.Entries.List(ctx, actor, f)
	if b.during != nil {
		b.during(f)
	}
	return list, err
}

func TestAnEntryWrittenWhileKindsAreReadIsNotJumpedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &busy{Entries: &consoletest.Entries{}}
		d := open(t, func(c *live.Config) { c.Entries, c.Subscribe = log, log.Subscribe })
		log.during = func(f entrylog.Filter) {
			if f.Kind != event.DoorForced || f.AfterID == 0 {
				return
			}
			log.during = nil // forced doors were read just now: these two come too late for them, and in time for the next kind
			log.Add(entrylog.Entry{At: consoletest.Now, Kind: event.DoorForced, Door: "D-1"})
			log.Add(entrylog.Entry{At: consoletest.Now, Kind: event.DoorHeld, Door: "D-1"})
		}
		w, end := d.watch(t, "/live/stream?show=alarm&after=0", "")
		defer end()
		w.took(t)
		log.Add(entrylog.Entry{At: consoletest.Now, Kind: event.DeviceTamper, Device: "IN-1"})
		time.Sleep(time.Second)
		synctest.Wait()
		var rows []string
		for _, m := range w.took(t) {
			if m.name == "row" {
				rows = append(rows, m.id)
			}
		}
		if got := strings.Join(rows, " "); got != "3 6 9" {
			t.Errorf("rows %s, want 3 6 9", got)
		}
	})
}

func TestAPageOpenedOnAnEmptyLogMissesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, nil)
		for n := range 150 {
			d.entries.Add(opened(n))
		}
		w, end := d.watch(t, "/live/stream?after=0", "")
		defer end()
		got := w.took(t)
		for i, m := range got[:len(got)-1] {
			if m.name != "row" || m.id != strconv.Itoa(3*(i+1)) {
				t.Fatalf("event %d is %s %s", i, m.name, m.id)
			}
		}
		if len(got) != 151 {
			t.Errorf("%d events", len(got))
		}
	})
}

func TestAWakeUpThatNeverCameIsHealedByTheHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, func(c *live.Config) {
			c.Subscribe = func() (<-chan struct{}, func()) { return nil, func() {} }
		})
		w, end := d.watch(t, "/live/stream", "")
		defer end()
		w.took(t)
		d.entries.Add(opened(1))
		time.Sleep(15 * time.Second)
		synctest.Wait()
		if got := names(w.took(t)); !strings.HasPrefix(got, "row3") {
			t.Errorf("got %s", got)
		}
	})
}
