// Package dbtest runs a test on every kind of database the program supports: on a SQLite file, and on a
// PostgreSQL server that the test binary starts for itself and that ends with it. A machine without PostgreSQL
// fails the test; it never skips.
package dbtest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"kanmon/internal/db"
	"kanmon/migrations"
)

// Run runs fn as two subtests, "sqlite" and "postgres", each on a fresh database with the centre's schema.
func Run(t *testing.T, fn func(t *testing.T, d *db.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { fn(t, Postgres(t)) })
}

// RunEmpty is Run without a schema.
func RunEmpty(t *testing.T, fn func(t *testing.T, d *db.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, open(t, sqliteConfig(t, memoryFolder()))) })
	t.Run("postgres", func(t *testing.T) { fn(t, open(t, postgresConfig(t, testServer, emptyTemplate))) })
}

// SQLite returns a fresh SQLite database with the centre's schema. Its file is in memory where the machine has a
// folder for that.
func SQLite(tb testing.TB) *db.DB {
	tb.Helper()
	return migrated(tb, open(tb, sqliteConfig(tb, memoryFolder())))
}

// DurableSQLite is SQLite with the file on a disk, for benchmarks.
func DurableSQLite(tb testing.TB) *db.DB {
	tb.Helper()
	return migrated(tb, open(tb, sqliteConfig(tb, os.TempDir())))
}

// Postgres returns a fresh PostgreSQL database with the centre's schema. Its server does not wait for a disk.
func Postgres(tb testing.TB) *db.DB {
	tb.Helper()
	return open(tb, postgresConfig(tb, testServer, centreTemplate))
}

// DurablePostgres is Postgres on a server that waits for the disk at every commit, for benchmarks.
func DurablePostgres(tb testing.TB) *db.DB {
	tb.Helper()
	return open(tb, postgresConfig(tb, durableServer, centreTemplate))
}

// Config returns how d was opened, to open it a second time.
func Config(tb testing.TB, d *db.DB) db.Config {
	tb.Helper()
	cfg, ok := opened.Load(d)
	if !ok {
		tb.Fatal("dbtest: not a database of this package")
	}
	return cfg.(db.Config) //nolint:forcetypeassert // only Configs are stored
}

// Attack runs statements as somebody who got hold of the database itself: past the program, its guard and, once
// the statements have dropped them, its triggers.
func Attack(tb testing.TB, d *db.DB, statements ...string) {
	tb.Helper()
	cfg := Config(tb, d)
	cfg.AllowDDL = true
	raw, err := db.Open(tb.Context(), cfg)
	if err != nil {
		tb.Fatalf("attack: %v", err)
	}
	defer raw.Close() //nolint:errcheck // the statements are committed
	err = raw.Write(tb.Context(), func(tx *db.Tx) error {
		for _, s := range statements {
			if _, err := tx.Exec(tb.Context(), s); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		tb.Fatalf("attack: %v", err)
	}
}

// opened remembers how each database was opened.
var opened sync.Map

func open(tb testing.TB, cfg db.Config) *db.DB {
	tb.Helper()
	d, err := db.Open(context.Background(), cfg) // it outlives tb.Context until Cleanup
	if err != nil {
		tb.Fatalf("open test database: %v", err)
	}
	opened.Store(d, cfg)
	tb.Cleanup(func() {
		opened.Delete(d)
		if err := d.Close(); err != nil {
			tb.Errorf("close test database: %v", err)
		}
	})
	return d
}

func migrated(tb testing.TB, d *db.DB) *db.DB {
	tb.Helper()
	if err := d.Migrate(tb.Context(), migrations.SQLite()); err != nil {
		tb.Fatalf("migrate test database: %v", err)
	}
	return d
}

func sqliteConfig(tb testing.TB, parent string) db.Config {
	tb.Helper()
	dir, err := os.MkdirTemp(parent, "kanmon-sqlite-") //nolint:usetesting // TempDir cannot be told where
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Errorf("remove test database: %v", err)
		}
	})
	return db.Config{Driver: db.SQLite, Path: filepath.Join(dir, "test.db")}
}

// memoryFolder returns a folder that lives in memory and has room, or the usual one for temporary files.
func memoryFolder() string {
	const shm, room = "/dev/shm", 1 << 30
	var fs syscall.Statfs_t
	if syscall.Statfs(shm, &fs) != nil || fs.Bavail*uint64(fs.Bsize) < room { // a block size is positive
		return os.TempDir()
	}
	return shm
}

// Translate writes the DDL of a test, in SQLite's words, for the database d: BLOB becomes BYTEA.
func Translate(d *db.DB, ddl string) string {
	if d.Dialect() == db.Postgres {
		return strings.ReplaceAll(ddl, "BLOB", "BYTEA")
	}
	return ddl
}
