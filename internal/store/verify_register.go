package store

import (
	"context"
	"fmt"
	"strings"

	"kanmon/internal/db"
	"kanmon/internal/fault"
)

const (
	versionSuffix  = "_version"
	personalSuffix = "_personal"
)

// registers compares every register with its versions, and its personal rows with the hashes in them.
func (v *verification) registers(ctx context.Context) error {
	for _, version := range v.boundTables() {
		name, ok := strings.CutSuffix(version.Name, versionSuffix)
		if !ok {
			continue
		}
		if register, ok := v.tables[name]; ok && register.Has("id") && register.Has("n") {
			if err := v.pointers(ctx, register, version); err != nil {
				return err
			}
		}
		if personal, ok := v.tables[name+personalSuffix]; ok && version.Has(personalHashColumn) {
			if err := v.personal(ctx, personal, version); err != nil {
				return err
			}
		}
	}
	return nil
}

// pointers names the things whose register row is not their newest version, or is missing.
func (v *verification) pointers(ctx context.Context, register, version db.Table) error {
	differs := []string{"r.id IS NULL", "v.id IS NULL", "r.n <> v.n"}
	for _, column := range register.Columns {
		if column != "id" && column != "n" && version.Has(column) {
			differs = append(differs, fmt.Sprintf("r.%[1]s IS DISTINCT FROM v.%[1]s", column))
		}
	}
	newest := fmt.Sprintf(`SELECT x.* FROM %[1]s x WHERE x.n = (SELECT MAX(y.n) FROM %[1]s y WHERE y.id = x.id)`, version.Name)
	return v.q.Query(ctx, func(c Cursor) error {
		var id string
		if err := c.Scan(&id); err != nil {
			return fault.Wrap(fault.Internal, err, "read register")
		}
		v.found(Finding{Problem: PointerChanged, Table: register.Name, Key: "id=" + id, Leaf: NoLeaf})
		return nil
	}, fmt.Sprintf(`SELECT COALESCE(r.id, v.id) FROM %s r FULL OUTER JOIN (%s) v ON v.id = r.id WHERE %s ORDER BY 1`,
		register.Name, newest, strings.Join(differs, " OR ")))
}

// personal hashes the personal rows again and counts those that were erased.
func (v *verification) personal(ctx context.Context, personal, version db.Table) error {
	columns := append([]string{}, personal.Columns...)
	for i, c := range columns {
		columns[i] = "p." + c
	}
	err := v.q.Query(ctx, func(c Cursor) error {
		all, err := readRow(c, append(append([]string{}, personal.Columns...), personalHashColumn))
		if err != nil {
			return err
		}
		v.personalRow(personal, all[:len(all)-1], all[len(all)-1].Value)
		return nil
	}, fmt.Sprintf(`SELECT %s, v.%s FROM %s p LEFT JOIN %s v ON v.id = p.id AND v.n = p.n ORDER BY p.id, p.n`,
		strings.Join(columns, ", "), personalHashColumn, personal.Name, version.Name))
	if err != nil {
		return err
	}
	var erased int64
	err = v.q.Get(ctx, &erased, fmt.Sprintf(`SELECT COUNT(*) FROM %s v WHERE v.%s IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM %s p WHERE p.id = v.id AND p.n = v.n)`, version.Name, personalHashColumn, personal.Name))
	v.report.Erased += erased
	return err
}

func (v *verification) personalRow(t db.Table, row Row, bound any) {
	v.report.Personal++
	want, ok := bound.([]byte)
	if !ok {
		v.found(Finding{Problem: PersonalUnbound, Table: t.Name, Key: keyText(t, row), Leaf: NoLeaf})
		return
	}
	got, err := hashAgain(t.Name, row)
	if err != nil || string(got[:]) != string(want) {
		v.found(Finding{Problem: PersonalChanged, Table: t.Name, Key: keyText(t, row), Leaf: NoLeaf})
	}
}
