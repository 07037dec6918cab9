package journal

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/event"
)

func withdrawn(n uint64, card byte, state access.CredentialState) access.Revocation {
	return access.Revocation{Version: access.Version{Epoch: 1, N: n}, Key: access.Key{card}, Card: "C-1", State: state}
}

func appendChange(t *testing.T, j *Journal, c Change) {
	t.Helper()
	if _, err := j.Append(t.Context(), []event.Event{draft(1)}, c); err != nil {
		t.Fatal(err)
	}
}

// R76-2: what must be refused after a restart, and who may be believed, is one commit with the event that tells of it.
func TestARestartFindsWhomToRefuseAndWhomToBelieve(t *testing.T) {
	dir := t.TempDir()
	j, stop := open(t, dir, nil)
	if s := j.State(); s.Lease != nil || s.Revoked != (access.Version{}) || s.Centre != 0 || s.Start == 0 {
		t.Fatalf("new journal %+v", s)
	}
	upto := access.Version{Epoch: 1, N: 3}
	appendChange(t, j, Change{Centre: 4, Revoked: &Revoked{
		Entries: []access.Revocation{withdrawn(1, 7, access.Suspended), withdrawn(3, 8, access.Revoked)}, Upto: upto, At: noon,
	}})
	appendChange(t, j, Change{Centre: 3, Revoked: &Revoked{Entries: []access.Revocation{withdrawn(2, 7, access.Active)}, Upto: upto, At: noon}})
	appendChange(t, j, Change{Lease: &Lease{Age: 90 * time.Minute, Wall: noon}, Clock: &Clock{Set: noon.Add(-time.Hour), Said: noon}})
	before := j.State()
	stop()
	j, stop = open(t, dir, nil)
	s := j.State()
	if s.Revoked != upto || !s.RevokedAt.Equal(noon) || s.Centre != 4 || *s.Lease != (Lease{90 * time.Minute, noon}) ||
		!s.Clock.Set.Equal(noon.Add(-time.Hour)) || !s.Clock.Said.Equal(noon) || s.Start <= before.Start {
		t.Fatalf("state %+v, was %+v", s, before)
	}
	entries, err := j.Revocations(t.Context())
	if err != nil || len(entries) != 2 || entries[0] != withdrawn(2, 7, access.Active) || entries[1] != withdrawn(3, 8, access.Revoked) {
		t.Fatalf("entries %+v, %v", entries, err)
	}
	appendChange(t, j, Change{Lease: &Lease{Age: time.Hour}}) // a clock that is not believed
	stop()
	if j, _ = open(t, dir, nil); *j.State().Lease != (Lease{Age: time.Hour}) {
		t.Fatalf("lease %+v", j.State().Lease)
	}
}

// The number of a start rises though the clock stands still: else the centre would take its statuses for old ones.
func TestEveryStartHasAHigherNumber(t *testing.T) {
	dir, stopped := t.TempDir(), func() time.Time { return noon }
	last := uint64(0)
	for range 3 {
		j, stop := open(t, dir, stopped)
		appendChange(t, j, Change{})
		if s := j.State().Start; s <= last {
			t.Fatalf("start %d after start %d", s, last)
		}
		last = j.State().Start
		stop()
	}
}

// A change without an event is a commit all the same; an event that cannot be written takes its change with it.
func TestAChangeIsWrittenWithItsEventsOrNotAtAll(t *testing.T) {
	j, _ := open(t, t.TempDir(), nil)
	at, err := j.Append(t.Context(), nil, Change{Lease: &Lease{Age: time.Minute}})
	if err != nil || at.Seq != 0 || j.State().Lease.Age != time.Minute {
		t.Fatalf("at %v, %v, %+v", at, err, j.State())
	}
	bad := event.Event{At: noon, Kind: "nonsense"}
	if _, err := j.Append(t.Context(), []event.Event{bad}, Change{
		Centre: 9, Revoked: &Revoked{Entries: []access.Revocation{withdrawn(1, 7, access.Revoked)}, Upto: access.Version{Epoch: 1, N: 1}},
	}); err == nil {
		t.Fatal("nonsense was written")
	}
	entries, err := j.Revocations(t.Context())
	if s := j.State(); err != nil || len(entries) != 0 || s.Centre != 0 || s.Revoked.N != 0 {
		t.Fatalf("entries %v, %v, %+v", entries, err, s)
	}
}

// A journal that breaks still hands on what of it can be read: a lost card stays lost. How far the set goes is asked anew.
func TestABrokenJournalHandsOnWhomToRefuse(t *testing.T) {
	dir := t.TempDir()
	j, stop := open(t, dir, nil)
	appendChange(t, j, Change{
		Centre: 2, Lease: &Lease{Age: time.Hour, Wall: noon},
		Revoked: &Revoked{Entries: []access.Revocation{withdrawn(1, 7, access.Revoked)}, Upto: access.Version{Epoch: 1, N: 1}, At: noon},
	})
	old := j.State()
	stop()
	files, _ := filepath.Glob(filepath.Join(dir, "journal-*.db"))
	d, err := db.Open(t.Context(), db.Config{Driver: db.SQLite, Path: files[0], Log: j.cfg.Log})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Write(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE journal_head SET seq = seq + 1 WHERE id = 1`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	j, stop = open(t, dir, nil)
	s := j.State()
	if s.Epoch == old.Epoch || s.SetAside == "" || s.Start <= old.Start || s.Centre != 2 || s.Lease.Age != time.Hour || s.Revoked.N != 0 {
		t.Fatalf("state %+v, was %+v", s, old)
	}
	entries, err := j.Revocations(t.Context())
	if err != nil || len(entries) != 1 || entries[0].State != access.Revoked {
		t.Fatalf("entries %v, %v", entries, err)
	}
	stop()
	files, _ = filepath.Glob(filepath.Join(dir, "journal-*.db"))
	if err := os.WriteFile(files[0], []byte("nothing of a database"), 0o600); err != nil {
		t.Fatal(err)
	}
	j, _ = open(t, dir, nil)
	if s := j.State(); !s.Open || s.Lease != nil || s.Start <= old.Start {
		t.Fatalf("state %+v", s)
	}
}

// Power fails between setting a journal aside and beginning the next, or a technician renames it: it hands on whom to refuse all the same.
func TestAJournalSetAsideHandsOnWhomToRefuseWheneverTheNextBegins(t *testing.T) {
	for name, left := range map[string]bool{"no next file": false, "a next file with nothing in it": true} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			j, stop := open(t, dir, nil)
			appendChange(t, j, Change{
				Centre: 2, Floor: noon, Revoked: &Revoked{Entries: []access.Revocation{withdrawn(1, 7, access.Revoked)}, Upto: access.Version{Epoch: 1, N: 1}, At: noon},
			})
			old := j.State()
			stop()
			files, _ := filepath.Glob(filepath.Join(dir, "journal-*.db*"))
			for _, f := range files {
				base, suffix, _ := strings.Cut(f, ".db")
				if err := os.Rename(f, base+".db.broken"+suffix); err != nil {
					t.Fatal(err)
				}
			}
			if left {
				if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("journal-%d.db", old.Epoch+1)), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			j, stop = open(t, dir, nil)
			for range 2 {
				s := j.State()
				entries, err := j.Revocations(t.Context())
				if err != nil || len(entries) != 1 || s.Epoch <= old.Epoch || s.Centre != 2 || !s.Floor.Equal(noon) || s.Start <= old.Start {
					t.Fatalf("entries %v, %v, state %+v", entries, err, s)
				}
				stop()
				j, stop = open(t, dir, nil)
			}
			if all := readAll(t, j, 0); all[0].Kind != event.JournalTrouble {
				t.Errorf("it begins with %+v", all[0])
			}
		})
	}
}

// One damaged row costs the journal, not the doors: what can be read goes on, and a card whose state cannot be read is refused.
func TestADamagedRevocationSetsTheJournalAside(t *testing.T) {
	dir := t.TempDir()
	j, stop := open(t, dir, nil)
	appendChange(t, j, Change{Revoked: &Revoked{
		Entries: []access.Revocation{withdrawn(1, 7, access.Suspended), withdrawn(2, 8, access.Suspended)}, Upto: access.Version{Epoch: 1, N: 2}, At: noon,
	}})
	stop()
	files, _ := filepath.Glob(filepath.Join(dir, "journal-*.db"))
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	i := bytes.Index(b, []byte("C-1suspended"))
	if i < 0 {
		t.Fatal("no state in the file")
	}
	b[i+11] = 'e'
	if err := os.WriteFile(files[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	j, _ = open(t, dir, nil)
	entries, err := j.Revocations(t.Context())
	if s := j.State(); err != nil || !s.Open || s.SetAside == "" || len(entries) != 2 {
		t.Fatalf("entries %+v, %v, state %+v", entries, err, s)
	}
	if a, b := entries[0].State, entries[1].State; a == b || (a != access.Revoked && b != access.Revoked) {
		t.Errorf("entries %+v: the damaged one is to be refused for good, the other as it was", entries)
	}
}

// The table itself forgets nothing.
func TestARevocationCannotBeDeleted(t *testing.T) {
	j, _ := open(t, t.TempDir(), nil)
	appendChange(t, j, Change{Revoked: &Revoked{Entries: []access.Revocation{withdrawn(1, 7, access.Revoked)}, Upto: access.Version{Epoch: 1, N: 1}}})
	err := j.db.Load().Write(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `DELETE FROM journal_revocation`)
		return err
	})
	if err == nil {
		t.Fatal("deleted")
	}
}

func TestHowFullAJournalIsIsCountedFromWhatIsKept(t *testing.T) {
	for _, c := range []struct {
		seq, base uint64
		kept      uint64
		perMil    int
	}{
		{0, 0, 0, 0}, {10, 0, 10, 0}, {Room * 8 / 10, 0, Room * 8 / 10, 800}, {Room, Room / 2, Room / 2, 500}, {5 * Room, 0, 5 * Room, 1000},
	} {
		s := State{Seq: c.seq, Base: c.base}
		if s.Kept() != c.kept || s.FillPerMil() != c.perMil {
			t.Errorf("%d to %d: kept %d, %d of 1000", c.base, c.seq, s.Kept(), s.FillPerMil())
		}
	}
}
