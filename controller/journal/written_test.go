package journal

import (
	"context"
	"log/slog"
	"testing"

	"kanmon/internal/event"
)

// A commit that is reported as failed may have happened: the journal asks the disk before it says so.
func TestACommitReportedAsFailedIsLookedUpOnDisk(t *testing.T) {
	j, err := New(Config{Dir: t.TempDir(), Controller: controllerName, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	w := &writer{Journal: j}
	if err := w.ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.closeDB(); err != nil {
			t.Error(err)
		}
	}()
	before := w.head
	if err := w.write(t.Context(), []answer{{request: request{events: []event.Event{draft(0)}}}}); err != nil {
		t.Fatal(err)
	}
	after := w.head
	_, never, err := after.number([]event.Event{draft(1)})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		had, wanted      head
		written, suspect bool
	}{
		"applied":                     {before, after, true, false},
		"not applied":                 {after, never, false, false},
		"something else is there now": {before, never, false, true},
	} {
		w.head = c.had
		if got := w.written(t.Context(), c.wanted); got != c.written || w.suspect != c.suspect {
			t.Errorf("%s: written %v, suspect %v", name, got, w.suspect)
		}
	}
}

func TestAnEndThatIsAlreadyThereStillWritesWhatIsQueued(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range 10 { // which of the two Run sees first is chance
		j, err := New(Config{Dir: t.TempDir(), Controller: controllerName, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		result := make(chan error, 1)
		j.Submit([]event.Event{draft(0)}, Change{}, func(_ Position, err error) { result <- err })
		if err := j.Run(ended); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-result:
			if err != nil {
				t.Fatal(err)
			}
		default:
			t.Fatal("the submission got no answer")
		}
	}
}
