package store

import (
	"time"

	"kanmon/internal/db"
	"kanmon/internal/ledger"
)

// Field is one column of a row: a string, an int64, a []byte or nil.
type Field = ledger.Field

// Row is the columns of one row.
type Row = ledger.Row

// Col returns a field.
func Col(name string, value any) Field { return Field{Name: name, Value: value} }

// Queryer reads; see db.Queryer.
type Queryer = db.Queryer

// Cursor is the row Queryer.Query stands on.
type Cursor = db.Cursor

// Codes of the faults a statement can end with; see package db.
const (
	CodeNotFound   = db.CodeNotFound
	CodeDuplicate  = db.CodeDuplicate
	CodeReference  = db.CodeReference
	CodeRule       = db.CodeRule
	CodeAppendOnly = db.CodeAppendOnly
)

// FormatTime returns the text of a time for a column: UTC, microseconds, one width.
func FormatTime(t time.Time) string { return db.FormatTime(t) }

// ParseTime reads a column written with FormatTime.
func ParseTime(s string) (time.Time, error) { return db.ParseTime(s) }

// Bool returns a truth value for a column: 0 or 1.
func Bool(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
