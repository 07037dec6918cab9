// Package migrations holds the schema, one folder a database: sqlite and postgres for the centre, controller
// for the journal beside the doors (SQLite). It imports nothing of ours.
//
// A file is NNNN_name.sql. Numbers start at 0001 and have no gap; the centre's two folders hold the same
// names. A file that has left the house is never edited: the program refuses a database to which another text
// was applied. Directly above every CREATE TABLE stands the package that owns the table:
//
//	-- owner: lifecycle/staff
//	CREATE TABLE staff (
//
// Columns are TEXT, BIGINT (INTEGER) or BLOB (BYTEA), nothing else, so that both databases give back the same
// values: times are TEXT, RFC 3339 in UTC with six digits of microseconds; booleans are INTEGER 0 or 1.
package migrations

import (
	"embed"
	"io/fs"
)

//go:embed sqlite/*.sql
var sqlite embed.FS

//go:embed postgres/*.sql
var postgres embed.FS

//go:embed controller/*.sql
var controller embed.FS

// For returns the centre's migrations for a database, "sqlite" or "postgres".
func For(dialect string) fs.FS {
	if dialect == "postgres" {
		return Postgres()
	}
	return SQLite()
}

// SQLite returns the centre's migrations for SQLite.
func SQLite() fs.FS { return folder(sqlite, "sqlite") }

// Postgres returns the centre's migrations for PostgreSQL.
func Postgres() fs.FS { return folder(postgres, "postgres") }

// Controller returns the migrations of the controller's journal.
func Controller() fs.FS { return folder(controller, "controller") }

// folder opens one embedded folder. Its name is a constant of this file, so it exists.
func folder(all embed.FS, name string) fs.FS {
	sub, err := fs.Sub(all, name)
	if err != nil {
		panic("migrations: " + err.Error())
	}
	return sub
}
