package db_test

import (
	"maps"
	"sync"
	"testing"
	"testing/fstest"

	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
)

func with(fsys fstest.MapFS, name, text string) fstest.MapFS {
	more := maps.Clone(fsys)
	more[name] = file(text)
	return more
}

func TestMigratingAgainChangesNothingAndMoreIsAdded(t *testing.T) {
	onBoth(t, func(t *testing.T, d *db.DB) {
		mustExec(t, d, `INSERT INTO thing (id, name) VALUES (1, 'a')`)
		if err := d.Migrate(t.Context(), schema(d)); err != nil {
			t.Fatal(err)
		}
		if err := d.Migrate(t.Context(), with(schema(d), "0003_more.sql", `ALTER TABLE thing ADD COLUMN more TEXT`)); err != nil {
			t.Fatal(err)
		}
		mustExec(t, d, `UPDATE thing SET more = 'x'`)
		if n := count(t, d, "schema_migration"); n != 3 {
			t.Errorf("%d migrations recorded", n)
		}
	})
}

func TestADatabaseOfAnotherHistoryIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, d *db.DB) {
		changed := with(schema(d), "0001_thing.sql", `CREATE TABLE thing (id BIGINT);`)
		wantFault(t, d.Migrate(t.Context(), changed), fault.Conflict, "db.changed_migration")
		renamed := fstest.MapFS{"0001_thing.sql": schema(d)["0001_thing.sql"], "0002_other.sql": schema(d)["0002_part.sql"]}
		wantFault(t, d.Migrate(t.Context(), renamed), fault.Conflict, "db.changed_migration")
		older := fstest.MapFS{"0001_thing.sql": schema(d)["0001_thing.sql"]}
		wantFault(t, d.Migrate(t.Context(), older), fault.Conflict, "db.newer")
	})
}

func TestAMigrationThatFailsLeavesTheOnesBefore(t *testing.T) {
	onBoth(t, func(t *testing.T, d *db.DB) {
		bad := with(with(schema(d), "0003_good.sql", `CREATE TABLE good (id BIGINT)`), "0004_bad.sql", `CREATE TABLE half (id BIGINT); CREATE TABEL oops (id BIGINT);`)
		if err := d.Migrate(t.Context(), bad); err == nil {
			t.Fatal("no error")
		}
		if n := count(t, d, "schema_migration"); n != 3 {
			t.Errorf("%d migrations recorded", n)
		}
		count(t, d, "good")
		if err := d.Migrate(t.Context(), with(bad, "0004_bad.sql", `CREATE TABLE half (id BIGINT)`)); err != nil {
			t.Errorf("the corrected file: %v", err)
		}
	})
}

func TestStrangeFilesAreRefused(t *testing.T) {
	d := dbtest.SQLite(t)
	for _, name := range []string{"0002_gap.sql", "0001_a.txt", "1_a.sql", "0001_A.sql", "0000_a.sql"} {
		if err := d.Migrate(t.Context(), fstest.MapFS{name: file("SELECT 1")}); fault.KindOf(err) != fault.Internal || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestProgramsThatStartTogetherMigrateOnce(t *testing.T) {
	dbtest.RunEmpty(t, func(t *testing.T, d *db.DB) {
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				own, err := db.Open(t.Context(), dbtest.Config(t, d))
				if err != nil {
					t.Error(err)
					return
				}
				defer own.Close() // nothing is left to write
				if err := own.Migrate(t.Context(), schema(d)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := count(t, d, "schema_migration"); n != 2 {
			t.Errorf("%d migrations recorded", n)
		}
	})
}

// The program itself cannot take away what keeps the records (SQLite; PostgreSQL's roles do that there).
func TestSQLiteRefusesToChangeItsSchemaOutsideAMigration(t *testing.T) {
	d := dbtest.SQLite(t)
	for _, statement := range []string{
		`CREATE TABLE x (id BIGINT)`, `DROP TABLE ledger_leaf`, `DROP TRIGGER ledger_leaf_no_update`, `ALTER TABLE ledger_leaf ADD COLUMN x TEXT`,
		`CREATE TEMP TRIGGER x BEFORE INSERT ON ledger_leaf BEGIN SELECT 1; END`, `ATTACH ':memory:' AS x`, `CREATE VIEW x AS SELECT 1`,
		`CREATE INDEX x ON ledger_leaf (body)`, `DROP INDEX x`, `PRAGMA writable_schema = 1`, `PRAGMA synchronous = 0`, `PRAGMA foreign_keys = 0`,
	} {
		if err := exec(t.Context(), d, statement); err == nil {
			t.Errorf("%s was let through", statement)
		}
	}
	if n := count(t, d, "ledger_leaf"); n != 0 {
		t.Errorf("%d leaves", n)
	}
}

func TestTheCatalogueIsReadTheSameWay(t *testing.T) {
	dbtest.RunEmpty(t, func(t *testing.T, d *db.DB) {
		ddl := `CREATE TABLE pair (a TEXT NOT NULL, b BIGINT NOT NULL, c TEXT, PRIMARY KEY (b, a)); CREATE TABLE loose (x TEXT);`
		if err := d.Migrate(t.Context(), fstest.MapFS{"0001_a.sql": file(ddl)}); err != nil {
			t.Fatal(err)
		}
		err := d.Read(t.Context(), func(q db.Queryer) error {
			tables, err := d.Schema(t.Context(), q)
			pair, loose := tables["pair"], tables["loose"]
			if len(tables) != 3 || len(pair.Columns) != 3 || pair.Columns[2] != "c" || len(pair.Key) != 2 || pair.Key[0] != "b" || pair.Key[1] != "a" || len(loose.Key) != 0 || !loose.Has("x") {
				t.Errorf("read %+v", tables)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}
