package db

import (
	"context"
	"fmt"
	"strings"
)

// maxArguments keeps one INSERT well under the limits of both databases (32,766 and 65,535).
const maxArguments = 1024

// Insert inserts rows of equal width into columns of a table, many rows a statement. It takes the values row
// after row.
func (t *Tx) Insert(ctx context.Context, table string, columns []string, values []any) error {
	width := len(columns)
	if width == 0 || len(values)%width != 0 {
		return fmt.Errorf("insert into %s: %d values for %d columns", table, len(values), width)
	}
	for len(values) > 0 {
		// Powers of two: few texts, so that the databases know them again.
		rows := 1
		for rows*2*width <= min(len(values), maxArguments) {
			rows *= 2
		}
		if _, err := t.tx.ExecContext(ctx, t.insertText(table, columns, rows), values[:rows*width]...); err != nil {
			return interpret(err, "insert into "+table)
		}
		values = values[rows*width:]
	}
	return nil
}

func (t *Tx) insertText(table string, columns []string, rows int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "INSERT INTO %s (%s) VALUES ", table, strings.Join(columns, ", "))
	for i := range rows * len(columns) {
		switch {
		case i == 0:
			b.WriteByte('(')
		case i%len(columns) == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		if t.dialect == Postgres {
			fmt.Fprintf(&b, "$%d", i+1)
		} else {
			b.WriteByte('?')
		}
	}
	b.WriteByte(')')
	return b.String()
}
