package store_test

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/ledger"
	"kanmon/internal/store"
)

// changing is the fixture through changes of its checkpoint key.
type changing struct {
	*fixture
	past []ledger.Past
}

// replace starts the store again with the next key.
func (c *changing) replace(t *testing.T) {
	t.Helper()
	next, err := ledger.NewSigner(rand.Reader, ledger.OriginAt(origin, len(c.past)+2))
	if err != nil {
		t.Fatal(err)
	}
	farewell, err := c.signer.Farewell(ledger.Farewell{Size: c.Signed(), Next: next.Verifier()})
	if err != nil {
		t.Fatal(err)
	}
	c.past = append(c.past, ledger.Past{Verifier: c.signer.Verifier(), Farewell: farewell})
	c.signer = next
	c.Store = c.openWith(t, next, c.past...)
}

func (c *changing) openWith(t *testing.T, signer *ledger.Signer, past ...ledger.Past) *store.Store {
	t.Helper()
	s, err := store.New(c.db, store.Config{Origin: origin, Signer: signer, Before: past, Clock: func() time.Time { return c.now }})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (c *changing) sign(t *testing.T, size int64, key int) []byte {
	t.Helper()
	p, note, err := c.Checkpoint(t.Context())
	if err != nil || p.Size != size || p.Origin != ledger.OriginAt(origin, key) {
		t.Fatalf("%+v, %v; want %d leaves under key %d", p, err, size, key)
	}
	return note
}

// R84-1, R47-1: the tree goes on under the next origin, and what the keys before signed still verifies.
func TestCheckpointsGoOnUnderTheNextOriginOverTheWholeTree(t *testing.T) {
	onBoth(t, func(t *testing.T, f *fixture) {
		c := &changing{fixture: f}
		c.taps(t, "D-1", 3)
		notes := [][]byte{c.sign(t, 3, 1)}
		for key := 2; key <= 3; key++ {
			c.replace(t)
			if again := c.sign(t, int64(3*key-3), key-1); string(again) != string(notes[key-2]) { // nothing new to sign
				t.Errorf("signed anew: %s", again)
			}
			c.taps(t, fmt.Sprintf("D-%d", key), 3)
			notes = append(notes, c.sign(t, int64(3*key), key))
		}
		if r := c.wantClean(t); r.Checkpoints != 3 || r.Leaves != 9 || r.Origin != origin {
			t.Errorf("%+v", r)
		}
		keys := c.CheckpointKeys()
		if len(keys) != 3 || keys[2].Farewell != "" {
			t.Fatalf("%+v", keys)
		}
		for i, k := range keys {
			v, err := ledger.NewVerifier(k.Verifier)
			if err != nil || v.Origin() != k.Origin {
				t.Fatalf("%+v, %v", k, err)
			}
			if p, err := v.Open(notes[i]); err != nil || p.Size != int64(3*i+3) {
				t.Errorf("note %d: %+v, %v", i, p, err)
			}
			if i == 2 {
				continue
			}
			if f, err := v.Follow([]byte(k.Farewell)); err != nil || f.Next.Key() != keys[i+1].Verifier || f.Size != int64(3*i+3) {
				t.Errorf("farewell %d: %+v, %v", i, f, err)
			}
		}
	})
}

// The key that left was stolen: whoever has it and the database can sign the ledger further, and is found out.
func TestALaterNoteByAKeyThatHadLeftIsForged(t *testing.T) {
	onBoth(t, func(t *testing.T, f *fixture) {
		c := &changing{fixture: f}
		c.taps(t, "D-1", 3)
		c.sign(t, 3, 1)
		old := c.openWith(t, c.signer)
		c.replace(t)
		c.taps(t, "D-2", 3)
		c.sign(t, 6, 2)
		c.taps(t, "D-3", 3)
		dbtest.Attack(t, c.db, append(disarm(c.db, "ledger_checkpoint"), `UPDATE ledger_checkpoint SET log = 99 WHERE size = 6`)...) // out of the way
		if p, _, err := old.Checkpoint(t.Context()); err != nil || p.Size != 9 || p.Origin != origin {
			t.Fatalf("the thief's: %+v, %v", p, err)
		}
		dbtest.Attack(t, c.db, `UPDATE ledger_checkpoint SET log = 1 WHERE log = 99`)
		r, err := c.Verify(t.Context())
		if err != nil || len(r.Findings) != 1 || r.Findings[0].Problem != store.CheckpointForged || r.Findings[0].Leaf != 8 ||
			!strings.Contains(r.Findings[0].Detail, origin) {
			t.Errorf("%+v, %v", r.Findings, err)
		}
		c.taps(t, "D-4", 1)
		_, _, err = c.Checkpoint(t.Context())
		wantFault(t, err, fault.Conflict, store.CodeForked)
	})
}

// R84-1: the file of the key before was put back; it signs nothing after its successor.
func TestAKeyThatWasPutBackSignsNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, f *fixture) {
		c := &changing{fixture: f}
		c.taps(t, "D-1", 3)
		c.sign(t, 3, 1)
		old := c.signer
		c.replace(t)
		c.taps(t, "D-2", 3)
		c.sign(t, 6, 2)
		back := c.openWith(t, old)
		c.taps(t, "D-3", 3)
		_, _, err := back.Checkpoint(t.Context())
		wantFault(t, err, fault.Conflict, store.CodeForked)
		if !strings.Contains(err.Error(), origin+"/2") {
			t.Errorf("does not say whose the last checkpoint is: %v", err)
		}
		if r, err := back.Verify(t.Context()); err != nil || len(r.Findings) != 1 || r.Findings[0].Problem != store.CheckpointForged || r.Findings[0].Leaf != 5 {
			t.Errorf("%+v, %v", r.Findings, err)
		}
		c.sign(t, 9, 2) // the right one goes on
		c.wantClean(t)
	})
}

func TestAStoreWhoseKeysDoNotFollowEachOtherIsRefused(t *testing.T) {
	c := &changing{fixture: newFixture(t, dbtest.SQLite(t))}
	first := c.signer
	c.replace(t)
	for name, cfg := range map[string]store.Config{
		"the first left out": {Origin: origin, Signer: c.signer},
		"of another log":     {Origin: "kanmon.example/other", Signer: c.signer, Before: c.past},
		"the order turned":   {Origin: origin, Signer: first, Before: []ledger.Past{{Verifier: c.signer.Verifier(), Farewell: c.past[0].Farewell}}},
	} {
		if _, err := store.New(c.db, cfg); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
