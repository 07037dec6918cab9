package db

import (
	"context"
	"reflect"

	"github.com/jmoiron/sqlx"

	"kanmon/internal/fault"
)

// Queryer reads. Placeholders are '?', so no literal in a query holds one; a slice other than []byte fills the brackets of "IN (?)".
type Queryer interface {
	// Get reads one row into dest: a pointer to a scalar, or to a struct with `db` tags. No row is fault.NotFound.
	Get(ctx context.Context, dest any, query string, args ...any) error
	// Select reads all rows into dest, a pointer to a slice. No row is an empty slice.
	Select(ctx context.Context, dest any, query string, args ...any) error
	// Query calls each for every row, in order, holding one row at a time. An error of each ends it and is
	// returned as it is.
	Query(ctx context.Context, each func(Cursor) error, query string, args ...any) error
}

// Cursor is the row Query stands on.
type Cursor interface {
	Scan(dest ...any) error
	StructScan(dest any) error
	// SliceScan returns all columns as string, int64, []byte or nil.
	SliceScan() ([]any, error)
	Columns() ([]string, error)
}

// session runs statements on one open transaction.
type session struct {
	tx      *sqlx.Tx
	dialect Dialect
}

// Get implements Queryer.
func (s *session) Get(ctx context.Context, dest any, query string, args ...any) error {
	q, args, err := s.bind(query, args)
	if err != nil {
		return err
	}
	return interpret(s.tx.GetContext(ctx, dest, q, args...), "read row")
}

// Select implements Queryer.
func (s *session) Select(ctx context.Context, dest any, query string, args ...any) error {
	q, args, err := s.bind(query, args)
	if err != nil {
		return err
	}
	return interpret(s.tx.SelectContext(ctx, dest, q, args...), "read rows")
}

// Query implements Queryer.
func (s *session) Query(ctx context.Context, each func(Cursor) error, query string, args ...any) error {
	q, args, err := s.bind(query, args)
	if err != nil {
		return err
	}
	rows, err := s.tx.QueryxContext(ctx, q, args...)
	if err != nil {
		return interpret(err, "query")
	}
	defer rows.Close() //nolint:errcheck // the loop has reported what there was to report
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return interpret(rows.Err(), "read rows")
}

// bind expands slices and puts the database's own placeholders in.
func (s *session) bind(query string, args []any) (string, []any, error) {
	if hasSlice(args) {
		var err error
		if query, args, err = sqlx.In(query, args...); err != nil {
			return "", nil, fault.Wrap(fault.Internal, err, "expand arguments")
		}
	}
	if s.dialect == Postgres {
		query = sqlx.Rebind(sqlx.DOLLAR, query)
	}
	return query, args, nil
}

func hasSlice(args []any) bool {
	for _, a := range args {
		switch a.(type) {
		case nil, string, int64, int, []byte, bool:
			continue
		}
		if t := reflect.TypeOf(a); t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8 {
			return true
		}
	}
	return false
}
