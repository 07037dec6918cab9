package db

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"time"

	"kanmon/internal/fault"
)

// migration is one file.
type migration struct {
	Number int64  `db:"number"`
	Name   string `db:"name"`
	Hash   string `db:"hash"`
	sql    string
}

var migrationName = regexp.MustCompile(`^(\d{4})_[a-z0-9_]+\.sql$`)

// Migrate brings the schema up to date with the files of fsys, named NNNN_name.sql: those not yet applied run
// in order, each in its own transaction, which also records its number, name and SHA-256. A database to which
// another text, or a file this program does not know, was applied is refused with fault.Conflict.
func (d *DB) Migrate(ctx context.Context, fsys fs.FS) error {
	files, err := readMigrations(fsys)
	if err != nil {
		return err
	}
	free, err := d.unguarded(ctx)
	if err != nil {
		return err
	}
	if free != d {
		defer free.writer.Close() //nolint:errcheck // every migration is committed or reported
	}
	if err := free.migrateTx(ctx, func(tx *Tx) error {
		_, err := tx.Exec(ctx, `CREATE TABLE IF NOT EXISTS schema_migration (number BIGINT PRIMARY KEY, name TEXT NOT NULL, hash TEXT NOT NULL, at TEXT NOT NULL)`)
		return err
	}); err != nil {
		return err
	}
	for i := 0; i < len(files); {
		if i, err = free.migrateNext(ctx, files); err != nil {
			return err
		}
	}
	return free.migrateTx(ctx, func(tx *Tx) error { _, err := pending(ctx, tx, files); return err })
}

// migrateNext applies the first file that is not applied yet and returns the number of those that are.
func (d *DB) migrateNext(ctx context.Context, files []migration) (applied int, err error) {
	err = d.migrateTx(ctx, func(tx *Tx) error {
		if applied, err = pending(ctx, tx, files); err != nil || applied == len(files) {
			return err
		}
		m := files[applied]
		if _, err := tx.Exec(ctx, m.sql); err != nil {
			return fault.Wrap(fault.KindOf(err), err, "apply migration "+m.Name)
		}
		applied++
		d.log.InfoContext(ctx, "migration applied", "name", m.Name)
		_, err = tx.Exec(ctx, `INSERT INTO schema_migration (number, name, hash, at) VALUES (?, ?, ?, ?)`,
			m.Number, m.Name, m.Hash, time.Now().UTC().Format(TimeLayout))
		return err
	})
	return applied, err
}

// pending compares what is recorded with the files and returns how many of them are applied.
func pending(ctx context.Context, tx *Tx, files []migration) (int, error) {
	var done []migration
	if err := tx.Select(ctx, &done, `SELECT number, name, hash FROM schema_migration ORDER BY number`); err != nil {
		return 0, err
	}
	for i, m := range done {
		switch {
		case i >= len(files):
			return 0, fault.New(fault.Conflict, "db.newer", "the database is newer than this program: it holds migration "+m.Name)
		case files[i].Name != m.Name || files[i].Hash != m.Hash:
			return 0, fault.New(fault.Conflict, "db.changed_migration", fmt.Sprintf("migration %s was applied with another text than this program's %s", m.Name, files[i].Name))
		}
	}
	return len(done), nil
}

// unguarded returns a database that may change the schema: on SQLite a second connection without the guard.
func (d *DB) unguarded(ctx context.Context) (*DB, error) {
	if d.dialect != SQLite {
		return d, nil
	}
	free := *d
	free.reader = nil
	free.writer = sqlitePool(d.cfg.Path, writerSettings, false)
	free.writer.SetMaxOpenConns(1)
	if err := free.writer.PingContext(ctx); err != nil {
		_ = free.writer.Close() // the ping's error is the news
		return nil, interpret(err, "open SQLite to migrate")
	}
	return &free, nil
}

// migrateTx is a write transaction that programs starting at the same time queue for.
func (d *DB) migrateTx(ctx context.Context, fn func(*Tx) error) error {
	return d.transact(ctx, d.writer, nil, func(s session) error {
		if d.dialect == Postgres {
			for _, set := range []string{"SET LOCAL lock_timeout = 0", fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", migrateLock)} {
				if _, err := s.tx.ExecContext(ctx, set); err != nil {
					return interpret(err, "wait for the other migration")
				}
			}
		}
		return fn(&Tx{session: s})
	})
}

// readMigrations reads the files in order and refuses a strange name, a gap and a number used twice.
func readMigrations(fsys fs.FS) ([]migration, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "read migrations")
	}
	var files []migration
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		m, err := readMigration(fsys, e.Name())
		if err != nil {
			return nil, err
		}
		if m.Number != int64(len(files)+1) {
			return nil, fault.New(fault.Internal, "", fmt.Sprintf("read migrations: %s should be number %04d", m.Name, len(files)+1))
		}
		files = append(files, m)
	}
	return files, nil
}

func readMigration(fsys fs.FS, name string) (migration, error) {
	parts := migrationName.FindStringSubmatch(name)
	if parts == nil {
		return migration{}, fault.New(fault.Internal, "", "read migrations: "+name+" is not NNNN_name.sql")
	}
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return migration{}, fault.Wrap(fault.Internal, err, "read migrations")
	}
	number, err := strconv.ParseInt(parts[1], 10, 64)
	sum := sha256.Sum256(text)
	return migration{Number: number, Name: name, Hash: hex.EncodeToString(sum[:]), sql: string(text)}, err
}
