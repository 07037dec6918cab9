package db_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/internal/db"
)

// crowd starts writers one after the other while another one writes, so that they wait in that order, and lets it end then.
func crowd(t *testing.T, d *db.DB, first func(*db.Tx) error, writers ...func(*db.Tx) error) []error {
	t.Helper()
	d.Patient()
	errs := make([]error, len(writers)+1)
	var all sync.WaitGroup
	var once sync.Once
	began, end := make(chan struct{}), make(chan struct{})
	all.Go(func() {
		errs[0] = d.Write(t.Context(), func(tx *db.Tx) error {
			once.Do(func() { close(began) })
			<-end
			return first(tx)
		})
	})
	<-began
	for i, fn := range writers {
		all.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					errs[i+1] = fmt.Errorf("panic: %v", p)
				}
			}()
			errs[i+1] = errors.New("ended its goroutine")
			errs[i+1] = d.Write(t.Context(), fn)
		})
		for d.Waiting() <= i {
			runtime.Gosched()
		}
	}
	close(end)
	all.Wait()
	return errs
}

func inserts(t *testing.T, id int, then func() error) func(*db.Tx) error {
	return func(tx *db.Tx) error {
		if _, err := tx.Exec(t.Context(), `INSERT INTO thing (id, name) VALUES (?, ?)`, id, fmt.Sprint("name ", id)); err != nil {
			return err
		}
		return then()
	}
}

func fine() error { return nil }

// Who waits shares the commit of who wrote before: nobody else sees the work of the first until the last has done his.
func TestWhoWaitsToWriteSharesACommit(t *testing.T) {
	onBoth(t, func(t *testing.T, d *db.DB) {
		seen := func(want int) func(*db.Tx) error {
			return func(tx *db.Tx) error {
				var n int
				if err := tx.Get(t.Context(), &n, `SELECT COUNT(*) FROM thing`); err != nil {
					return err
				}
				if n != want || count(t, d, "thing") != 0 {
					t.Errorf("it sees %d rows, want %d; others see %d, want none", n, want, count(t, d, "thing"))
				}
				return inserts(t, want+1, fine)(tx)
			}
		}
		for i, err := range crowd(t, d, inserts(t, 1, fine), seen(1), seen(2), seen(3)) {
			if err != nil {
				t.Errorf("writer %d: %v", i, err)
			}
		}
		if n := count(t, d, "thing"); n != 4 {
			t.Errorf("%d rows", n)
		}
	})
}

func TestWhoFailsInAGroupIsRolledBackAlone(t *testing.T) {
	onBoth(t, func(t *testing.T, d *db.DB) {
		errs := crowd(t, d, inserts(t, 1, fine),
			inserts(t, 2, func() error { return errMine }),
			inserts(t, 3, fine),
			inserts(t, 4, func() error { panic("mine") }),
			inserts(t, 1, fine), // taken
			inserts(t, 5, func() error { runtime.Goexit(); return nil }),
			inserts(t, 6, fine))
		for i, failed := range []bool{false, true, false, true, true, true, false} {
			if (errs[i] != nil) != failed {
				t.Errorf("writer %d: %v", i, errs[i])
			}
		}
		if !errors.Is(errs[1], errMine) || errs[3].Error() != "panic: mine" {
			t.Errorf("the callers saw %v and %v", errs[1], errs[3])
		}
		var ids []int
		err := d.Read(t.Context(), func(q db.Queryer) error { return q.Select(t.Context(), &ids, `SELECT id FROM thing ORDER BY id`) })
		if err != nil || fmt.Sprint(ids) != "[1 3 6]" {
			t.Errorf("rows %v, %v", ids, err)
		}
	})
}

// SQLite takes the whole transaction back when a statement in it is interrupted. The others run again.
func TestAStatementThatIsInterruptedCostsNobodyElseHisWork(t *testing.T) {
	onBoth(t, func(t *testing.T, d *db.DB) {
		stopped := func(tx *db.Tx) error {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			_, err := tx.Exec(ctx, `INSERT INTO thing (id, name)
				WITH RECURSIVE n (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000) SELECT i, CAST(i AS TEXT) FROM n`)
			return err
		}
		var runs atomic.Int32
		errs := crowd(t, d, inserts(t, 1, fine), inserts(t, 2, func() error { runs.Add(1); return nil }), stopped, inserts(t, 3, fine))
		for i, err := range errs {
			if (err != nil) != (i == 2) {
				t.Errorf("writer %d: %v", i, err)
			}
		}
		if n := count(t, d, "thing"); n != 3 {
			t.Errorf("%d rows after %d runs", n, runs.Load())
		}
		mustExec(t, d, `INSERT INTO thing (id, name) VALUES (4, 'b')`)
	})
}

// Who fails because of what another one wrote before him is not told so when that was never committed: he runs again.
func TestNobodyIsAnsweredByWhatIsNotCommitted(t *testing.T) {
	onBoth(t, func(t *testing.T, d *db.DB) {
		runs, known := 0, errors.New("known already")
		errs := crowd(t, d,
			func(tx *db.Tx) error {
				if runs++; runs > 1 {
					return errMine
				}
				return inserts(t, 1, fine)(tx)
			},
			func(tx *db.Tx) error {
				var n int
				if err := tx.Get(t.Context(), &n, `SELECT COUNT(*) FROM thing WHERE id = 1`); err != nil || n == 0 {
					return err
				}
				return known
			},
			func(tx *db.Tx) error {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
				defer cancel()
				_, err := tx.Exec(ctx, `INSERT INTO thing (id, name)
					WITH RECURSIVE n (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000) SELECT i, CAST(i AS TEXT) FROM n`)
				return err
			})
		if n := count(t, d, "thing"); errors.Is(errs[1], known) && n == 0 {
			t.Errorf("told %q of a row that is not there", errs[1])
		}
	})
}

// A small model: the sum of what was said to be written is what stands there, however many write at once and however many of them fail.
func TestWhatWasSaidToBeWrittenIsThere(t *testing.T) {
	onBoth(t, func(t *testing.T, d *db.DB) {
		mustExec(t, d, `INSERT INTO thing (id, name, size) VALUES (1, 'a', 0)`)
		var sum atomic.Int64
		rapid.Check(t, func(rt *rapid.T) {
			seed := rapid.Uint64().Draw(rt, "seed")
			var all sync.WaitGroup
			for w := range rapid.IntRange(1, 12).Draw(rt, "writers") {
				random := rand.New(rand.NewPCG(seed, uint64(w)))
				all.Go(func() {
					for range 3 {
						ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.IntN(40))*time.Millisecond)
						fails := random.IntN(3) == 0
						err := d.Write(ctx, func(tx *db.Tx) error {
							if err := bump(ctx, tx); err != nil || !fails {
								return err
							}
							return errMine
						})
						if err == nil {
							sum.Add(1)
						}
						cancel()
					}
				})
			}
			all.Wait()
			var size int64
			err := d.Read(t.Context(), func(q db.Queryer) error { return q.Get(t.Context(), &size, `SELECT size FROM thing`) })
			if err != nil || size != sum.Load() {
				rt.Fatalf("%d stands there, %v; %d were said to be written", size, err, sum.Load())
			}
		})
	})
}

func bump(ctx context.Context, tx *db.Tx) error {
	var size int64
	if err := tx.Get(ctx, &size, `SELECT size FROM thing WHERE id = 1`); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE thing SET size = ? WHERE id = 1`, size+1)
	return err
}
