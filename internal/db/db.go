// Package db is the program's way to SQL: it opens SQLite or PostgreSQL, runs transactions, applies migrations
// and turns the two databases' errors into fault kinds. It is the only importer of sqlx and of the drivers.
//
// The same SQL runs on both: placeholders are '?', columns are TEXT, BIGINT and BLOB (BYTEA).
//
// One writer at a time. SQLite has one writing connection and begins with BEGIN IMMEDIATE; PostgreSQL takes an
// advisory lock first thing. So a transaction may read, decide and write without another one slipping in
// between, on both alike, and two writers cannot deadlock. Readers see a snapshot and never wait.
//
// What Write returned nil for is on disk: SQLite runs in WAL with synchronous=FULL, PostgreSQL with its
// server's synchronous_commit.
package db

import (
	"context"
	"log/slog"

	"github.com/jmoiron/sqlx"

	"kanmon/internal/fault"
)

// Dialect is a kind of database.
type Dialect string

// The two kinds.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// Config says which database to open.
type Config struct {
	Driver Dialect // "sqlite" or "postgres"
	// Path of the SQLite file; it is made, readable by the owner only, if it is not there.
	Path string
	// DSN of PostgreSQL, a URL or keyword string. It may hold a password: it is never logged.
	DSN string
	// Readers is the number of connections that read at the same time; 0 means 4.
	Readers int
	// AllowDDL opens SQLite without the guard that refuses CREATE, DROP, ALTER, ATTACH and pragmas outside a
	// migration. Only for tools that repair or attack a database.
	AllowDDL bool
	Log      *slog.Logger // nil: discarded
}

// DB is an open database. It is safe for concurrent use.
type DB struct {
	dialect Dialect
	cfg     Config
	writer  *sqlx.DB
	group   *group
	reader  *sqlx.DB // on PostgreSQL the same pool as writer
	log     *slog.Logger
}

// Open opens the database and checks that it answers. It does not migrate.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	if cfg.Readers <= 0 {
		cfg.Readers = 4
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	d := &DB{dialect: cfg.Driver, cfg: cfg, log: cfg.Log, group: &group{time: groupTime}}
	var err error
	switch cfg.Driver {
	case SQLite:
		err = d.openSQLite(ctx)
	case Postgres:
		err = d.openPostgres(ctx)
	default:
		return nil, fault.New(fault.Invalid, "db.unknown_driver", "open database: driver must be sqlite or postgres")
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// Dialect returns the kind of database.
func (d *DB) Dialect() Dialect { return d.dialect }

// Close waits for what runs and closes all connections.
func (d *DB) Close() error {
	var err error
	if d.reader != nil && d.reader != d.writer {
		err = d.reader.Close()
	}
	// Last the writer: SQLite then folds the write-ahead log into the file.
	if werr := d.writer.Close(); werr != nil {
		err = werr
	}
	return interpret(err, "close database")
}

// Ping reports whether the database answers.
func (d *DB) Ping(ctx context.Context) error {
	return interpret(d.reader.PingContext(ctx), "ping database")
}
