package store_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/ledger"
	"kanmon/internal/store"
)

func TestACheckpointSignsTheLedgerAsItStands(t *testing.T) {
	onBoth(t, func(t *testing.T, f *fixture) {
		_, _, err := f.Checkpoint(t.Context())
		wantFault(t, err, fault.NotFound, "ledger.empty")
		f.taps(t, "D-1", 3)
		first, note, err := f.Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		read, err := f.signer.Verifier().Open(note)
		r := f.wantClean(t)
		if err != nil || read != first || first.Size != 3 || first.Root != r.Root || first.Origin != origin {
			t.Errorf("%+v, %+v, %v", first, read, err)
		}
		again, sameNote, err := f.Checkpoint(t.Context())
		if err != nil || again != first || string(sameNote) != string(note) || f.number(t, `SELECT COUNT(*) FROM ledger_checkpoint`) != 1 {
			t.Errorf("signed twice: %+v, %v", again, err)
		}
		f.taps(t, "D-2", 600)
		f.Store = f.open(t, f.db) // the next process goes on where this one was
		if next, _, err := f.Checkpoint(t.Context()); err != nil || next.Size != 603 {
			t.Errorf("%+v, %v", next, err)
		}
		if r := f.wantClean(t); r.Checkpoints != 2 {
			t.Errorf("%+v", r)
		}
	})
}

// Never sign what does not continue the last checkpoint.
func TestAShortenedLedgerIsNotSigned(t *testing.T) {
	onBoth(t, func(t *testing.T, f *fixture) {
		f.taps(t, "D-1", 5)
		older := f.wantClean(t)
		f.taps(t, "D-2", 5)
		if _, _, err := f.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		cut := append(append(disarm(f.db, "ledger_leaf"), disarm(f.db, "ledger_head")...), disarm(f.db, "ledger_checkpoint")...)
		root := "x'" + hex(older.Root) + "'"
		if f.db.Dialect() == "postgres" {
			root = `'\x` + hex(older.Root) + `'::bytea`
		}
		cut = append(cut, `DELETE FROM ledger_leaf WHERE seq >= 5`, `UPDATE ledger_head SET size = 5, root = `+root)
		dbtest.Attack(t, f.db, cut...)
		_, _, err := f.open(t, f.db).Checkpoint(t.Context())
		wantFault(t, err, fault.Conflict, store.CodeForked)
		dbtest.Attack(t, f.db, `DELETE FROM ledger_checkpoint`)
		_, _, err = f.Checkpoint(t.Context()) // this process remembers what it signed
		wantFault(t, err, fault.Conflict, store.CodeForked)
		if n := f.number(t, `SELECT COUNT(*) FROM ledger_checkpoint`); n != 0 {
			t.Errorf("%d checkpoints", n)
		}
	})
}

func hex(h ledger.Hash) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	for _, c := range h {
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}

func TestADamagedTreeTakesNoMoreLeaves(t *testing.T) {
	onBoth(t, func(t *testing.T, f *fixture) {
		f.taps(t, "D-1", 6)
		dbtest.Attack(t, f.db, append(disarm(f.db, "ledger_leaf"), set("ledger_leaf", "hashes", 70, "seq = 3")(f.db))...)
		fresh := f.open(t, f.db) // a new process reads the edge of the tree
		err := fresh.Write(t.Context(), taro, "", func(tx *store.Tx) error {
			_, err := tx.Append(t.Context(), "tap", tap("D-2", 1))
			return err
		})
		wantFault(t, err, fault.Internal, "ledger.damaged")
		_, _, err = fresh.Checkpoint(t.Context())
		wantFault(t, err, fault.Conflict, store.CodeForked)
	})
}

func TestWithoutAKeyNothingIsSigned(t *testing.T) {
	s, err := store.New(dbtest.SQLite(t), store.Config{Origin: origin})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = s.Checkpoint(t.Context())
	wantFault(t, err, fault.Unavailable, "ledger.no_key")
}

func TestACheckpointerSignsWhatGrewAtMostOnceInItsTimeAndAtTheEnd(t *testing.T) {
	d := dbtest.SQLite(t)
	dbtest.Attack(t, d, tables(d)...)
	cfg := dbtest.Config(t, d)
	synctest.Test(t, func(t *testing.T) {
		f := &fixture{db: open(t, cfg), signer: newSigner(t), now: time.Now()}
		f.Store = f.open(t, f.db)
		f.taps(t, "D-0", 1)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- (&store.Checkpointer{Store: f.Store, Every: 10 * time.Second}).Run(ctx) }()
		expect := func(after time.Duration, want int64) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			if got := f.number(t, `SELECT COALESCE(MAX(size), 0) * 100 + COUNT(*) FROM ledger_checkpoint`); got != want {
				t.Errorf("size and count of checkpoints are %d, want %d", got, want)
			}
		}
		expect(time.Second, 101) // at the start
		f.taps(t, "D-1", 5)
		expect(8*time.Second, 101) // not yet
		f.taps(t, "D-2", 5)
		expect(2*time.Second, 1102) // both at once
		expect(time.Minute, 1102)   // nothing new
		f.taps(t, "D-3", 5)
		expect(time.Second, 1603) // long ago: at once
		f.taps(t, "D-4", 5)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		expect(0, 2104) // at the end
	})
}

func TestACheckpointerEndsWhenTheLedgerWasChanged(t *testing.T) {
	f := newFixture(t, dbtest.SQLite(t))
	f.taps(t, "D-1", 4)
	dbtest.Attack(t, f.db, append(disarm(f.db, "ledger_head"), set("ledger_head", "root", 3, "log = 1")(f.db))...)
	wantFault(t, (&store.Checkpointer{Store: f.Store}).Run(t.Context()), fault.Conflict, store.CodeForked)
}

func TestAStoreOfAnotherOriginThanItsKeyIsRefused(t *testing.T) {
	_, err := store.New(nil, store.Config{Origin: "kanmon.example/other", Signer: newSigner(t)})
	wantFault(t, err, fault.Invalid, "ledger.bad_origin")
	_, err = store.New(nil, store.Config{})
	wantFault(t, err, fault.Invalid, "ledger.bad_origin")
}
