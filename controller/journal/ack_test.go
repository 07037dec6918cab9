package journal

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"kanmon/internal/db"
)

// cursorOnDisk is the cursor as another program finds it.
func cursorOnDisk(t *testing.T, dir string) (seq, acked uint64) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "journal-*.db"))
	d, err := db.Open(t.Context(), db.Config{Driver: db.SQLite, Path: files[0], Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close() // only read
	h, err := load(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return h.seq, h.acked
}

// Thousands of acknowledgements cost no commit of their own: the cursor goes with the next one.
func TestAnAcknowledgementWaitsForTheNextCommit(t *testing.T) {
	dir := t.TempDir()
	j, stop := openSlow(t, dir)
	appendN(t, j, 0, 5)
	epoch := j.State().Epoch
	for n := range uint64(4) {
		if err := j.Ack(t.Context(), epoch, n+1); err != nil || j.State().Acked != n+1 {
			t.Fatalf("acknowledged %d, %v", j.State().Acked, err)
		}
	}
	if _, acked := cursorOnDisk(t, dir); acked != 0 {
		t.Fatalf("on disk %d", acked)
	}
	appendN(t, j, 5, 1)
	if seq, acked := cursorOnDisk(t, dir); seq != 6 || acked != 4 {
		t.Fatalf("on disk %d of %d", acked, seq)
	}
	if err := j.Ack(t.Context(), epoch, 2); err != nil { // back: the centre has lost some
		t.Fatal(err)
	}
	if _, acked := cursorOnDisk(t, dir); acked != 2 {
		t.Fatalf("back on disk: %d", acked)
	}
	if err := j.Ack(t.Context(), epoch, 6); err != nil {
		t.Fatal(err)
	}
	stop()
	if _, acked := cursorOnDisk(t, dir); acked != 6 {
		t.Fatalf("at the end on disk: %d", acked)
	}
}

// openSlow starts a journal that lets acknowledgements wait for an hour.
func openSlow(t *testing.T, dir string) (*Journal, func()) {
	t.Helper()
	return start(t, Config{Dir: dir, Controller: controllerName, Log: slog.New(slog.DiscardHandler), ackDelay: time.Hour})
}

// Where nothing else happens it goes by itself.
func TestAnAcknowledgementReachesTheDiskByItself(t *testing.T) {
	dir := t.TempDir()
	j, _ := start(t, Config{Dir: dir, Controller: controllerName, Log: slog.New(slog.DiscardHandler), ackDelay: time.Millisecond})
	appendN(t, j, 0, 5)
	if err := j.Ack(t.Context(), j.State().Epoch, 3); err != nil {
		t.Fatal(err)
	}
	for {
		if _, acked := cursorOnDisk(t, dir); acked == 3 {
			break
		}
		<-time.After(time.Millisecond)
	}
}
