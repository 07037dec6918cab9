package store

import (
	"context"
	"strings"

	"kanmon/internal/db"
	"kanmon/internal/fault"
	"kanmon/internal/ledger"
)

const (
	personalHashColumn = "personal_hash"
	approvedColumn     = "approved_by"
)

// Version writes the next version of the thing id in a register and returns its number, from 1. fields go to
// <register>_version beside id, n, at, actor and reason; personal, which may be nil, goes to
// <register>_personal. The caller's rule about the present version is read before, in the same transaction.
func (t *Tx) Version(ctx context.Context, register, id string, fields, personal Row) (n int64, err error) {
	err = t.Get(ctx, &n, `SELECT n FROM `+register+` WHERE id = ?`, id)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return 0, err
	}
	n++
	row := make(Row, 0, len(fields)+6)
	row = append(row,
		Col("id", id), Col("n", n), Col("at", db.FormatTime(t.now)), Col("actor", t.actor.String()), Col("reason", t.reason))
	row = append(row, fields...)
	if personal != nil {
		hash, err := t.writePersonal(ctx, register+"_personal", id, n, personal)
		if err != nil {
			return 0, err
		}
		row = append(row, Col(personalHashColumn, hash[:]))
	}
	if row, err = t.approved(ctx, register+"_version", row); err != nil {
		return 0, err
	}
	if _, err := t.Append(ctx, register+"_version", row); err != nil {
		return 0, err
	}
	return n, t.point(ctx, register, id, n, fields)
}

// approved adds who approved the change, where the table has room for it.
func (t *Tx) approved(ctx context.Context, table string, row Row) (Row, error) {
	if t.second == "" {
		return row, nil
	}
	kept, err := t.store.table(ctx, t, table)
	if err == nil && kept.Has(approvedColumn) {
		row = append(row, Col(approvedColumn, t.second))
	}
	return row, err
}

// writePersonal inserts the erasable part of a version and returns its salted hash.
func (t *Tx) writePersonal(ctx context.Context, table, id string, n int64, personal Row) (ledger.Hash, error) {
	salt, err := t.salt()
	if err != nil {
		return ledger.Hash{}, err
	}
	row := append(Row{Col("id", id), Col("n", n)}, personal...)
	hash, err := ledger.RowHash(salt, table, row)
	if err != nil {
		return ledger.Hash{}, err
	}
	names, values := split(append(row, Col(saltColumn, salt)))
	return hash, t.tx.Insert(ctx, table, names, values)
}

// point makes the register's own row say that n is the newest version, with the fields it keeps a copy of.
func (t *Tx) point(ctx context.Context, register, id string, n int64, fields Row) error {
	table, err := t.store.table(ctx, t, register)
	if err != nil {
		return err
	}
	row := Row{Col("n", n)}
	for _, f := range fields {
		if table.Has(f.Name) {
			row = append(row, f)
		}
	}
	if n == 1 {
		names, values := split(append(row, Col("id", id)))
		return t.tx.Insert(ctx, register, names, values)
	}
	names, values := split(row)
	changed, err := t.Exec(ctx, `UPDATE `+register+` SET `+strings.Join(names, " = ?, ")+` = ? WHERE id = ? AND n = ?`, append(values, id, n-1)...)
	if err == nil && changed != 1 {
		err = fault.New(fault.Conflict, "store.version_moved", "another version of "+register+" "+id+" was written")
	}
	return err
}

func split(row Row) (names []string, values []any) {
	for _, f := range row {
		names = append(names, f.Name)
		values = append(values, f.Value)
	}
	return names, values
}
