package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/event"
	"kanmon/internal/fault"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		os.Exit(child(dir))
	}
	goleak.VerifyTestMain(m)
}

const controllerName = "ctl-1"

var noon = time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)

// open starts a journal that ends with the test, or with the returned function.
func open(t testing.TB, dir string, now func() time.Time) (*Journal, func()) {
	t.Helper()
	return start(t, Config{Dir: dir, Controller: controllerName, Now: now, Log: slog.New(slog.DiscardHandler)})
}

func start(t testing.TB, cfg Config) (*Journal, func()) {
	t.Helper()
	j, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- j.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("journal ended with %v", err)
		}
	})
	t.Cleanup(stop)
	if _, err := j.Opened(t.Context()); err != nil {
		t.Fatal(err)
	}
	return j, stop
}

func draft(n int) event.Event {
	return event.Event{At: noon.Add(time.Duration(n) * time.Second), Kind: event.AccessDenied, Door: "D-1", Detail: fmt.Sprint("n", n)}
}

func appendN(t testing.TB, j *Journal, from, n int) {
	t.Helper()
	for i := range n {
		if _, err := j.Append(t.Context(), []event.Event{draft(from + i)}, Change{}); err != nil {
			t.Fatal(err)
		}
	}
}

// readAll reads everything behind after in small batches and walks the chain itself.
func readAll(t testing.TB, j *Journal, after uint64) []event.Event {
	t.Helper()
	var all []event.Event
	var head event.Hash
	for {
		b, err := j.Read(t.Context(), after, 7, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if len(b.Events) == 0 {
			return all
		}
		if len(all) > 0 && b.Prev != head || len(all) == 0 && after == 0 && b.Prev != event.Start(controllerName, b.Epoch) {
			t.Fatalf("batch from %d does not continue the chain", b.First)
		}
		head = b.Prev
		for i, raw := range b.Events {
			e, err := event.Decode(raw)
			if err != nil || e.Epoch != b.Epoch || e.Seq != b.First+uint64(i) || e.Seq != after+uint64(i)+1 {
				t.Fatalf("event %d.%d behind %d: %v", e.Epoch, e.Seq, after, err)
			}
			head = event.Next(head, raw)
			all = append(all, e)
		}
		after = b.Last()
	}
}

func TestEventsAreNumberedFromOneWithoutGapsAndChained(t *testing.T) {
	j, _ := open(t, t.TempDir(), nil)
	appendN(t, j, 0, 20)
	if _, err := j.Append(t.Context(), []event.Event{draft(20), draft(21), draft(22)}, Change{}); err != nil {
		t.Fatal(err)
	}
	all := readAll(t, j, 0)
	if len(all) != 23 || all[22].Detail != "n22" {
		t.Fatalf("%d events, the last %+v", len(all), all[len(all)-1])
	}
	if err := j.Verify(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Restart: what was derived from the events is there with them.
func TestARestartFindsEventsCursorPolicyAndTime(t *testing.T) {
	dir := t.TempDir()
	j, stop := open(t, dir, nil)
	appendN(t, j, 0, 5)
	unsure := draft(100)
	unsure.Unsure = true
	v := access.Version{Epoch: 3, N: 9}
	if _, err := j.Append(t.Context(), []event.Event{unsure}, Change{Policy: &v, Floor: noon.Add(7 * time.Second)}); err != nil {
		t.Fatal(err)
	}
	if err := j.Ack(t.Context(), j.State().Epoch, 4); err != nil {
		t.Fatal(err)
	}
	before := j.State()
	stop()
	j, _ = open(t, dir, nil)
	after := j.State()
	if after.Start <= before.Start {
		t.Fatalf("start %d after start %d", after.Start, before.Start)
	}
	if after.Start = before.Start; after != before || after.Seq != 6 || after.Acked != 4 || after.Policy != v || !after.Floor.Equal(noon.Add(7*time.Second)) {
		t.Fatalf("state %+v, was %+v", after, before)
	}
	appendN(t, j, 6, 1)
	if all := readAll(t, j, 0); len(all) != 7 {
		t.Fatalf("%d events", len(all))
	}
}

func TestReadStopsAtItsBoundsButNeverBeforeTheFirst(t *testing.T) {
	j, _ := open(t, t.TempDir(), nil)
	appendN(t, j, 0, 10)
	one, err := j.Read(t.Context(), 3, 100, 1)
	if err != nil || one.First != 4 || len(one.Events) != 1 {
		t.Fatalf("batch %d+%d, %v", one.First, len(one.Events), err)
	}
	three, err := j.Read(t.Context(), 3, 100, 3*len(one.Events[0]))
	if err != nil || len(three.Events) != 3 {
		t.Fatalf("%d events, %v", len(three.Events), err)
	}
	none, err := j.Read(t.Context(), 10, 100, 1<<20)
	if err != nil || len(none.Events) != 0 {
		t.Fatalf("%d events, %v", len(none.Events), err)
	}
}

func TestTheCursorGoesForthAndBackAndNowhereElse(t *testing.T) {
	j, _ := open(t, t.TempDir(), nil)
	appendN(t, j, 0, 10)
	epoch := j.State().Epoch
	for _, c := range []struct {
		epoch, upTo, want uint64
		refused           bool
	}{{epoch, 7, 7, false}, {epoch, 3, 3, false}, {epoch, 11, 3, true}, {epoch + 1, 5, 3, true}, {epoch, 10, 10, false}, {epoch, 0, 0, false}} {
		err := j.Ack(t.Context(), c.epoch, c.upTo)
		if (fault.KindOf(err) == fault.Conflict && err != nil) != c.refused || j.State().Acked != c.want {
			t.Fatalf("ack %d.%d: %v, cursor %d", c.epoch, c.upTo, err, j.State().Acked)
		}
	}
}

func TestAnEventThatIsNoneIsRefusedAndHarmsNoOther(t *testing.T) {
	j, _ := open(t, t.TempDir(), nil)
	bad := draft(0)
	bad.Person = strings.Repeat("x", event.MaxBytes)
	results := make(chan error, 3)
	for _, e := range []event.Event{draft(1), bad, draft(2)} {
		j.Submit([]event.Event{e}, Change{}, func(_ Position, err error) { results <- err })
	}
	var failed int
	for range 3 {
		if err := <-results; err != nil {
			failed++
			if fault.KindOf(err) != fault.TooLarge {
				t.Fatalf("err %v", err)
			}
		}
	}
	if all := readAll(t, j, 0); failed != 1 || len(all) != 2 {
		t.Fatalf("%d failed, %d events", failed, len(all))
	}
}

func TestAcknowledgedEventsGoAfterTheirDaysAndTheChainStays(t *testing.T) {
	today := noon
	var mu sync.Mutex
	now := func() time.Time { mu.Lock(); defer mu.Unlock(); return today }
	dir := t.TempDir()
	j, _ := open(t, dir, now)
	appendN(t, j, 0, 10)
	epoch := j.State().Epoch
	if err := j.Ack(t.Context(), epoch, 6); err != nil {
		t.Fatal(err)
	}
	pruneOn := func(d time.Time) uint64 {
		mu.Lock()
		today = d
		mu.Unlock()
		j.startPruning()
		appendN(t, j, 50, 1) // comes behind the pruning
		return j.State().Base
	}
	if base := pruneOn(noon.AddDate(0, 0, KeepAcked)); base != 0 {
		t.Fatalf("pruned to %d on day %d", base, KeepAcked)
	}
	if base := pruneOn(noon.AddDate(0, 0, KeepAcked+1)); base != 6 {
		t.Fatalf("pruned to %d on the day after", base)
	}
	if all := readAll(t, j, 6); len(all) != 6 || all[0].Seq != 7 {
		t.Fatalf("left %d events", len(all))
	}
	b, err := j.Read(t.Context(), 2, 10, 1<<20)
	if err != nil || b.First != 7 {
		t.Fatalf("reading what is gone starts at %d, %v", b.First, err)
	}
	if err := j.Verify(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := j.Ack(t.Context(), epoch, 2); err != nil || j.State().Acked != 6 {
		t.Fatalf("cursor %d, %v", j.State().Acked, err)
	}
}

// edit changes the journal's file behind its back, as somebody with a root shell would.
func edit(t testing.TB, dir string, statements ...string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "journal-*.db"))
	if err != nil || len(names) != 1 {
		t.Fatalf("files %v, %v", names, err)
	}
	d, err := db.Open(t.Context(), db.Config{Driver: db.SQLite, Path: names[0], AllowDDL: true})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Write(t.Context(), func(tx *db.Tx) error {
		for _, s := range statements {
			if _, err := tx.Exec(t.Context(), s); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// R84-1: the log cannot be altered unnoticed.
func TestABrokenJournalIsSetAsideAndANewEpochBeginsWithAnAlarm(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, dir string){
		"changed event": func(t *testing.T, dir string) {
			edit(t, dir, `DROP TRIGGER journal_event_keeps_its_bytes`, `UPDATE journal_event SET bytes = replace(bytes, 'n3', 'n4') WHERE seq = 4`)
		},
		"missing event": func(t *testing.T, dir string) {
			edit(t, dir, `DROP TRIGGER journal_event_is_kept`, `DELETE FROM journal_event WHERE seq = 4`)
		},
		"missing end": func(t *testing.T, dir string) {
			edit(t, dir, `DROP TRIGGER journal_event_is_kept`, `DELETE FROM journal_event WHERE seq > 4`)
		},
		"head set back": func(t *testing.T, dir string) { edit(t, dir, `UPDATE journal_head SET seq = 3`) },
		"table gone":    func(t *testing.T, dir string) { edit(t, dir, `DROP TABLE journal_event`) },
		"no database": func(t *testing.T, dir string) {
			names, _ := filepath.Glob(filepath.Join(dir, "journal-*.db"))
			if err := os.WriteFile(names[0], []byte(strings.Repeat("garbage ", 1000)), 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			j, stop := open(t, dir, func() time.Time { return noon })
			appendN(t, j, 0, 8)
			was := j.State().Epoch
			stop()
			harm(t, dir)
			// The clock is back at 1970: the new epoch must be higher all the same.
			j, _ = open(t, dir, func() time.Time { return time.Unix(5, 0) })
			st := j.State()
			if !st.Open || st.Epoch <= was || st.SetAside == "" {
				t.Fatalf("state %+v, was epoch %d", st, was)
			}
			if _, err := os.Stat(filepath.Join(dir, st.SetAside)); err != nil {
				t.Fatal(err)
			}
			all := readAll(t, j, 0)
			if len(all) != 1 || all[0].Kind != event.JournalTrouble {
				t.Fatalf("new journal holds %+v", all)
			}
			appendN(t, j, 0, 1)
		})
	}
}

func TestAJournalOfAnotherControllerIsNotTouched(t *testing.T) {
	dir := t.TempDir()
	j, stop := open(t, dir, nil)
	appendN(t, j, 0, 1)
	stop()
	edit(t, dir, `UPDATE journal_head SET controller = 'ctl-2'`)
	j, _ = open(t, dir, nil)
	if st := j.State(); st.Open || !strings.Contains(st.Trouble, "ctl-2") {
		t.Fatalf("state %+v", st)
	}
	_, err := j.Append(t.Context(), []event.Event{draft(1)}, Change{})
	if fault.KindOf(err) != fault.Conflict {
		t.Fatalf("err %v", err)
	}
}

// R84-1: a disk that cannot be written gives errors, not a crash, and the numbering goes on when it can again.
func TestAJournalThatCannotBeWrittenRecovers(t *testing.T) {
	dir := t.TempDir()
	j, _ := open(t, dir, nil)
	appendN(t, j, 0, 3)
	edit(t, dir, `CREATE TRIGGER full BEFORE INSERT ON journal_event BEGIN SELECT RAISE(ABORT, 'disk full'); END`)
	if _, err := j.Append(t.Context(), []event.Event{draft(3)}, Change{}); err == nil {
		t.Fatal("appended to a journal that refuses")
	}
	if st := j.State(); st.Trouble == "" || st.Seq != 3 {
		t.Fatalf("state %+v", st)
	}
	edit(t, dir, `DROP TRIGGER full`)
	appendN(t, j, 4, 1)
	all := readAll(t, j, 0)
	if len(all) != 4 || all[3].Detail != "n4" || j.State().Trouble != "" {
		t.Fatalf("%d events, state %+v", len(all), j.State())
	}
}

func TestAFolderThatIsMissingIsTriedAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	j, _ := open(t, dir, nil)
	if st := j.State(); st.Open || st.Trouble == "" {
		t.Fatalf("state %+v", st)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		_, err := j.Append(t.Context(), []event.Event{draft(0)}, Change{})
		if err == nil {
			break
		}
		if fault.KindOf(err) != fault.Unavailable || time.Now().After(deadline) {
			t.Fatal(err)
		}
		<-time.After(10 * time.Millisecond)
	}
	if all := readAll(t, j, 0); len(all) != 1 {
		t.Fatalf("%d events", len(all))
	}
}

func TestWhatIsQueuedAtTheEndIsWrittenAndLaterWorkIsRefused(t *testing.T) {
	dir := t.TempDir()
	j, stop := open(t, dir, nil)
	results := make(chan error, 500)
	for i := range 500 {
		j.Submit([]event.Event{draft(i)}, Change{}, func(_ Position, err error) { results <- err })
	}
	stop()
	for range 500 {
		if err := <-results; err != nil {
			t.Fatal(err)
		}
	}
	if _, err := j.Append(t.Context(), []event.Event{draft(0)}, Change{}); fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("err %v", err)
	}
	j, _ = open(t, dir, nil)
	if all := readAll(t, j, 0); len(all) != 500 || all[499].Detail != "n499" {
		t.Fatalf("%d events", len(all))
	}
}

func TestManyAtOnceAreNumberedOnceEach(t *testing.T) {
	j, _ := open(t, t.TempDir(), nil)
	var all sync.WaitGroup
	var mu sync.Mutex
	seen := map[uint64]bool{}
	for p := range 16 {
		all.Go(func() {
			for i := range 50 {
				at, err := j.Append(t.Context(), []event.Event{draft(p*50 + i)}, Change{})
				mu.Lock()
				if err != nil || seen[at.Seq] {
					t.Errorf("position %v twice or %v", at, err)
				}
				seen[at.Seq] = true
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(readAll(t, j, 0)) != 800 || len(seen) != 800 {
		t.Fatalf("%d positions", len(seen))
	}
}

func TestNewsTellOfEventsAndOfACursorThatWentBack(t *testing.T) {
	j, _ := open(t, t.TempDir(), nil)
	quiet := func() bool {
		select {
		case <-j.News():
			return false
		default:
			return true
		}
	}
	appendN(t, j, 0, 3)
	<-j.News()
	quiet()
	if err := j.Ack(t.Context(), j.State().Epoch, 3); err != nil {
		t.Fatal(err)
	}
	if !quiet() {
		t.Fatal("an acknowledgement is no news")
	}
	if err := j.Ack(t.Context(), j.State().Epoch, 1); err != nil {
		t.Fatal(err)
	}
	<-j.News()
}

func TestAConfigurationWithoutAFolderOrANameIsRefused(t *testing.T) {
	for _, c := range []Config{{Controller: "a", Log: slog.Default()}, {Dir: "x", Log: slog.Default()}, {Dir: "x", Controller: "a"}} {
		if _, err := New(c); fault.KindOf(err) != fault.Invalid {
			t.Errorf("config %+v: %v", c, err)
		}
	}
}

func TestOpenedEndsWithItsContext(t *testing.T) {
	j, err := New(Config{Dir: t.TempDir(), Controller: "a", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := j.Opened(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("err %v", err)
	}
	if err := j.Verify(t.Context()); fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("err %v", err)
	}
	if _, err := j.Read(t.Context(), 0, 1, 1); fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("err %v", err)
	}
}

// One card decision, durable: the floor of the tap path.
func BenchmarkAppend(b *testing.B) {
	j, _ := open(b, b.TempDir(), nil)
	for i := range b.N {
		if _, err := j.Append(b.Context(), []event.Event{draft(i)}, Change{}); err != nil {
			b.Fatal(err)
		}
	}
}

// Many doors at once share an fsync.
func BenchmarkAppendFrom16Doors(b *testing.B) {
	j, _ := open(b, b.TempDir(), nil)
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := j.Append(b.Context(), []event.Event{draft(1)}, Change{}); err != nil {
				b.Error(err)
			}
		}
	})
}
