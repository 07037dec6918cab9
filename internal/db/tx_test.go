package db_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
)

var errMine = errors.New("mine")

func TestATransactionThatFailsLeavesNothing(t *testing.T) {
	ends := map[string]func() error{
		"error":  func() error { return errMine },
		"panic":  func() error { panic("mine") },
		"goexit": func() error { runtime.Goexit(); return nil },
	}
	onBoth(t, func(t *testing.T, d *db.DB) {
		for name, end := range ends {
			var err error
			var panicked any
			done := make(chan struct{})
			go func() {
				defer close(done)
				defer func() { panicked = recover() }()
				err = d.Write(t.Context(), func(tx *db.Tx) error {
					if _, err := tx.Exec(t.Context(), `INSERT INTO thing (id, name) VALUES (1, 'a')`); err != nil {
						return err
					}
					return end()
				})
			}()
			<-done
			if n := count(t, d, "thing"); n != 0 {
				t.Errorf("%s: %d rows stayed", name, n)
			}
			if name == "error" && !errors.Is(err, errMine) || name == "panic" && panicked != "mine" {
				t.Errorf("%s: the caller saw error %v, panic %v", name, err, panicked)
			}
		}
		mustExec(t, d, `INSERT INTO thing (id, name) VALUES (1, 'a')`) // and the connection is free again
	})
}

func TestWhatWasCommittedIsThereForTheNextProgram(t *testing.T) {
	onBoth(t, func(t *testing.T, d *db.DB) {
		mustExec(t, d, `INSERT INTO thing (id, name, body) VALUES (?, ?, ?)`, 1, "関門", []byte{0, 1, 255})
		again, err := db.Open(t.Context(), dbtest.Config(t, d))
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close() // only read
		var row struct {
			Name string `db:"name"`
			Size *int64 `db:"size"`
			Body []byte `db:"body"`
		}
		err = again.Read(t.Context(), func(q db.Queryer) error {
			return q.Get(t.Context(), &row, `SELECT name, size, body FROM thing WHERE id = ?`, 1)
		})
		if err != nil || row.Name != "関門" || row.Size != nil || !slices.Equal(row.Body, []byte{0, 1, 255}) {
			t.Errorf("read %+v, %v", row, err)
		}
	})
}

// Two writers that read, add one and write back would lose updates if they ran at the same time.
func TestWritersRunOneAtATime(t *testing.T) {
	onBoth(t, func(t *testing.T, d *db.DB) {
		other, err := db.Open(t.Context(), dbtest.Config(t, d))
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close() // nothing is left to write
		mustExec(t, d, `INSERT INTO thing (id, name, size) VALUES (1, 'a', 0)`)
		const each = 40
		var writers sync.WaitGroup
		for _, own := range []*db.DB{d, other, d} {
			writers.Go(func() {
				for range each {
					if err := addOne(t.Context(), own); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		writers.Wait()
		var size int64
		if err := d.Read(t.Context(), func(q db.Queryer) error { return q.Get(t.Context(), &size, `SELECT size FROM thing`) }); err != nil || size != 3*each {
			t.Errorf("%d updates of %d stayed, %v", size, 3*each, err)
		}
	})
}

func addOne(ctx context.Context, d *db.DB) error {
	return d.Write(ctx, func(tx *db.Tx) error {
		var size int64
		if err := tx.Get(ctx, &size, `SELECT size FROM thing WHERE id = 1`); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE thing SET size = ? WHERE id = 1`, size+1)
		return err
	})
}

func TestAReaderSeesOneSnapshotAndDoesNotWait(t *testing.T) {
	onBoth(t, func(t *testing.T, d *db.DB) {
		mustExec(t, d, `INSERT INTO thing (id, name) VALUES (1, 'a')`)
		err := d.Read(t.Context(), func(q db.Queryer) error {
			var before, after int64
			if err := q.Get(t.Context(), &before, `SELECT COUNT(*) FROM thing`); err != nil {
				return err
			}
			mustExec(t, d, `INSERT INTO thing (id, name) VALUES (2, 'b')`) // commits while we read
			if err := q.Get(t.Context(), &after, `SELECT COUNT(*) FROM thing`); err != nil {
				return err
			}
			if before != 1 || after != 1 {
				t.Errorf("counted %d, then %d", before, after)
			}
			return nil
		})
		if err != nil || count(t, d, "thing") != 2 {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestAReaderCannotWrite(t *testing.T) {
	onBoth(t, func(t *testing.T, d *db.DB) {
		err := d.Read(t.Context(), func(q db.Queryer) error {
			return q.Query(t.Context(), func(db.Cursor) error { return nil }, `INSERT INTO thing (id, name) VALUES (1, 'a') RETURNING id`)
		})
		if err == nil || count(t, d, "thing") != 0 {
			t.Errorf("a reader wrote: %v", err)
		}
	})
}

func TestPostgresMayAskForATransactionAgain(t *testing.T) {
	d := dbtest.Postgres(t)
	tries := 0
	raise := func(tx *db.Tx) error {
		tries++
		if tries < 3 {
			_, err := tx.Exec(t.Context(), `DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = 'serialization_failure'; END $$`)
			return err
		}
		return nil
	}
	if err := d.Write(t.Context(), raise); err != nil || tries != 3 {
		t.Errorf("%d tries, %v", tries, err)
	}
	tries = -100 // never succeeds
	wantFault(t, d.Write(t.Context(), raise), fault.Unavailable, db.CodeBusy)
	if tries != -95 {
		t.Errorf("gave up after %d tries", tries+100)
	}
}

func TestAWriterThatWaitsIsLetGoWithItsContext(t *testing.T) {
	onBoth(t, func(t *testing.T, d *db.DB) {
		err := d.Write(t.Context(), func(*db.Tx) error {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
			defer cancel()
			wantFault(t, exec(ctx, d, `INSERT INTO thing (id, name) VALUES (1, 'a')`), fault.Unavailable, db.CodeBusy)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		mustExec(t, d, `INSERT INTO thing (id, name) VALUES (1, 'a')`)
	})
}

func TestManyRowsAreInsertedWhole(t *testing.T) {
	onBoth(t, func(t *testing.T, d *db.DB) {
		rapid.Check(t, func(rt *rapid.T) {
			n := rapid.IntRange(0, 3000).Draw(rt, "rows")
			var values []any
			for i := range n {
				values = append(values, int64(i), int64(i*i))
			}
			err := d.Write(t.Context(), func(tx *db.Tx) error {
				if err := tx.Insert(t.Context(), "kept", []string{"id", "n"}, values); err != nil {
					return err
				}
				var rows, sum int64
				if err := tx.Query(t.Context(), func(c db.Cursor) error { return c.Scan(&rows, &sum) },
					`SELECT COUNT(*), CAST(COALESCE(SUM(n - id * id), 0) AS BIGINT) FROM kept`); err != nil {
					return err
				}
				if rows != int64(n) || sum != 0 {
					rt.Errorf("%d rows, off by %d", rows, sum)
				}
				return errMine
			})
			if !errors.Is(err, errMine) {
				rt.Fatal(err)
			}
		})
	})
}

func TestASliceFillsAnIn(t *testing.T) {
	onBoth(t, func(t *testing.T, d *db.DB) {
		mustExec(t, d, `INSERT INTO thing (id, name, body) VALUES (1, 'a', ?), (2, 'b', ?), (3, 'c', ?)`, []byte("x"), []byte("x"), []byte("y"))
		var ids []int64
		err := d.Read(t.Context(), func(q db.Queryer) error {
			return q.Select(t.Context(), &ids, `SELECT id FROM thing WHERE name IN (?) AND body = ? ORDER BY id`, []string{"b", "a", "c"}, []byte("x"))
		})
		if err != nil || !slices.Equal(ids, []int64{1, 2}) {
			t.Errorf("%v, %v", ids, err)
		}
	})
}

func TestAnErrorOfTheRowFunctionEndsTheQuery(t *testing.T) {
	onBoth(t, func(t *testing.T, d *db.DB) {
		mustExec(t, d, `INSERT INTO thing (id, name) VALUES (1, 'a'), (2, 'b')`)
		calls := 0
		err := d.Read(t.Context(), func(q db.Queryer) error {
			return q.Query(t.Context(), func(db.Cursor) error { calls++; return errMine }, `SELECT id FROM thing`)
		})
		if !errors.Is(err, errMine) || calls != 1 {
			t.Errorf("%d calls, %v", calls, err)
		}
	})
}

func TestASQLiteFileIsPrivateWhateverItsName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?c=1&d#e%20f.db")
	d, err := db.Open(t.Context(), db.Config{Driver: db.SQLite, Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close() // nothing was written
	if err := d.Migrate(t.Context(), schema(d)); err != nil {
		t.Fatal(err)
	}
	mustExec(t, d, `INSERT INTO thing (id, name) VALUES (1, 'a')`)
	for _, name := range []string{path, path + "-wal"} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

func TestSQLiteCommitsToDisk(t *testing.T) {
	d := dbtest.SQLite(t)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		var got string
		err := d.Write(t.Context(), func(tx *db.Tx) error { return tx.Get(t.Context(), &got, "PRAGMA "+pragma) })
		if err != nil || got != want {
			t.Errorf("%s is %q, %v", pragma, got, err)
		}
	}
}
