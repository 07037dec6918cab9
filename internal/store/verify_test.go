package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/store"
)

// disarm takes the triggers off a table, as somebody who holds the database can.
func disarm(d *db.DB, table string) []string {
	if d.Dialect() == db.Postgres && table != "" {
		return []string{"ALTER TABLE " + table + " DISABLE TRIGGER USER"}
	}
	return map[string][]string{
		"ledger_leaf":       {"DROP TRIGGER ledger_leaf_no_update", "DROP TRIGGER ledger_leaf_no_delete"},
		"ledger_head":       {"DROP TRIGGER ledger_head_forward", "DROP TRIGGER ledger_head_no_delete"},
		"ledger_checkpoint": {"DROP TRIGGER ledger_checkpoint_no_update", "DROP TRIGGER ledger_checkpoint_no_delete"},
	}[table]
}

// flip changes one byte of a BLOB, counted from 0, in both databases' words.
func flip(d *db.DB, column string, at int) string {
	if d.Dialect() == db.Postgres {
		return fmt.Sprintf(`%[1]s = set_byte(%[1]s, %[2]d, get_byte(%[1]s, %[2]d) # 1)`, column, at)
	}
	return fmt.Sprintf(`%[1]s = CAST(substr(%[1]s, 1, %[2]d) || CASE substr(%[1]s, %[3]d, 1) WHEN x'00' THEN x'01' ELSE x'00' END || substr(%[1]s, %[3]d + 1) AS BLOB)`, column, at, at+1)
}

// attack is one thing done to a database of 20 taps (leaves 0–19), badge B-1 (versions 1, 2: leaves 20, 21), a
// checkpoint over these 22, and 5 taps more (leaves 22–26).
type attack struct {
	name  string
	table string // whose triggers are in the way
	do    func(d *db.DB) string
	want  []string // findings as "problem table key leaf"
}

func sql(s string) func(*db.DB) string { return func(*db.DB) string { return s } }

func set(table, column string, at int, where string) func(*db.DB) string {
	return func(d *db.DB) string { return "UPDATE " + table + " SET " + flip(d, column, at) + " WHERE " + where }
}

var attacks = []attack{
	{"a row is changed", "", sql(`UPDATE badge_version SET state = 'issued' WHERE id = 'B-1' AND n = 2`), []string{"row_changed badge_version id=B-1 n=2 21"}},
	{"bytes of a row are changed", "", set("tap", "body", 0, "leaf = 7"), []string{"row_changed tap leaf=7 7"}},
	{"a salt is changed", "", set("tap", "salt", 3, "leaf = 7"), []string{"row_changed tap leaf=7 7"}},
	{"a field is emptied", "", sql(`UPDATE tap SET body = NULL WHERE leaf = 7`), []string{"row_changed tap leaf=7 7"}},
	{"a row is deleted", "", sql(`DELETE FROM tap WHERE leaf = 7`), []string{"row_missing tap leaf=7 7"}},
	{"a version is deleted", "", sql(`DELETE FROM badge_version WHERE n = 1`), []string{
		"row_missing badge_version id=B-1 n=1 20", "personal_unbound badge_personal id=B-1 n=1 -1",
	}},
	{"two rows swap places", "", sql(`UPDATE tap SET seq = CASE leaf WHEN 3 THEN 104 ELSE 103 END WHERE leaf IN (3, 4)`), []string{
		"row_changed tap leaf=3 3", "row_changed tap leaf=4 4",
	}},
	{"a row is added beyond the ledger", "", sql(`INSERT INTO tap (leaf, door, seq, salt) SELECT 99, 'D-9', 9, salt FROM tap WHERE leaf = 0`), []string{"row_unbound tap leaf=99 -1"}},
	{"a row takes another table's leaf", "", sql(`INSERT INTO tap (leaf, door, seq, salt) SELECT 20, 'D-9', 9, salt FROM tap WHERE leaf = 0`), []string{"row_unbound tap leaf=20 20"}},
	{"a register is turned back", "", sql(`UPDATE badge SET n = 1`), []string{"pointer_changed badge id=B-1 -1"}},
	{"a register's copy is changed", "", sql(`UPDATE badge SET label = 'x'`), []string{"pointer_changed badge id=B-1 -1"}},
	{"a register forgets", "", sql(`DELETE FROM badge`), []string{"pointer_changed badge id=B-1 -1"}},
	{"a register invents", "", sql(`INSERT INTO badge (id, n) VALUES ('B-9', 1)`), []string{"pointer_changed badge id=B-9 -1"}},
	{"a name is changed", "", sql(`UPDATE badge_personal SET holder = '鈴木' WHERE n = 2`), []string{"personal_changed badge_personal id=B-1 n=2 -1"}},
	{"a name is invented", "", sql(`INSERT INTO badge_personal (id, n, salt, holder) SELECT 'B-9', 1, salt, 'x' FROM badge_personal WHERE n = 1`), []string{"personal_unbound badge_personal id=B-9 n=1 -1"}},
	{"a leaf is changed", "ledger_leaf", set("ledger_leaf", "body", 20, "seq = 7"), []string{"leaf_changed ledger_leaf  7", "row_unbound tap leaf=7 7"}},
	{"the last leaf is changed", "ledger_leaf", set("ledger_leaf", "body", 20, "seq = 26"), []string{"row_unbound tap leaf=26 26", "leaf_changed ledger_leaf  26"}},
	{"a leaf's hash is changed", "ledger_leaf", set("ledger_leaf", "hashes", 5, "seq = 7"), []string{"hash_changed ledger_leaf  7"}},
	{"the last leaf's hash is changed", "ledger_leaf", set("ledger_leaf", "hashes", 5, "seq = 26"), []string{"hash_changed ledger_leaf  26"}},
	{"a hash inside the tree is changed", "ledger_leaf", set("ledger_leaf", "hashes", 2*32+5, "seq = 7"), []string{"hash_changed ledger_leaf  7"}},
	{"hashes are cut off", "ledger_leaf", sql(`UPDATE ledger_leaf SET hashes = substr(hashes, 1, 32) WHERE seq = 7`), []string{"hash_changed ledger_leaf  7"}},
	{"a leaf is deleted", "ledger_leaf", sql(`DELETE FROM ledger_leaf WHERE seq = 7`), []string{"leaf_missing ledger_leaf  7", "row_unbound tap leaf=7 7"}},
	{"the last leaves are deleted", "ledger_leaf", sql(`DELETE FROM ledger_leaf WHERE seq >= 25`), []string{
		"leaf_missing ledger_leaf  25", "row_unbound tap leaf=25 -1", "row_unbound tap leaf=26 -1",
	}},
	{"the head's root is changed", "ledger_head", set("ledger_head", "root", 9, "log = 1"), []string{"head_changed ledger_head  -1"}},
	{"the head's size is changed", "ledger_head", sql(`UPDATE ledger_head SET size = 26`), []string{"head_changed ledger_head  -1"}},
	{"a checkpoint is changed", "ledger_checkpoint", set("ledger_checkpoint", "note", 25, "size = 22"), []string{"checkpoint_forged ledger_checkpoint  21"}},
	{"a checkpoint is moved", "ledger_checkpoint", sql(`UPDATE ledger_checkpoint SET size = 23`), []string{"checkpoint_forged ledger_checkpoint  22"}},
	{"leaves, rows and head are put back", "ledger_leaf", sql(`DELETE FROM ledger_leaf WHERE seq >= 20`), []string{
		"leaf_missing ledger_leaf  20", "checkpoint_forked ledger_checkpoint  21",
		"row_unbound badge_version id=B-1 n=1 -1", "row_unbound badge_version id=B-1 n=2 -1",
		"row_unbound tap leaf=22 -1", "row_unbound tap leaf=23 -1", "row_unbound tap leaf=24 -1", "row_unbound tap leaf=25 -1", "row_unbound tap leaf=26 -1",
	}},
}

// R84-1: whatever is changed behind the program's back is named.
func TestVerifyNamesWhatWasChanged(t *testing.T) {
	for _, a := range attacks {
		t.Run(strings.ReplaceAll(a.name, " ", "_"), func(t *testing.T) {
			onBoth(t, func(t *testing.T, f *fixture) {
				f.taps(t, "D-1", 20)
				f.badge(t, "B-1", "one", "issued", "佐藤")
				f.badge(t, "B-1", "one", "revoked", "佐藤")
				if _, _, err := f.Checkpoint(t.Context()); err != nil {
					t.Fatal(err)
				}
				f.taps(t, "D-2", 5)
				if r := f.wantClean(t); r.Leaves != 27 || r.Rows != 27 || r.Personal != 2 || r.Checkpoints != 1 {
					t.Fatalf("before: %+v", r)
				}
				dbtest.Attack(t, f.db, append(disarm(f.db, a.table), a.do(f.db))...)
				r, err := f.Verify(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, x := range r.Findings {
					got = append(got, fmt.Sprintf("%s %s %s %d", x.Problem, x.Table, x.Key, x.Leaf))
				}
				if !slices.Equal(got, a.want) || r.OK() || int(r.Found) != len(got) {
					t.Errorf("found %q\nwant  %q", got, a.want)
				}
			})
		})
	}
}

// Who rewrites leaves, hashes and head alike still meets the signed checkpoint.
func TestARewrittenLedgerDoesNotFitItsCheckpoint(t *testing.T) {
	onBoth(t, func(t *testing.T, f *fixture) {
		f.taps(t, "D-1", 10)
		if _, _, err := f.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		clear := append(append(disarm(f.db, "ledger_leaf"), disarm(f.db, "ledger_head")...), `DELETE FROM tap`, `DELETE FROM ledger_leaf`, `DELETE FROM ledger_head`)
		dbtest.Attack(t, f.db, clear...)
		if f.db.Dialect() == db.Postgres {
			dbtest.Attack(t, f.db, `ALTER TABLE ledger_leaf ENABLE TRIGGER USER`, `ALTER TABLE ledger_head ENABLE TRIGGER USER`)
		}
		f.Store = f.open(t, f.db)
		f.taps(t, "D-1", 12) // the attacker writes the history anew
		r, err := f.Verify(t.Context())
		if err != nil || len(r.Findings) != 1 || r.Findings[0].Problem != store.CheckpointForked || r.Findings[0].Leaf != 9 {
			t.Errorf("%+v, %v", r.Findings, err)
		}
		_, _, err = f.Checkpoint(t.Context())
		if err == nil || !strings.Contains(err.Error(), "does not continue") {
			t.Errorf("it was signed: %v", err)
		}
	})
}

func TestADeletedHeadIsNoticed(t *testing.T) {
	onBoth(t, func(t *testing.T, f *fixture) {
		f.taps(t, "D-1", 2)
		dbtest.Attack(t, f.db, append(disarm(f.db, "ledger_head"), `DELETE FROM ledger_head`)...)
		r, err := f.Verify(t.Context())
		if err != nil || r.OK() || r.Findings[0].Problem != store.HeadChanged || r.Found != 3 {
			t.Errorf("%+v, %v", r.Findings, err)
		}
	})
}

func TestAReportNamesTheFirstThousandAndCountsAll(t *testing.T) {
	f := newFixture(t, dbtest.SQLite(t))
	f.taps(t, "D-1", 5000) // more than one chunk of leaves
	f.wantClean(t)
	dbtest.Attack(t, f.db, `UPDATE tap SET door = 'D-2'`)
	if r, err := f.Verify(t.Context()); err != nil || r.Found != 5000 || len(r.Findings) != store.MaxFindings {
		t.Errorf("%d found, %d named, %v", r.Found, len(r.Findings), err)
	}
}

// The ledger's own tables refuse to be changed, on both databases, also by the program itself.
func TestLedgerTablesAreAppendOnly(t *testing.T) {
	onBoth(t, func(t *testing.T, f *fixture) {
		f.taps(t, "D-1", 2)
		if _, _, err := f.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		statements := []string{
			`UPDATE ledger_leaf SET body = body`, `DELETE FROM ledger_leaf`, `UPDATE ledger_checkpoint SET at = ''`, `DELETE FROM ledger_checkpoint`,
			`DELETE FROM ledger_head`, `UPDATE ledger_head SET size = 1`, `UPDATE ledger_head SET origin = 'x'`,
		}
		if f.db.Dialect() == db.Postgres {
			statements = append(statements, `TRUNCATE ledger_leaf`, `TRUNCATE ledger_head`, `TRUNCATE ledger_checkpoint`)
		}
		for _, s := range statements {
			err := f.WriteDerived(t.Context(), "attack", func(tx *store.Tx) error { _, err := tx.Exec(t.Context(), s); return err })
			if err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("%s: %v", s, err)
			}
		}
		f.wantClean(t)
	})
}
