package store_test

import (
	"crypto/rand"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/ledger"
	"kanmon/internal/ledger/store"
)

// history is a log whose key is replaced now and then.
type history struct {
	*store.Log
	d       *db.DB
	signers []*ledger.Signer
	past    []ledger.Past
	roots   []ledger.Hash    // by size
	points  map[int64]string // the origin of the checkpoint at a size
}

func newHistory(t *testing.T, d *db.DB, name string) *history {
	t.Helper()
	h := &history{Log: store.New(name), d: d, roots: []ledger.Hash{new(ledger.Tree).Root()}, points: map[int64]string{}}
	h.replace(t)
	return h
}

func (h *history) signer() *ledger.Signer { return h.signers[len(h.signers)-1] }

func (h *history) keys(t *testing.T) *ledger.Origins {
	t.Helper()
	keys, err := ledger.NewOrigins(h.signer().Verifier(), h.past...)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// replace has the next key sign. The one before says that it has signed what there is.
func (h *history) replace(t *testing.T) {
	t.Helper()
	h.replaceAfter(t, h.size())
}

func (h *history) replaceAfter(t *testing.T, size int64) {
	t.Helper()
	next, err := ledger.NewSigner(rand.Reader, ledger.OriginAt(h.Origin(), len(h.signers)+1))
	if err != nil {
		t.Fatal(err)
	}
	if len(h.signers) > 0 {
		farewell, err := h.signer().Farewell(ledger.Farewell{Size: size, Next: next.Verifier()})
		if err != nil {
			t.Fatal(err)
		}
		h.past = append(h.past, ledger.Past{Verifier: h.signer().Verifier(), Farewell: farewell})
	}
	h.signers = append(h.signers, next)
}

func (h *history) grow(t *testing.T, n int) {
	t.Helper()
	for range n {
		grow(t, h.d, h.Log, 1)
		h.roots = append(h.roots, h.head(t))
	}
}

func (h *history) head(t *testing.T) (root ledger.Hash) {
	t.Helper()
	err := h.d.Read(t.Context(), func(q db.Queryer) error {
		head, err := h.Head(t.Context(), q)
		root = ledger.Hash(head.Root)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func (h *history) size() int64 { return int64(len(h.roots)) - 1 }

// sign signs with the present key.
func (h *history) sign(t *testing.T) (c ledger.Checkpoint, err error) {
	t.Helper()
	err = h.d.Write(t.Context(), func(tx *db.Tx) error {
		c, _, err = h.Sign(t.Context(), tx, h.signer(), h.keys(t), "now")
		return err
	})
	return c, err
}

// forge has an old key sign the true tree at a size, as somebody who has it and the database can.
func (h *history) forge(t *testing.T, s *ledger.Signer, size int64) {
	t.Helper()
	note, err := s.Sign(ledger.Checkpoint{Origin: s.Origin(), Size: size, Root: h.roots[size]})
	if err != nil {
		t.Fatal(err)
	}
	err = h.d.Write(t.Context(), func(tx *db.Tx) error {
		head, err := h.Head(t.Context(), tx)
		if err != nil {
			return err
		}
		return tx.Insert(t.Context(), "ledger_checkpoint", []string{"log", "size", "at", "note"}, []any{head.Log, size, "now", note})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// audit returns what is wrong, as "problem leaf", and how many checkpoints there are.
func (h *history) audit(t *testing.T) (wrong []string, points int64) {
	t.Helper()
	err := h.d.Read(t.Context(), func(q db.Queryer) error {
		a := h.NewAudit(q, h.keys(t), func(f store.Finding) { wrong = append(wrong, fmt.Sprintf("%s %d", f.Problem, f.Leaf)) })
		err := a.Run(t.Context(), func(_, _ int64, _ []store.StoredLeaf) error { return nil })
		points = a.Checkpoints
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return wrong, points
}

// R84-1: however growth, checkpoints and new keys follow each other, the ledger holds, and a note that a key signed after it had left does not.
func TestALogHoldsThroughAnyHistoryOfKeysAndAForgeryByAnOldOneDoesNot(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		logs := 0
		rapid.Check(t, func(r *rapid.T) {
			logs++
			h := newHistory(t, d, fmt.Sprintf("kanmon.example/a%d", logs))
			h.grow(t, 1)
			for _, step := range rapid.SliceOfN(rapid.SampledFrom([]string{"grow", "grow", "sign", "sign", "replace"}), 1, 12).Draw(r, "steps") {
				switch step {
				case "grow":
					h.grow(t, 1)
				case "replace":
					h.replace(t)
				case "sign":
					h.signed(t, r)
				}
			}
			if wrong, points := h.audit(t); len(wrong) > 0 || points != int64(len(h.points)) {
				r.Fatalf("%d checkpoints, want %d; wrong: %q", points, len(h.points), wrong)
			}
			h.forgedIsFound(t, r)
		})
	})
}

// signed signs, and checks under which origin.
func (h *history) signed(t *testing.T, r *rapid.T) {
	c, err := h.sign(t)
	if err != nil {
		r.Fatal(err)
	}
	want, covered := h.points[h.size()] // by whichever key: nothing to sign
	if !covered {
		want = h.signer().Origin()
		h.points[h.size()] = want
	}
	if c.Size != h.size() || c.Origin != want {
		r.Fatalf("signed %+v, want %d leaves under %s", c, h.size(), want)
	}
}

// forgedIsFound has a key that left sign where a later one had signed.
func (h *history) forgedIsFound(t *testing.T, r *rapid.T) {
	if len(h.signers) < 2 {
		return
	}
	h.grow(t, 1)
	h.signed(t, r) // by the present key
	h.grow(t, 2)
	old := rapid.IntRange(0, len(h.signers)-2).Draw(r, "old key")
	h.forge(t, h.signers[old], h.size())
	if wrong, _ := h.audit(t); !slices.Equal(wrong, []string{fmt.Sprintf("checkpoint_forged %d", h.size()-1)}) {
		r.Fatalf("found %q", wrong)
	}
	h.grow(t, 1)
	if c, err := h.sign(t); fault.CodeOf(err) != store.CodeForked {
		r.Fatalf("signed on a forgery: %+v, %v", c, err)
	}
}

// The key that left and the database are in one hand, and no checkpoint of the new key stands, or none any more: its farewell tells.
func TestANoteAfterTheFarewellIsForgedThoughNoLaterKeyHasSigned(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := newHistory(t, d, "kanmon.example/a")
		h.grow(t, 2)
		if _, err := h.sign(t); err != nil {
			t.Fatal(err)
		}
		h.replace(t)
		h.grow(t, 1)
		h.forge(t, h.signers[0], 3)
		if wrong, points := h.audit(t); !slices.Equal(wrong, []string{"checkpoint_forged 2"}) || points != 2 {
			t.Errorf("%q, %d", wrong, points)
		}
		for range 2 { // also when there is something new
			if c, err := h.sign(t); fault.CodeOf(err) != store.CodeForked {
				t.Errorf("signed on a forgery: %+v, %v", c, err)
			}
			h.grow(t, 1)
		}
	})
}

// A database that was put back grows past the new key's first checkpoint a second time, to sizes that the old key once signed.
func TestANoteByAnOldKeyAfterALaterOnesIsForgedThoughItsFarewellAllowsTheSize(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := newHistory(t, d, "kanmon.example/a")
		h.grow(t, 2)
		h.replaceAfter(t, 100)
		for range 2 {
			h.grow(t, 2)
			if _, err := h.sign(t); err != nil {
				t.Fatal(err)
			}
		}
		h.forge(t, h.signers[0], 5) // between true checkpoints it stops nobody, and is found all the same
		h.forge(t, h.signers[0], 3) // before the later key's first: its own time
		if wrong, points := h.audit(t); !slices.Equal(wrong, []string{"checkpoint_forged 4"}) || points != 4 {
			t.Errorf("%q, %d", wrong, points)
		}
		h.grow(t, 1)
		if c, err := h.sign(t); err != nil || c.Size != 7 {
			t.Errorf("%+v, %v", c, err)
		}
		h.grow(t, 1)
		h.forge(t, h.signers[0], 8)
		if c, err := h.sign(t); fault.CodeOf(err) != store.CodeForked {
			t.Errorf("signed on a forgery: %+v, %v", c, err)
		}
	})
}
