// Package history reads the versions of a register's entry as changes: what, by whom, when, why, and from
// what to what (Art. 112).
package history

import (
	"context"
	"fmt"
	"time"

	"kanmon/internal/store"
)

// Change is one version of an entry.
type Change struct {
	Version int64
	At      time.Time
	Actor   string // kind and id, such as "account:yamada"
	Reason  string
	// ApprovedBy is the second person, or "set-up"; empty where one was enough.
	ApprovedBy string
	Fields     []Field // all of them, in the order of the register's form
}

// Field is one value of a version. Before is its value in the version before, Changed whether it differs; in
// the first version every field is changed from nothing.
type Field struct {
	Name          string
	Value, Before string
	Changed       bool
}

// Read runs a query that returns n, at, actor, reason and then the fields to show, oldest version first. A column approved_by is no field.
func Read(ctx context.Context, q store.Queryer, query string, args ...any) ([]Change, error) {
	var changes []Change
	err := q.Query(ctx, func(row store.Cursor) error {
		c, err := read(row)
		if err != nil {
			return err
		}
		compare(&c, changes)
		changes = append(changes, c)
		return nil
	}, query, args...)
	return changes, err
}

// fixed is how many columns stand before the fields.
const fixed = 4

func read(row store.Cursor) (Change, error) {
	columns, err := row.Columns()
	if err != nil {
		return Change{}, err
	}
	values, err := row.SliceScan()
	if err != nil {
		return Change{}, err
	}
	c := Change{Actor: text(values[2]), Reason: text(values[3])}
	c.Version, _ = values[0].(int64)
	if c.At, err = store.ParseTime(text(values[1])); err != nil {
		return Change{}, err
	}
	for i := fixed; i < len(values); i++ {
		if columns[i] == "approved_by" {
			c.ApprovedBy = text(values[i])
			continue
		}
		c.Fields = append(c.Fields, Field{Name: columns[i], Value: text(values[i])})
	}
	return c, nil
}

func text(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

func compare(c *Change, before []Change) {
	for i := range c.Fields {
		f := &c.Fields[i]
		if len(before) > 0 {
			f.Before = before[len(before)-1].Fields[i].Value
		}
		f.Changed = len(before) == 0 || f.Before != f.Value
	}
}
