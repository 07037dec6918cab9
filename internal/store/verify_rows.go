package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"kanmon/internal/db"
	"kanmon/internal/fault"
	"kanmon/internal/ledger"
	ledgerstore "kanmon/internal/ledger/store"
)

// claim is what a leaf says about a row.
type claim struct {
	ledger.Leaf
	read bool // the leaf could be read
	seen bool // its row was met
}

// rows compares the rows bound to leaves first ≤ n < end with those leaves.
func (v *verification) rows(ctx context.Context, first, end int64, leaves []ledgerstore.StoredLeaf) error {
	claims := make([]claim, end-first)
	for _, l := range leaves {
		leaf, err := ledger.ParseLeaf(l.Body)
		if err != nil && !l.Odd {
			v.found(Finding{Problem: LeafChanged, Table: "ledger_leaf", Leaf: l.Seq, Detail: "the bytes are not those of a leaf"})
		}
		if err != nil {
			continue
		}
		claims[l.Seq-first] = claim{Leaf: leaf, read: true}
	}
	for _, t := range v.boundTables() {
		if err := v.rowsOf(ctx, t, first, end, claims); err != nil {
			return err
		}
	}
	for i, c := range claims {
		if c.read && !c.seen {
			v.found(Finding{Problem: RowMissing, Table: c.Table, Key: v.claimedKey(c, first+int64(i)), Leaf: first + int64(i)})
		}
	}
	return nil
}

func (v *verification) rowsOf(ctx context.Context, t db.Table, first, end int64, claims []claim) error {
	columns := strings.Join(t.Columns, ", ")
	return v.q.Query(ctx, func(c Cursor) error {
		row, err := readRow(c, t.Columns)
		if err != nil {
			return err
		}
		v.report.Rows++
		leaf, ok := row[slices.Index(t.Columns, leafColumn)].Value.(int64)
		if !ok || claims[leaf-first].seen || claims[leaf-first].Table != t.Name {
			v.found(Finding{Problem: RowUnbound, Table: t.Name, Key: keyText(t, row), Leaf: leaf})
			return nil
		}
		claims[leaf-first].seen = true
		v.row(t, row, leaf, claims[leaf-first].Row)
		return nil
	}, `SELECT `+columns+` FROM `+t.Name+` WHERE leaf >= ? AND leaf < ? ORDER BY leaf`, first, end)
}

// row hashes a row again and compares it with its leaf.
func (v *verification) row(t db.Table, row Row, leaf int64, want ledger.Hash) {
	got, err := hashAgain(t.Name, row)
	if err == nil && got == want {
		return
	}
	f := Finding{Problem: RowChanged, Table: t.Name, Key: keyText(t, row), Leaf: leaf}
	if err != nil {
		f.Detail = err.Error()
	}
	v.found(f)
}

// hashAgain computes the hash of a row as read, by its salt.
func hashAgain(table string, row Row) (ledger.Hash, error) {
	var salt []byte
	facts := make(Row, 0, len(row))
	for _, f := range row {
		switch f.Name {
		case saltColumn:
			salt, _ = f.Value.([]byte)
		case leafColumn:
		default:
			facts = append(facts, f)
		}
	}
	return ledger.RowHash(salt, table, facts)
}

// strangers names rows whose leaf number is outside the ledger.
func (v *verification) strangers(ctx context.Context, size int64) error {
	for _, t := range v.boundTables() {
		err := v.q.Query(ctx, func(c Cursor) error {
			row, err := readRow(c, t.Columns)
			if err == nil {
				v.found(Finding{Problem: RowUnbound, Table: t.Name, Key: keyText(t, row), Leaf: NoLeaf})
			}
			return err
		}, `SELECT `+strings.Join(t.Columns, ", ")+` FROM `+t.Name+` WHERE leaf IS NULL OR leaf < 0 OR leaf >= ?`, size)
		if err != nil {
			return err
		}
	}
	return nil
}

// readRow reads the cursor's row; the names are those of the SELECT.
func readRow(c Cursor, names []string) (Row, error) {
	values, err := c.SliceScan()
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "read row")
	}
	row := make(Row, len(names))
	for i, name := range names {
		row[i] = Field{Name: name, Value: values[i]}
	}
	return row, nil
}

// keyText is the primary key of a row for a person to read: "id=C-0001 n=2".
func keyText(t db.Table, row Row) string {
	parts := make([]string, 0, len(t.Key))
	for _, name := range t.Key {
		if i := slices.IndexFunc(row, func(f Field) bool { return f.Name == name }); i >= 0 {
			parts = append(parts, fmt.Sprintf("%s=%v", name, row[i].Value))
		}
	}
	return strings.Join(parts, " ")
}

// claimedKey is keyText of a row that is gone, from its leaf.
func (v *verification) claimedKey(c claim, leaf int64) string {
	if len(c.Key) == 0 {
		return fmt.Sprintf("%s=%d", leafColumn, leaf)
	}
	names := v.tables[c.Table].Key
	parts := make([]string, len(c.Key))
	for i, value := range c.Key {
		name := "key"
		if i < len(names) {
			name = names[i]
		}
		parts[i] = fmt.Sprintf("%s=%v", name, value)
	}
	return strings.Join(parts, " ")
}
