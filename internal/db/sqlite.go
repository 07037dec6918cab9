package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"net/url"
	"os"
	"slices"

	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"

	"kanmon/internal/fault"
)

// openSQLite opens the file twice: one connection that writes, several that only read.
func (d *DB) openSQLite(ctx context.Context) error {
	if d.cfg.Path == "" {
		return fault.New(fault.Invalid, "db.no_path", "open SQLite: no path")
	}
	if err := makePrivate(d.cfg.Path); err != nil {
		return fault.Wrap(fault.Unavailable, err, "open SQLite")
	}
	d.writer = sqlitePool(d.cfg.Path, writerSettings, !d.cfg.AllowDDL)
	d.writer.SetMaxOpenConns(1)
	d.writer.SetMaxIdleConns(1)
	// The writer first: it puts the file into WAL, which readers cannot do.
	if err := d.writer.PingContext(ctx); err != nil {
		_ = d.writer.Close() // the ping's error is the news
		return interpret(err, "open SQLite")
	}
	d.reader = sqlitePool(d.cfg.Path, readerSettings, true)
	d.reader.SetMaxOpenConns(d.cfg.Readers)
	d.reader.SetMaxIdleConns(d.cfg.Readers)
	return nil
}

// makePrivate makes the file before SQLite would, which makes it readable for others. Its log takes its mode.
func makePrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// writerSettings: a transaction takes the write lock when it begins; a commit is on disk when it returns.
var writerSettings = url.Values{
	"_journal_mode": {"WAL"}, "_synchronous": {"FULL"}, "_busy_timeout": {"5000"}, "_foreign_keys": {"1"},
	"_txlock": {"immediate"}, "_cache_size": {"-65536"}, "_stmt_cache_size": {"128"},
}

var readerSettings = url.Values{
	"_query_only": {"1"}, "_busy_timeout": {"5000"}, "_txlock": {"deferred"}, "_cache_size": {"-16384"}, "_stmt_cache_size": {"128"},
}

func sqlitePool(path string, settings url.Values, guarded bool) *sqlx.DB {
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + settings.Encode()
	hook := func(conn *sqlite3.SQLiteConn) error {
		if _, err := conn.Exec(setUp, nil); err != nil {
			return err
		}
		if guarded {
			guard(conn)
		}
		return nil
	}
	c := sqliteConnector{dsn: dsn, driver: &sqlite3.SQLiteDriver{ConnectHook: hook}}
	return sqlx.NewDb(sql.OpenDB(c), "sqlite3")
}

// setUp holds the settings that have no name in the DSN. The write-ahead log grows to 64 MiB before its pages go back into the
// file: SQLite's own 4 MiB would make nearly every batch of events pay for that. What SQLite sets aside for a while
// stays in memory, not in files elsewhere on the disk.
const setUp = "PRAGMA wal_autocheckpoint = 16384; PRAGMA temp_store = MEMORY"

// sqliteConnector opens connections without a driver registered under a global name.
type sqliteConnector struct {
	dsn    string
	driver *sqlite3.SQLiteDriver
}

// Connect implements driver.Connector.
func (c sqliteConnector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }

// Driver implements driver.Connector.
func (c sqliteConnector) Driver() driver.Driver { return c.driver }

// guard makes a connection refuse to change the schema, to attach files and to change its settings.
func guard(conn *sqlite3.SQLiteConn) {
	conn.RegisterAuthorizer(func(op int, what, value, _ string) int {
		sets := op == sqlite3.SQLITE_PRAGMA && value != "" && !slices.Contains(readingPragmas, what)
		if sets || slices.Contains(guardedOps, op) {
			return sqlite3.SQLITE_DENY
		}
		return sqlite3.SQLITE_OK
	})
}

var guardedOps = []int{
	sqlite3.SQLITE_CREATE_INDEX, sqlite3.SQLITE_CREATE_TABLE, sqlite3.SQLITE_CREATE_TRIGGER, sqlite3.SQLITE_CREATE_VIEW,
	sqlite3.SQLITE_CREATE_VTABLE, sqlite3.SQLITE_CREATE_TEMP_TRIGGER, sqlite3.SQLITE_CREATE_TEMP_VIEW,
	sqlite3.SQLITE_DROP_INDEX, sqlite3.SQLITE_DROP_TABLE, sqlite3.SQLITE_DROP_TRIGGER, sqlite3.SQLITE_DROP_VIEW,
	sqlite3.SQLITE_DROP_VTABLE, sqlite3.SQLITE_ALTER_TABLE, sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH,
}

// readingPragmas take an argument and change nothing.
var readingPragmas = []string{"table_info", "table_xinfo", "integrity_check", "quick_check", "foreign_key_check", "wal_checkpoint"}
