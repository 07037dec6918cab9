package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jmoiron/sqlx"

	"kanmon/internal/fault"
)

// Tx is a transaction that may write. It is used by one goroutine and not after its function returned.
type Tx struct {
	session
}

// Exec runs a statement and returns the number of rows it changed.
func (t *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	q, args, err := t.bind(query, args)
	if err != nil {
		return 0, err
	}
	res, err := t.tx.ExecContext(ctx, q, args...)
	if err != nil {
		return 0, interpret(err, "execute")
	}
	n, err := res.RowsAffected()
	return n, interpret(err, "execute")
}

// Dialect returns the kind of database.
func (t *Tx) Dialect() Dialect { return t.dialect }

// writeTries bounds how often PostgreSQL may ask for a transaction to be run again.
const writeTries = 5

// Write runs fn in a transaction, the only one that writes at that time, and commits when fn returns nil. An
// error or a panic of fn rolls back. The database may make fn run again, so it has no effects outside of tx. A Write
// inside fn would wait for itself. Who waits to write may share the commit of the one before (group.go).
func (d *DB) Write(ctx context.Context, fn func(*Tx) error) error {
	alone := false
	for try := 1; ; try++ {
		err := d.write(ctx, alone, fn)
		lost := errors.Is(err, errLost)
		if err == nil || try == writeTries || (!lost && !retryable(err)) {
			return err
		}
		d.log.WarnContext(ctx, "transaction runs again", "try", try, "error", err)
		if alone = alone || lost; lost {
			continue
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
}

// lockOut keeps other programs from writing.
func (d *DB) lockOut(ctx context.Context, s session) error {
	if d.dialect != Postgres {
		return nil // it began with BEGIN IMMEDIATE
	}
	_, err := s.tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", writeLock)
	return interpret(err, "wait for the other writer")
}

// Read runs fn over one snapshot of the database.
func (d *DB) Read(ctx context.Context, fn func(Queryer) error) error {
	opts := &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	if d.dialect == SQLite {
		opts = nil // its readers are query_only, and every read transaction is a snapshot
	}
	return d.transact(ctx, d.reader, opts, func(s session) error { return fn(&s) })
}

// transact runs fn between begin and commit.
func (d *DB) transact(ctx context.Context, pool *sqlx.DB, opts *sql.TxOptions, fn func(session) error) error {
	tx, err := pool.BeginTxx(ctx, opts)
	if err != nil {
		return interpret(err, "begin transaction")
	}
	return d.within(tx, fn)
}

// within runs fn and commits. Whatever way fn ends, the connection goes back without an open transaction.
func (d *DB) within(tx *sqlx.Tx, fn func(session) error) (err error) {
	done := false
	defer func() {
		if !done { // fn panicked or ended its goroutine
			_ = tx.Rollback() // the panic is the news
		}
	}()
	err = fn(session{tx: tx, dialect: d.dialect})
	done = true
	if err != nil {
		return rollback(tx, err)
	}
	return interpret(tx.Commit(), "commit")
}

// rollback ends the transaction and keeps the cause first.
func rollback(tx *sqlx.Tx, cause error) error {
	err := tx.Rollback()
	if err == nil || errors.Is(err, sql.ErrTxDone) { // done already: its context ended
		return cause
	}
	return errors.Join(cause, fmt.Errorf("roll back: %w", err))
}

// pause waits a little longer at every try, by chance, so that two rivals do not meet again.
func pause(ctx context.Context, try int) error {
	wait := time.Duration(1+rand.IntN(10*try)) * time.Millisecond //nolint:gosec // not a secret
	select {
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, ctx.Err(), "wait to run the transaction again")
	case <-time.After(wait):
		return nil
	}
}
