package db

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"

	"kanmon/internal/fault"
)

// Keys of the advisory locks, one namespace a database.
const (
	writeLock   int64 = 0x6b616e6d6f6e_01 // who writes
	migrateLock int64 = 0x6b616e6d6f6e_02 // who migrates
)

// openPostgres opens one pool; writers queue at an advisory lock, so it has room for readers beside them.
func (d *DB) openPostgres(ctx context.Context) error {
	cfg, err := pgx.ParseConfig(d.cfg.DSN)
	if err != nil {
		return fault.New(fault.Invalid, "db.bad_dsn", "open PostgreSQL: the DSN cannot be read") // the cause quotes it
	}
	set := func(name, value string) {
		if _, given := cfg.RuntimeParams[name]; !given {
			cfg.RuntimeParams[name] = value
		}
	}
	set("application_name", "kanmon")
	set("timezone", "UTC")
	set("lock_timeout", "5000") // milliseconds, as SQLite's busy_timeout
	pool := sqlx.NewDb(stdlib.OpenDB(*cfg), "pgx")
	pool.SetMaxOpenConns(2 * d.cfg.Readers)
	pool.SetMaxIdleConns(d.cfg.Readers)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	if err := pool.PingContext(ctx); err != nil {
		_ = pool.Close() // the ping's error is the news
		return interpret(err, "open PostgreSQL")
	}
	d.writer, d.reader = pool, pool
	return nil
}
