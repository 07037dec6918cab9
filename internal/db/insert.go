package db

import (
	"context"
	"fmt"
	"strings"
)

// maxArguments keeps one INSERT well under PostgreSQL's limit of 65,535 arguments.
const maxArguments = 1024

// Insert inserts rows of equal width into columns of a table. It takes the values row after row.
func (t *Tx) Insert(ctx context.Context, table string, columns []string, values []any) error {
	width := len(columns)
	if width == 0 || len(values)%width != 0 {
		return fmt.Errorf("insert into %s: %d values for %d columns", table, len(values), width)
	}
	var text string
	for before := 0; len(values) > 0; {
		rows := t.rowsAtOnce(len(values)/width, width)
		if rows != before {
			text, before = t.insertText(table, columns, rows), rows
		}
		if _, err := t.tx.ExecContext(ctx, text, values[:rows*width]...); err != nil {
			return interpret(err, "insert into "+table)
		}
		values = values[rows*width:]
	}
	return nil
}

// rowsAtOnce is how many of the rows left go into one statement. PostgreSQL answers each with a round trip, so many;
// in powers of two, so that it knows the few texts again. For SQLite a statement of one row is the fastest: it
// cannot fail half way, so the pages it changes need not be copied first.
func (t *Tx) rowsAtOnce(left, width int) int {
	rows := 1
	for t.dialect == Postgres && 2*rows <= left && 2*rows*width <= maxArguments {
		rows *= 2
	}
	return rows
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
