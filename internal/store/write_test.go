package store_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/store"
)

var errMine = errors.New("mine")

// R84-1: nothing is written that the ledger does not know of.
func TestAWriteThatRecordsNothingFails(t *testing.T) {
	onBoth(t, func(t *testing.T, f *fixture) {
		err := f.Write(t.Context(), taro, "", func(tx *store.Tx) error {
			_, err := tx.Exec(t.Context(), `INSERT INTO note (id, text) VALUES (1, 'a')`)
			return err
		})
		wantFault(t, err, fault.Internal, "store.no_leaf")
		if n := f.number(t, `SELECT COUNT(*) FROM note`); n != 0 {
			t.Errorf("%d rows stayed", n)
		}
		wantFault(t, f.Write(t.Context(), store.Actor{}, "", nil), fault.Internal, "store.no_actor")
	})
}

func TestADerivedWriteNeedsNoLeafAndMayHaveNone(t *testing.T) {
	onBoth(t, func(t *testing.T, f *fixture) {
		err := f.WriteDerived(t.Context(), "a note", func(tx *store.Tx) error {
			_, err := tx.Exec(t.Context(), `INSERT INTO note (id, text) VALUES (1, 'a')`)
			return err
		})
		if err != nil || f.number(t, `SELECT COUNT(*) FROM note`) != 1 {
			t.Error(err)
		}
		err = f.WriteDerived(t.Context(), "a tap", func(tx *store.Tx) error {
			_, err := tx.Append(t.Context(), "tap", tap("D-1", 1))
			return err
		})
		wantFault(t, err, fault.Internal, "store.derived")
		wantFault(t, f.WriteDerived(t.Context(), "", nil), fault.Internal, "store.no_reason")
	})
}

func TestAWriteThatFailsLeavesNeitherRowNorLeaf(t *testing.T) {
	onBoth(t, func(t *testing.T, f *fixture) {
		f.taps(t, "D-1", 3)
		for name, end := range map[string]func() error{"error": func() error { return errMine }, "panic": func() error { panic("mine") }} {
			func() {
				defer func() { _ = recover() }()
				err := f.Write(t.Context(), taro, "", func(tx *store.Tx) error {
					if _, err := tx.Append(t.Context(), "tap", tap("D-1", 3)); err != nil {
						return err
					}
					return end()
				})
				if !errors.Is(err, errMine) {
					t.Errorf("%s: %v", name, err)
				}
			}()
		}
		f.badge(t, "B-1", "one", "issued", "佐藤") // takes the number the failed ones had
		if r := f.wantClean(t); r.Leaves != 4 || r.Rows != 4 {
			t.Errorf("%+v", r)
		}
	})
}

// where the leaf cannot be written, the change itself is not there.
func TestARowWhoseLeafCannotBeWrittenIsNotThere(t *testing.T) {
	refuse := map[db.Dialect][]string{
		db.SQLite: {`CREATE TRIGGER refuse BEFORE INSERT ON ledger_leaf BEGIN SELECT RAISE(ABORT, 'refused'); END`},
		db.Postgres: {
			`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$`,
			`CREATE TRIGGER refuse BEFORE INSERT ON ledger_leaf FOR EACH ROW EXECUTE FUNCTION refuse()`,
		},
	}
	onBoth(t, func(t *testing.T, f *fixture) {
		dbtest.Attack(t, f.db, refuse[f.db.Dialect()]...)
		hooks := 0
		err := f.Write(t.Context(), taro, "", func(tx *store.Tx) error {
			tx.AfterCommit(func() { hooks++ })
			_, err := tx.Append(t.Context(), "tap", tap("D-1", 1))
			return err
		})
		if err == nil || hooks != 0 || f.number(t, `SELECT COUNT(*) FROM tap`) != 0 || f.number(t, `SELECT COUNT(*) FROM ledger_head`) != 0 {
			t.Errorf("%v, %d hooks", err, hooks)
		}
	})
}

func TestHooksRunOnceAfterTheCommitInOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, f *fixture) {
		var order []int
		f.write(t, func(tx *store.Tx) error {
			tx.AfterCommit(func() { order = append(order, int(f.number(t, `SELECT COUNT(*) FROM tap`))) })
			tx.AfterCommit(func() { order = append(order, 2) })
			_, err := tx.Append(t.Context(), "tap", tap("D-1", 1))
			return err
		})
		if !slices.Equal(order, []int{1, 2}) {
			t.Errorf("%v", order)
		}
	})
}

func TestATransactionKnowsItsTimeActorAndReason(t *testing.T) {
	onBoth(t, func(t *testing.T, f *fixture) {
		f.now = time.Date(2026, 11, 23, 10, 0, 0, 123456789, time.FixedZone("JST", 9*3600))
		f.write(t, func(tx *store.Tx) error {
			if got := tx.Now(); got != time.Date(2026, 11, 23, 1, 0, 0, 123456000, time.UTC) || tx.Actor().String() != "account:taro" || tx.Reason() != "because" {
				t.Errorf("%v %v %v", got, tx.Actor(), tx.Reason())
			}
			_, err := tx.Append(t.Context(), "tap", tap("D-1", 1))
			return err
		})
	})
}

func TestLeavesAreNumberedInTheOrderOfCommits(t *testing.T) {
	onBoth(t, func(t *testing.T, f *fixture) {
		f.taps(t, "D-1", 700) // more than a batch holds in memory
		f.write(t, func(tx *store.Tx) error {
			one, err := tx.Append(t.Context(), "tap", tap("D-2", 1))
			if err != nil {
				return err
			}
			more, err := tx.AppendAll(t.Context(), "tap", []store.Row{tap("D-2", 2), tap("D-2", 3)})
			if one != 700 || more != 701 {
				t.Errorf("numbers %d and %d", one, more)
			}
			if n := len(selectLeaves(t, tx, "D-2")); n != 3 {
				t.Errorf("the transaction sees %d of its 3 rows", n)
			}
			return err
		})
		if r := f.wantClean(t); r.Leaves != 703 || r.Rows != 703 {
			t.Errorf("%+v", r)
		}
	})
}

func selectLeaves(t *testing.T, q store.Queryer, door string) []int64 {
	t.Helper()
	var leaves []int64
	if err := q.Select(t.Context(), &leaves, `SELECT leaf FROM tap WHERE door = ? ORDER BY seq`, door); err != nil {
		t.Fatal(err)
	}
	return leaves
}

// two processes that write at the same time make one ledger without gap or double.
func TestTwoWritersMakeOneLedger(t *testing.T) {
	onBoth(t, func(t *testing.T, f *fixture) {
		other := f.open(t, open(t, dbtest.Config(t, f.db)))
		const each = 30
		var writers sync.WaitGroup
		for door, s := range map[string]*store.Store{"D-1": f.Store, "D-2": f.Store, "D-3": other, "D-4": other} {
			writers.Go(func() {
				for i := range each {
					if err := appendTwo(t, s, door, i); err != nil {
						t.Errorf("%s: %v", door, err)
						return
					}
				}
			})
		}
		writers.Wait()
		if r := f.wantClean(t); r.Leaves != 8*each || r.Rows != 8*each {
			t.Errorf("%d leaves, %d rows", r.Leaves, r.Rows)
		}
		if n := f.number(t, `SELECT COUNT(DISTINCT leaf) FROM tap WHERE leaf BETWEEN 0 AND ?`, 8*each-1); n != 8*each {
			t.Errorf("%d numbers", n)
		}
	})
}

func appendTwo(t *testing.T, s *store.Store, door string, i int) error {
	t.Helper()
	return s.Write(t.Context(), taro, "", func(tx *store.Tx) error {
		_, err := tx.AppendAll(t.Context(), "tap", []store.Row{tap(door, 2*i), tap(door, 2*i+1)})
		return err
	})
}

func TestARowThatCannotBeProvedIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, f *fixture) {
		for name, try := range map[string]func(*store.Tx) error{
			"no such table": func(tx *store.Tx) error { _, err := tx.Append(t.Context(), "nowhere", tap("D-1", 1)); return err },
			"an unbound table": func(tx *store.Tx) error {
				_, err := tx.Append(t.Context(), "note", store.Row{store.Col("id", int64(1))})
				return err
			},
			"no such column": func(tx *store.Tx) error {
				_, err := tx.Append(t.Context(), "tap", append(tap("D-1", 1), store.Col("x", "y")))
				return err
			},
			"a salt of its own": func(tx *store.Tx) error {
				_, err := tx.Append(t.Context(), "tap", append(tap("D-1", 1), store.Col("salt", []byte("0"))))
				return err
			},
			"a leaf of its own": func(tx *store.Tx) error {
				_, err := tx.Append(t.Context(), "tap", append(tap("D-1", 1), store.Col("leaf", int64(9))))
				return err
			},
			"a NUL":        func(tx *store.Tx) error { _, err := tx.Append(t.Context(), "tap", tap("a\x00", 1)); return err },
			"broken UTF-8": func(tx *store.Tx) error { _, err := tx.Append(t.Context(), "tap", tap("\xff", 1)); return err },
			"no rows":      func(tx *store.Tx) error { _, err := tx.AppendAll(t.Context(), "tap", nil); return err },
			"rows of two kinds": func(tx *store.Tx) error {
				_, err := tx.AppendAll(t.Context(), "tap", []store.Row{tap("D-1", 1), tap("D-1", 2)[:2]})
				return err
			},
			"a key without value": func(tx *store.Tx) error {
				_, err := tx.Append(t.Context(), "badge_version", store.Row{store.Col("id", "B")})
				return err
			},
			"the same row twice": func(tx *store.Tx) error {
				_, err := tx.AppendAll(t.Context(), "tap", []store.Row{tap("D-1", 1), tap("D-1", 1)})
				return err
			},
		} {
			if err := f.Write(t.Context(), taro, "", try); err == nil {
				t.Errorf("%s: accepted", name)
			}
		}
		if r := f.wantClean(t); r.Leaves != 0 {
			t.Errorf("%+v", r)
		}
	})
}

func TestEqualRowsHaveDifferentHashes(t *testing.T) {
	onBoth(t, func(t *testing.T, f *fixture) {
		f.badge(t, "B-1", "one", "issued", "佐藤")
		f.badge(t, "B-1", "one", "issued", "佐藤")
		for _, q := range []string{`SELECT COUNT(DISTINCT salt) FROM badge_version`, `SELECT COUNT(DISTINCT personal_hash) FROM badge_version`, `SELECT COUNT(DISTINCT salt) FROM badge_personal`} {
			if n := f.number(t, q); n != 2 {
				t.Errorf("%s: %d", q, n)
			}
		}
	})
}
