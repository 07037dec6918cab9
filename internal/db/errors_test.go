package db_test

import (
	"testing"

	"kanmon/internal/db"
	"kanmon/internal/fault"
)

func TestErrorsMeanTheSameOnBothDatabases(t *testing.T) {
	rows := []struct {
		name, query string
		kind        fault.Kind
		code        string
	}{
		{"a unique value twice", `INSERT INTO thing (id, name) VALUES (2, 'a')`, fault.Conflict, db.CodeDuplicate},
		{"a primary key twice", `INSERT INTO thing (id, name) VALUES (1, 'b')`, fault.Conflict, db.CodeDuplicate},
		{"a reference to nothing", `INSERT INTO part (id, thing) VALUES (1, 9)`, fault.Conflict, db.CodeReference},
		{"removal of what is referred to", `DELETE FROM thing WHERE id = 1`, fault.Conflict, db.CodeReference},
		{"nothing where something must be", `INSERT INTO thing (id, name) VALUES (3, NULL)`, fault.Invalid, db.CodeRule},
		{"a broken check", `INSERT INTO thing (id, name, size) VALUES (3, 'c', -1)`, fault.Invalid, db.CodeRule},
		{"a change of what is kept", `UPDATE kept SET n = 2`, fault.Denied, db.CodeAppendOnly},
		{"no such table", `DELETE FROM nowhere`, fault.Internal, ""},
		{"no SQL", `HELLO`, fault.Internal, ""},
	}
	onBoth(t, func(t *testing.T, d *db.DB) {
		mustExec(t, d, `INSERT INTO thing (id, name) VALUES (1, 'a')`)
		mustExec(t, d, `INSERT INTO part (id, thing) VALUES (7, 1)`)
		mustExec(t, d, `INSERT INTO kept (id, n) VALUES (1, 1)`)
		for _, r := range rows {
			t.Run(r.name, func(t *testing.T) { wantFault(t, exec(t.Context(), d, r.query), r.kind, r.code) })
		}
		err := d.Read(t.Context(), func(q db.Queryer) error {
			var n int64
			return q.Get(t.Context(), &n, `SELECT id FROM thing WHERE id = ?`, 99)
		})
		wantFault(t, err, fault.NotFound, db.CodeNotFound)
	})
}

func TestADatabaseThatCannotBeOpenedSaysSo(t *testing.T) {
	rows := map[string]struct {
		cfg  db.Config
		kind fault.Kind
	}{
		"unknown driver": {db.Config{Driver: "oracle"}, fault.Invalid},
		"no path":        {db.Config{Driver: db.SQLite}, fault.Invalid},
		"no folder":      {db.Config{Driver: db.SQLite, Path: "/nonexistent/x.db"}, fault.Unavailable},
		"bad DSN":        {db.Config{Driver: db.Postgres, DSN: "postgres://user:secret@[::1"}, fault.Invalid},
		"nobody there":   {db.Config{Driver: db.Postgres, DSN: "host=/nonexistent user=x"}, fault.Unavailable},
	}
	for name, r := range rows {
		d, err := db.Open(t.Context(), r.cfg)
		if d != nil || fault.KindOf(err) != r.kind {
			t.Errorf("%s: %v, %v", name, fault.KindOf(err), err)
		}
	}
}
