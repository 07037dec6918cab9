package db

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/mattn/go-sqlite3"

	"kanmon/internal/fault"
)

// Codes of the faults a statement can end with.
const (
	CodeNotFound   = "db.not_found"   // Get found no row
	CodeDuplicate  = "db.duplicate"   // a unique value is taken
	CodeReference  = "db.reference"   // a row it refers to is missing, or it is still referred to
	CodeRule       = "db.rule"        // NOT NULL or CHECK
	CodeAppendOnly = "db.append_only" // UPDATE or DELETE of what is kept for ever
	CodeBusy       = "db.busy"        // another program holds the database, or it does not answer
	CodeFull       = "db.full"        // the disk is full or read-only
)

// cause is what an error of a database means.
type cause struct {
	kind fault.Kind
	code string
}

// interpret classifies a driver's error. nil stays nil, and so does what is classified already.
func interpret(err error, doing string) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	c := meaning(err)
	wrapped := fault.Wrap(c.kind, err, doing)
	if e, ok := errors.AsType[*fault.Error](wrapped); ok && e.Code == "" {
		e.Code = c.code
	}
	return wrapped
}

func meaning(err error) cause {
	if errors.Is(err, sql.ErrNoRows) {
		return cause{fault.NotFound, CodeNotFound}
	}
	if e, ok := errors.AsType[sqlite3.Error](err); ok {
		return sqliteMeaning(e)
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return postgresMeaning(e.Code)
	}
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	if connecting || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || pgconn.Timeout(err) {
		return cause{fault.Unavailable, CodeBusy}
	}
	return cause{fault.Internal, ""}
}

func sqliteMeaning(e sqlite3.Error) cause {
	switch e.Code { // the rest is our defect
	case sqlite3.ErrConstraint:
		return sqliteConstraint(e.ExtendedCode)
	case sqlite3.ErrBusy, sqlite3.ErrLocked, sqlite3.ErrInterrupt:
		return cause{fault.Unavailable, CodeBusy}
	case sqlite3.ErrFull, sqlite3.ErrIoErr, sqlite3.ErrReadonly, sqlite3.ErrCantOpen:
		return cause{fault.Unavailable, CodeFull}
	case sqlite3.ErrTooBig:
		return cause{fault.TooLarge, CodeRule}
	}
	return cause{fault.Internal, ""}
}

func sqliteConstraint(code sqlite3.ErrNoExtended) cause {
	switch code {
	case sqlite3.ErrConstraintUnique, sqlite3.ErrConstraintPrimaryKey, sqlite3.ErrConstraintRowID:
		return cause{fault.Conflict, CodeDuplicate}
	case sqlite3.ErrConstraintForeignKey:
		return cause{fault.Conflict, CodeReference}
	case sqlite3.ErrConstraintTrigger:
		return cause{fault.Denied, CodeAppendOnly}
	}
	return cause{fault.Invalid, CodeRule}
}

// postgresMeaning reads a SQLSTATE: its class, and a few states by themselves.
func postgresMeaning(state string) cause {
	switch state {
	case "23505":
		return cause{fault.Conflict, CodeDuplicate}
	case "23503":
		return cause{fault.Conflict, CodeReference}
	case "23001": // restrict_violation: raised by our append_only()
		return cause{fault.Denied, CodeAppendOnly}
	case stateSerialization, stateDeadlock, "55P03", "57014":
		return cause{fault.Unavailable, CodeBusy}
	case "53100":
		return cause{fault.Unavailable, CodeFull}
	}
	switch {
	case strings.HasPrefix(state, "22"), strings.HasPrefix(state, "23"): // a value that does not fit; a rule
		return cause{fault.Invalid, CodeRule}
	case strings.HasPrefix(state, "08"), strings.HasPrefix(state, "53"), strings.HasPrefix(state, "57"): // connection, resources, shutdown
		return cause{fault.Unavailable, CodeBusy}
	}
	return cause{fault.Internal, ""}
}

// SQLSTATEs after which the same transaction may succeed.
const (
	stateSerialization = "40001"
	stateDeadlock      = "40P01"
)

func retryable(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == stateSerialization || e.Code == stateDeadlock)
}
