package dbtest_test

import (
	"testing"

	"go.uber.org/goleak"

	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryKindOfDatabaseIsMigratedAndFresh(t *testing.T) {
	seen := map[db.Dialect]int{}
	for range 2 {
		dbtest.Run(t, func(t *testing.T, d *db.DB) {
			seen[d.Dialect()]++
			err := d.Write(t.Context(), func(tx *db.Tx) error {
				return tx.Insert(t.Context(), "ledger_head", []string{"log", "origin", "size", "root"}, []any{int64(1), "o", int64(0), make([]byte, 32)})
			})
			if err != nil {
				t.Fatalf("the second run met the first one's row: %v", err)
			}
		})
	}
	if seen[db.SQLite] != 2 || seen[db.Postgres] != 2 {
		t.Fatalf("ran on %v", seen)
	}
}
