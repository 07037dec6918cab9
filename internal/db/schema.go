package db

import (
	"context"
	"slices"

	"kanmon/internal/fault"
)

// Table is what the database's catalogue says about one table.
type Table struct {
	Name    string
	Columns []string // in the order of the table
	Key     []string // columns of the primary key, in its order
}

// Has reports whether the table has a column.
func (t Table) Has(column string) bool { return slices.Contains(t.Columns, column) }

// Schema reads the tables of the database through an open transaction of it.
func (d *DB) Schema(ctx context.Context, q Queryer) (map[string]Table, error) {
	query := sqliteCatalogue
	if d.dialect == Postgres {
		query = postgresCatalogue
	}
	tables := map[string]Table{}
	err := q.Query(ctx, func(r Cursor) error {
		var table, column string
		var inKey int
		if err := r.Scan(&table, &column, &inKey); err != nil {
			return fault.Wrap(fault.Internal, err, "read catalogue")
		}
		t := tables[table]
		t.Name = table
		t.Columns = append(t.Columns, column)
		tables[table] = t.withKey(column, inKey)
		return nil
	}, query)
	return tables, err
}

// withKey puts a column at place (from 1) of the primary key; 0 is not in it.
func (t Table) withKey(column string, place int) Table {
	if place == 0 {
		return t
	}
	for len(t.Key) < place {
		t.Key = append(t.Key, "")
	}
	t.Key[place-1] = column
	return t
}

const sqliteCatalogue = `
SELECT m.name, c.name, c.pk
FROM sqlite_master m, pragma_table_info(m.name) c
WHERE m.type = 'table'
ORDER BY m.name, c.cid`

const postgresCatalogue = `
SELECT t.relname, a.attname, COALESCE(k.place, 0)
FROM pg_class t
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_index i ON i.indrelid = t.oid AND i.indisprimary
LEFT JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place) ON k.attnum = a.attnum
WHERE t.relkind = 'r' AND t.relnamespace = current_schema()::regnamespace
ORDER BY t.relname, a.attnum`
