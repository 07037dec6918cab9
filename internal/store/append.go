package store

import (
	"context"
	"fmt"
	"io"
	"slices"

	"kanmon/internal/db"
	"kanmon/internal/fault"
	"kanmon/internal/ledger"
)

// Columns that the store adds to a bound table.
const (
	saltColumn = "salt"
	leafColumn = "leaf"
)

// Append inserts a row into a bound table and binds it to a ledger leaf, whose number it returns. The row is
// given without salt and leaf; columns it leaves out must be without default and stay NULL.
func (t *Tx) Append(ctx context.Context, table string, row Row) (leaf int64, err error) {
	return t.AppendAll(ctx, table, []Row{row})
}

// AppendAll is Append for many rows with the same columns in the same order; their leaves are consecutive. It
// returns the number of the first. It is many times faster than a loop.
func (t *Tx) AppendAll(ctx context.Context, table string, rows []Row) (first int64, err error) {
	if len(rows) == 0 {
		return 0, fault.New(fault.Internal, "", "append to "+table+": no rows")
	}
	bound, err := t.openBatch(ctx, table)
	if err != nil {
		return 0, err
	}
	names, err := boundColumns(bound, rows[0])
	if err != nil {
		return 0, err
	}
	first = t.batch.Next()
	values := make([]any, 0, len(rows)*len(names))
	for _, row := range rows {
		if !sameColumns(names, row) {
			return 0, fault.New(fault.Internal, "", "append to "+table+": rows with different columns")
		}
		if values, err = t.bind(ctx, values, bound, row); err != nil {
			return 0, err
		}
	}
	return first, t.tx.Insert(ctx, table, names, values)
}

// openBatch makes sure that the table is bound and a ledger batch is open.
func (t *Tx) openBatch(ctx context.Context, table string) (db.Table, error) {
	if t.derived {
		return db.Table{}, fault.New(fault.Internal, "store.derived", "append to "+table+" in a derived write")
	}
	bound, err := t.store.boundTable(ctx, t, table)
	if err != nil || t.batch != nil {
		return bound, err
	}
	t.batch, err = t.store.ledger.Begin(ctx, t.tx)
	return bound, err
}

// bind adds the leaf of a row and appends the row's values, its salt and its leaf number.
func (t *Tx) bind(ctx context.Context, values []any, table db.Table, row Row) ([]any, error) {
	salt, err := t.salt()
	if err != nil {
		return nil, err
	}
	leaf, err := leafOf(table, salt, row)
	if err != nil {
		return nil, err
	}
	body, err := leaf.Append(make([]byte, 0, 160))
	if err != nil {
		return nil, err
	}
	seq, err := t.batch.Add(ctx, body)
	if err != nil {
		return nil, err
	}
	for _, f := range row {
		values = append(values, f.Value)
	}
	return append(values, salt, seq), nil
}

// leafOf returns the leaf that binds a row: its table, its key and its hash.
func leafOf(table db.Table, salt []byte, row Row) (ledger.Leaf, error) {
	hash, err := ledger.RowHash(salt, table.Name, row)
	if err != nil {
		return ledger.Leaf{}, err
	}
	key, err := keyOf(table, row)
	return ledger.Leaf{Table: table.Name, Key: key, Row: hash}, err
}

// keyOf returns the values of the primary key; none when the leaf number is the key.
func keyOf(table db.Table, row Row) ([]any, error) {
	if len(table.Key) == 1 && table.Key[0] == leafColumn {
		return nil, nil
	}
	key := make([]any, 0, len(table.Key))
	for _, name := range table.Key {
		i := slices.IndexFunc(row, func(f Field) bool { return f.Name == name })
		if i < 0 {
			return nil, fault.New(fault.Internal, "", "append to "+table.Name+": no value for the key "+name)
		}
		key = append(key, row[i].Value)
	}
	return key, nil
}

// boundColumns checks a row's names against the table and returns the columns of the INSERT.
func boundColumns(table db.Table, row Row) ([]string, error) {
	names := make([]string, 0, len(row)+2)
	for _, f := range row {
		if f.Name == saltColumn || f.Name == leafColumn || !table.Has(f.Name) {
			return nil, fault.New(fault.Internal, "", fmt.Sprintf("append to %s: column %s cannot be given", table.Name, f.Name))
		}
		names = append(names, f.Name)
	}
	return append(names, saltColumn, leafColumn), nil
}

func sameColumns(names []string, row Row) bool {
	if len(row)+2 != len(names) {
		return false
	}
	for i, f := range row {
		if names[i] != f.Name {
			return false
		}
	}
	return true
}

// salt returns fresh random bytes.
func (t *Tx) salt() ([]byte, error) {
	if len(t.salts) < ledger.SaltSize {
		t.salts = make([]byte, 64*ledger.SaltSize)
		if _, err := io.ReadFull(t.store.random, t.salts); err != nil {
			return nil, fault.Wrap(fault.Internal, err, "draw salt")
		}
	}
	salt := t.salts[:ledger.SaltSize:ledger.SaltSize]
	t.salts = t.salts[ledger.SaltSize:]
	return salt, nil
}

// boundTable returns the catalogue entry of a bound table.
func (s *Store) boundTable(ctx context.Context, q Queryer, name string) (db.Table, error) {
	table, err := s.table(ctx, q, name)
	if err != nil {
		return db.Table{}, err
	}
	if !isBound(table) {
		return db.Table{}, fault.New(fault.Internal, "store.not_bound", "append to "+name+": the table has no columns salt and leaf, or no primary key")
	}
	return table, nil
}

func isBound(t db.Table) bool { return t.Has(saltColumn) && t.Has(leafColumn) && len(t.Key) > 0 }

// table returns the catalogue entry of a table. The catalogue is read again for a name not seen before: the
// schema changes only by migration, when the program starts.
func (s *Store) table(ctx context.Context, q Queryer, name string) (db.Table, error) {
	s.mu.RLock()
	table, ok := s.tables[name]
	s.mu.RUnlock()
	if ok {
		return table, nil
	}
	tables, err := s.db.Schema(ctx, q)
	if err != nil {
		return db.Table{}, err
	}
	s.mu.Lock()
	s.tables = tables
	s.mu.Unlock()
	if table, ok = tables[name]; !ok {
		return db.Table{}, fault.New(fault.Internal, "store.no_table", "no table "+name)
	}
	return table, nil
}
