package harness

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"kanmon/api"
	"kanmon/firmware-sim/control"
	"kanmon/internal/db"
	"kanmon/internal/store"
)

// tampering is what somebody does who can write the database file, and what verification must then name.
type tampering struct {
	name       string
	statements []string
	want       []store.Finding // problem, table, key; Leaf is NoLeaf where a row has none
}

// R84-1: what the centre recorded is found as recorded; a row changed, removed or put in past the program is named by
// table and key.
func TestVerificationNamesEveryRowThatWasTamperedWith(t *testing.T) {
	s := Start(t)
	s.Tap("IN-1", "佐藤")
	s.Tap("IN-2", "拾得カード")
	s.Do(control.Request{Op: control.Open, Door: "D-2"})
	tap := s.AwaitEvent("the tap", func(e Event) bool { return e.Kind == "access_granted" })
	refusal := s.AwaitEvent("the refusal", func(e Event) bool { return e.Kind == "access_denied" })
	s.AwaitEvent("the forced door", func(e Event) bool { return e.Kind == "door_forced" })
	s.StopController()
	s.StopCentre()
	settings, err := api.ReadSettings(s.City.Files.CentreConfig())
	if err != nil {
		t.Fatal(err)
	}

	report := s.verify(settings)
	if !report.OK() || report.Rows == 0 || report.Rows != report.Leaves || report.Personal == 0 || report.Checkpoints == 0 {
		t.Fatalf("untouched: %d leaves, %d rows, %d personal rows, %d checkpoints, findings %+v",
			report.Leaves, report.Rows, report.Personal, report.Checkpoints, report.Findings)
	}
	for _, c := range tamperings(tap.ID, refusal.ID, report.Leaves-1) {
		copied := settings
		copied.DataDir = filepath.Join(t.TempDir(), "centre")
		copyFolder(t, copied.DataDir, settings.DataDir)
		attack(t, filepath.Join(copied.DataDir, filepath.Base(s.Database())), c.statements)
		checkFindings(t, c, s.verify(copied))
	}
	if report := s.verify(settings); !report.OK() {
		t.Errorf("the database itself after the attacks on its copies: %+v", report.Findings)
	}
}

// copyFolder copies a folder for its owner alone, as the centre wants its data to be.
func copyFolder(t *testing.T, to, from string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(to, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return os.Chmod(path, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func tamperings(tap, refusal, last int64) []tampering {
	const (
		updateEvent = "DROP TRIGGER event_no_update"
		deleteEvent = "DROP TRIGGER event_no_delete"
	)
	leaf := func(n int64) string { return fmt.Sprintf("leaf=%d", n) }
	return []tampering{
		{"another person in an entry", []string{updateEvent, fmt.Sprintf("UPDATE event SET person = 'S-0002' WHERE leaf = %d", tap)}, []store.Finding{
			{Problem: store.RowChanged, Table: "event", Key: leaf(tap), Leaf: tap},
		}},
		{"another hour in an entry", []string{updateEvent, fmt.Sprintf("UPDATE event SET at = '2020-01-01T00:00:00.000000Z' WHERE leaf = %d", tap)}, []store.Finding{
			{Problem: store.RowChanged, Table: "event", Key: leaf(tap), Leaf: tap},
		}},
		{"a refusal made a grant", []string{updateEvent, fmt.Sprintf("UPDATE event SET kind = 'access_granted', body = replace(body, 'denied', 'granted') WHERE leaf = %d", refusal)}, []store.Finding{
			{Problem: store.RowChanged, Table: "event", Key: leaf(refusal), Leaf: refusal},
		}},
		{"an entry removed", []string{deleteEvent, fmt.Sprintf("DELETE FROM event WHERE leaf = %d", refusal)}, []store.Finding{
			{Problem: store.RowMissing, Table: "event", Key: leaf(refusal), Leaf: refusal},
		}},
		{"an entry put in", []string{fmt.Sprintf(`INSERT INTO event SELECT %d, controller, epoch, seq + 1000, at, received, kind, door, area, person, card, direction, reason, body, salt
			FROM event WHERE leaf = %d`, last+1, tap)}, []store.Finding{
			{Problem: store.RowUnbound, Table: "event", Key: leaf(last + 1), Leaf: store.NoLeaf},
		}},
		{"a member of staff in another section", []string{"DROP TRIGGER staff_version_no_update", "UPDATE staff_version SET section = '総務課' WHERE id = 'S-0001'"}, []store.Finding{
			{Problem: store.RowChanged, Table: "staff_version", Key: "id=S-0001 n=1"},
		}},
		{"another name", []string{"UPDATE staff_personal SET name = '佐藤 由美' WHERE id = 'S-0001'"}, []store.Finding{
			{Problem: store.PersonalChanged, Table: "staff_personal", Key: "id=S-0001 n=1", Leaf: store.NoLeaf},
		}},
		{"a right that nobody gave", []string{"DROP TRIGGER access_right_version_no_update", "UPDATE access_right_version SET area = 'server-room' WHERE person = 'S-0006'"}, []store.Finding{
			{Problem: store.RowChanged, Table: "access_right_version"},
		}},
		{"a card that points to nothing", []string{"UPDATE card SET n = 2 WHERE label = 'C-0001'"}, []store.Finding{
			{Problem: store.PointerChanged, Table: "card", Leaf: store.NoLeaf},
		}},
		{"a leaf and its row removed together", []string{"DROP TRIGGER event_batch_no_delete", "DROP TRIGGER ledger_leaf_no_delete", fmt.Sprintf("DELETE FROM event_batch WHERE leaf = %d", last), fmt.Sprintf("DELETE FROM ledger_leaf WHERE seq = %d", last)}, []store.Finding{
			{Problem: store.LeafMissing, Table: "ledger_leaf", Leaf: last},
			{Problem: store.CheckpointForked, Table: "ledger_checkpoint", Leaf: last},
		}},
	}
}

// attack writes to a database file as somebody would who has it, triggers or not.
func attack(t *testing.T, file string, statements []string) {
	t.Helper()
	d, err := db.Open(t.Context(), db.Config{Driver: db.SQLite, Path: file, AllowDDL: true})
	if err != nil {
		t.Fatal(err)
	}
	err = d.Write(t.Context(), func(tx *db.Tx) error {
		changed := int64(0)
		for _, s := range statements {
			n, err := tx.Exec(t.Context(), s)
			if err != nil {
				return err
			}
			changed = n
		}
		if changed != 1 {
			return fmt.Errorf("%q changed %d rows", statements, changed)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

func (s *System) verify(settings api.Settings) store.Report {
	s.t.Helper()
	report, err := api.Verify(s.t.Context(), settings, s.log)
	if err != nil {
		s.t.Fatal(err)
	}
	return report
}

// checkFindings wants the findings of the case and no others. What the case leaves empty is not compared.
func checkFindings(t *testing.T, c tampering, report store.Report) {
	t.Helper()
	if len(report.Findings) != len(c.want) {
		t.Errorf("%s: found %+v, want %+v", c.name, report.Findings, c.want)
		return
	}
	for i, want := range c.want {
		got := report.Findings[i]
		if got.Problem != want.Problem || got.Table != want.Table || want.Key != "" && got.Key != want.Key || want.Leaf != 0 && got.Leaf != want.Leaf {
			t.Errorf("%s: found %+v, want %+v", c.name, got, want)
		}
	}
}
