package fleet

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kanmon/controller/journal"
	"kanmon/internal/event"
	"kanmon/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryControllerOfAFleetHasANameAFolderAndADoorOfItsOwn(t *testing.T) {
	f := small(t, 3)
	seen := map[string]bool{}
	for _, m := range f.Members() {
		for _, own := range []string{m.Name, m.Reader, m.Door, m.Config.DataDir, m.Config.SealingKeyFile} {
			if own == "" || seen[own] {
				t.Errorf("%s: %q is empty or another's", m.Name, own)
			}
			seen[own] = true
		}
		if m.Config.Controller != m.Name || !strings.HasPrefix(m.Config.DataDir, f.cfg.Dir) {
			t.Errorf("configuration of %s: %+v", m.Name, m.Config)
		}
		if m.Present([32]byte{1}) || m.Status().Online {
			t.Errorf("%s works before it was started", m.Name)
		}
	}
	for _, n := range []int{-1, 0, Most + 1} {
		if _, err := New(Config{N: n}); err == nil {
			t.Errorf("a fleet of %d", n)
		}
	}
}

func TestFleetThatIsNotEnrolledSaysSo(t *testing.T) {
	err := small(t, 2).Run(t.Context())
	if fault.KindOf(err) != fault.NotFound || !strings.Contains(err.Error(), "fleet-001") {
		t.Errorf("Run: %v", err)
	}
}

func small(t *testing.T, n int) *Fleet {
	t.Helper()
	f, err := New(Config{Dir: t.TempDir(), Site: "demo", N: n, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestBacklogIsInTheControllersJournalInOrder(t *testing.T) {
	m := small(t, 1).Members()[0]
	now := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	if err := m.Backlog(t.Context(), 2345, now); err != nil {
		t.Fatal(err)
	}
	j, err := journal.New(journal.Config{Dir: m.Config.DataDir, Controller: m.Name, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- j.Run(ctx) }()
	state, err := j.Opened(ctx)
	if err != nil || state.Seq != 2345 || state.Acked != 0 {
		t.Errorf("journal: %+v, %v", state, err)
	}
	last, err := j.Read(ctx, 2344, 10, 1<<20)
	if err != nil || len(last.Events) != 1 {
		t.Fatalf("the last event: %+v, %v", last, err)
	}
	e, err := event.Decode(last.Events[0])
	if err != nil || e.Door != "FD-001" || !e.At.Equal(now.Add(-time.Millisecond)) {
		t.Errorf("the last event: %+v, %v", e, err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if all, err := filepath.Glob(filepath.Join(m.Config.DataDir, "*.broken")); err != nil || len(all) != 0 {
		t.Errorf("set aside: %v, %v", all, err)
	}
}
