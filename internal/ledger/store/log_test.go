package store_test

import (
	"errors"
	"fmt"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/ledger"
	"kanmon/internal/ledger/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func leaf(n int64) []byte { return fmt.Appendf(nil, "leaf %d", n) }

// grow adds n leaves in one transaction.
func grow(t *testing.T, d *db.DB, l *store.Log, n int) {
	t.Helper()
	err := d.Write(t.Context(), func(tx *db.Tx) error {
		b, err := l.Begin(t.Context(), tx)
		if err != nil {
			return err
		}
		for range n {
			next := b.Next()
			if seq, err := b.Add(t.Context(), leaf(next)); err != nil || seq != next {
				return fmt.Errorf("leaf %d was given %d: %w", next, seq, err)
			}
		}
		return b.Finish(t.Context())
	})
	if err != nil {
		t.Fatal(err)
	}
}

// R84-1: any leaf can be proved from what is stored, and so can the growth from any older tree.
func TestProofsAreReadFromTheDatabase(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		l := store.New("kanmon.example/a")
		var model ledger.Tree
		roots := []ledger.Hash{model.Root()}
		for _, n := range []int{1, 600, 2, 1, 1, 299, 1096} {
			grow(t, d, l, n)
			for range n {
				model.Append(nil, ledger.LeafHash(leaf(model.Size())))
				roots = append(roots, model.Root())
			}
		}
		err := d.Read(t.Context(), func(q db.Queryer) error {
			head, err := l.Head(t.Context(), q)
			if err != nil || head.Size != 2000 || ledger.Hash(head.Root) != model.Root() {
				t.Fatalf("%+v, %v", head, err)
			}
			hashes := store.Hashes(t.Context(), q, head.Log)
			rapid.Check(t, func(t *rapid.T) {
				size := rapid.Int64Range(1, head.Size).Draw(t, "size")
				n := rapid.Int64Range(0, size-1).Draw(t, "leaf")
				proof, err := ledger.ProveInclusion(size, n, hashes)
				if err != nil || ledger.CheckInclusion(proof, size, roots[size], n, ledger.LeafHash(leaf(n))) != nil {
					t.Fatalf("leaf %d of %d: %v", n, size, err)
				}
				proof, err = ledger.ProveConsistency(size, n, hashes)
				if err != nil || ledger.CheckConsistency(proof, size, roots[size], n, roots[n]) != nil {
					t.Fatalf("%d to %d: %v", n, size, err)
				}
			})
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestTwoLogsInOneDatabaseDoNotMix(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		a, b := store.New("kanmon.example/a"), store.New("kanmon.example/b")
		grow(t, d, a, 3)
		grow(t, d, b, 5)
		grow(t, d, a, 4)
		for l, size := range map[*store.Log]int64{a: 7, b: 5} {
			err := d.Read(t.Context(), func(q db.Queryer) error {
				audit := l.NewAudit(q, nil, func(f store.Finding) { t.Errorf("%s: %+v", l.Origin(), f) })
				err := audit.Run(t.Context(), func(_, _ int64, _ []store.StoredLeaf) error { return nil })
				if audit.Size() != size {
					t.Errorf("%s has %d leaves", l.Origin(), audit.Size())
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
}

// The head is moved only from where the batch began.
func TestABatchDoesNotFinishOnAHeadThatMoved(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		l := store.New("kanmon.example/a")
		grow(t, d, l, 1)
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			b, err := l.Begin(t.Context(), tx)
			if err != nil {
				return err
			}
			if _, err := b.Add(t.Context(), leaf(1)); err != nil {
				return err
			}
			if _, err := tx.Exec(t.Context(), `UPDATE ledger_head SET size = 9`); err != nil {
				return err
			}
			return b.Finish(t.Context())
		})
		if fault.KindOf(err) != fault.Conflict || fault.CodeOf(err) != "ledger.head_moved" {
			t.Errorf("finished on a head that moved: %v", err)
		}
		grow(t, d, l, 1) // nothing of it stayed
	})
}

// What the log remembers of a batch that was taken back is not built upon; and batches may follow each other in one transaction.
func TestABatchThatIsTakenBackLeavesNothing(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		l := store.New("kanmon.example/a")
		grow(t, d, l, 5)
		add := func(tx *db.Tx, n int) error {
			b, err := l.Begin(t.Context(), tx)
			if err != nil {
				return err
			}
			for range n {
				if _, err := b.Add(t.Context(), leaf(b.Next())); err != nil {
					return err
				}
			}
			return b.Finish(t.Context())
		}
		back := errors.New("taken back")
		if err := d.Write(t.Context(), func(tx *db.Tx) error { return errors.Join(add(tx, 3), back) }); !errors.Is(err, back) {
			t.Fatal(err)
		}
		if err := d.Write(t.Context(), func(tx *db.Tx) error { return errors.Join(add(tx, 1), add(tx, 1)) }); err != nil {
			t.Fatal(err)
		}
		var model ledger.Tree
		for range 7 {
			model.Append(nil, ledger.LeafHash(leaf(model.Size())))
		}
		want := model.Root()
		err := d.Read(t.Context(), func(q db.Queryer) error {
			head, err := l.Head(t.Context(), q)
			if err == nil && (head.Size != 7 || string(head.Root) != string(want[:])) {
				t.Errorf("the head is %+v, want 7 leaves and %x", head, want)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}
