package store

import (
	"context"

	"kanmon/internal/db"
	"kanmon/internal/fault"
	"kanmon/internal/ledger"
)

// CodeForked is the code of the fault of a log that does not continue its last signed checkpoint.
const CodeForked = "ledger.forked"

// Newest returns the checkpoint with the most leaves and its signed note, whichever of the log's keys signed it. None is fault.NotFound. One of
// an origin before one that has signed already is no checkpoint to continue: its key had left.
func (l *Log) Newest(ctx context.Context, q db.Queryer, keys *ledger.Origins) (ledger.Checkpoint, []byte, error) {
	var row struct {
		Log  int64
		Note []byte
	}
	err := q.Get(ctx, &row, `SELECT c.log, c.note FROM ledger_checkpoint c JOIN ledger_head h ON h.log = c.log
		WHERE h.origin = ? ORDER BY c.size DESC LIMIT 1`, l.origin)
	if err != nil {
		return ledger.Checkpoint{}, nil, err
	}
	c, err := keys.Open(row.Note)
	if err != nil {
		return ledger.Checkpoint{}, nil, forked(stranger(row.Note))
	}
	if err := l.notLeft(ctx, q, row.Log, c, keys); err != nil {
		return ledger.Checkpoint{}, nil, err
	}
	return c, row.Note, nil
}

// stranger says whose the last checkpoint is when it is of none of the keys: of a key file that was put back, perhaps.
func stranger(note []byte) string {
	const text = "the last checkpoint in the database was not signed with this key"
	c, err := ledger.ReadUnverified(note)
	if err != nil {
		return text
	}
	return text + ": it is under the origin " + c.Origin
}

// notLeft refuses a checkpoint whose key had left: by its farewell, or because one stands under a later origin.
func (l *Log) notLeft(ctx context.Context, q db.Queryer, log int64, c ledger.Checkpoint, keys *ledger.Origins) error {
	n, ok := ledger.OriginNumber(l.origin, c.Origin)
	if !ok {
		return forked("the last checkpoint in the database is of another log, " + c.Origin)
	}
	later, err := l.signedUnder(ctx, q, log, n+1, keys.Len())
	if err == nil && (later || keys.Left(c)) {
		err = forked("the last checkpoint in the database is signed by the key of " + c.Origin + ", which had left")
	}
	return err
}

// signedUnder reports whether a checkpoint stands under one of the origins first to last. Their names are enough: a false one is damage, too. It
// reads every checkpoint, but between a change and the first checkpoint after it alone is there an origin to look for.
func (l *Log) signedUnder(ctx context.Context, q db.Queryer, log int64, first, last int) (bool, error) {
	var found int64
	for n := first; n <= last && found == 0; n++ {
		name := []byte(ledger.OriginAt(l.origin, n) + "\n")
		err := q.Get(ctx, &found, `SELECT COUNT(*) FROM ledger_checkpoint WHERE log = ? AND substr(note, 1, ?) = ?`, log, len(name), name)
		if err != nil {
			return false, err
		}
	}
	return found > 0, nil
}

// Sign signs the log as it stands in tx with the present key and keeps the note, unless the newest checkpoint covers it already, be it of a key
// before. It returns the newest checkpoint. It signs nothing that does not continue the checkpoint before it.
func (l *Log) Sign(ctx context.Context, tx *db.Tx, s *ledger.Signer, keys *ledger.Origins, at string) (ledger.Checkpoint, []byte, error) {
	head, err := l.Head(ctx, tx)
	if err != nil {
		return ledger.Checkpoint{}, nil, err
	}
	now := ledger.Checkpoint{Origin: s.Origin(), Size: head.Size, Root: ledger.Hash(head.Root)}
	last, note, err := l.Newest(ctx, tx, keys)
	if err == nil && last.Size == now.Size && last.Root == now.Root {
		return last, note, nil
	}
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return last, nil, err
	}
	if head.Size == 0 {
		return now, nil, fault.New(fault.NotFound, "ledger.empty", "the ledger has no leaf to sign")
	}
	if err := l.continues(ctx, tx, head, last); err != nil {
		return last, nil, err
	}
	if note, err = s.Sign(now); err != nil {
		return last, nil, err
	}
	err = tx.Insert(ctx, "ledger_checkpoint", []string{"log", "size", "at", "note"}, []any{head.Log, head.Size, at, note})
	return now, note, err
}

// continues proves that the tree at the head begins with the tree of the last checkpoint; the zero checkpoint
// stands for none.
func (l *Log) continues(ctx context.Context, q db.Queryer, head Head, last ledger.Checkpoint) error {
	if last.Size > head.Size {
		return forked("the ledger is shorter than its last checkpoint")
	}
	hashes := Hashes(ctx, q, head.Log)
	tree, err := ledger.ReadTree(head.Size, hashes)
	if err != nil {
		return err
	}
	if tree.Root() != ledger.Hash(head.Root) {
		return forked("the ledger's head does not fit its tree")
	}
	if last.Size == 0 {
		return nil
	}
	proof, err := ledger.ProveConsistency(head.Size, last.Size, hashes)
	if err != nil {
		return err
	}
	if ledger.CheckConsistency(proof, head.Size, tree.Root(), last.Size, last.Root) != nil {
		return forked("the ledger does not continue its last checkpoint")
	}
	return nil
}

func forked(text string) error { return fault.New(fault.Conflict, CodeForked, text+": run verify") }
