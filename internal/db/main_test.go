package db_test

import (
	"context"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"

	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// schema is a small register of things and their parts.
func schema(d *db.DB) fstest.MapFS {
	trigger := `CREATE TRIGGER kept_no_update BEFORE UPDATE ON kept BEGIN SELECT RAISE(ABORT, 'append-only'); END;`
	if d.Dialect() == db.Postgres {
		trigger = `CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
			BEGIN RAISE EXCEPTION 'append-only' USING ERRCODE = 'restrict_violation'; END $$;
			CREATE TRIGGER kept_no_update BEFORE UPDATE ON kept FOR EACH ROW EXECUTE FUNCTION append_only();`
	}
	return fstest.MapFS{
		"0001_thing.sql": file(dbtest.Translate(d, `CREATE TABLE thing (id BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE, size BIGINT CHECK (size >= 0), body BLOB);`)),
		"0002_part.sql":  file(`CREATE TABLE part (id BIGINT PRIMARY KEY, thing BIGINT NOT NULL REFERENCES thing (id)); CREATE TABLE kept (id BIGINT PRIMARY KEY, n BIGINT);` + trigger),
	}
}

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

// onBoth runs fn on both databases with the small schema.
func onBoth(t *testing.T, fn func(t *testing.T, d *db.DB)) {
	t.Helper()
	dbtest.RunEmpty(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		if err := d.Migrate(t.Context(), schema(d)); err != nil {
			t.Fatal(err)
		}
		fn(t, d)
	})
}

func exec(ctx context.Context, d *db.DB, query string, args ...any) error {
	return d.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, query, args...)
		return err
	})
}

func mustExec(t *testing.T, d *db.DB, query string, args ...any) {
	t.Helper()
	if err := exec(t.Context(), d, query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func count(t *testing.T, d *db.DB, table string) int64 {
	t.Helper()
	var n int64
	err := d.Read(t.Context(), func(q db.Queryer) error { return q.Get(t.Context(), &n, `SELECT COUNT(*) FROM `+table) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func wantFault(t *testing.T, err error, kind fault.Kind, code string) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind || fault.CodeOf(err) != code {
		t.Errorf("got %v (%v, %q), want %v, %q", err, fault.KindOf(err), fault.CodeOf(err), kind, code)
	}
}
