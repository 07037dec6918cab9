package store

import (
	"context"

	"kanmon/internal/db"
	"kanmon/internal/fault"
	"kanmon/internal/ledger"
)

// CodeForked is the code of the fault of a log that does not continue its last signed checkpoint.
const CodeForked = "ledger.forked"

// Newest returns the checkpoint with the most leaves and its signed note. None is fault.NotFound.
func (l *Log) Newest(ctx context.Context, q db.Queryer, v *ledger.Verifier) (ledger.Checkpoint, []byte, error) {
	var note []byte
	err := q.Get(ctx, &note, `SELECT c.note FROM ledger_checkpoint c JOIN ledger_head h ON h.log = c.log
		WHERE h.origin = ? ORDER BY c.size DESC LIMIT 1`, l.origin)
	if err != nil {
		return ledger.Checkpoint{}, nil, err
	}
	c, err := v.Open(note)
	if err != nil {
		return ledger.Checkpoint{}, nil, forked("the last checkpoint in the database was not signed with this key")
	}
	return c, note, nil
}

// Sign signs the log as it stands in tx and keeps the note, unless the newest checkpoint covers it already. It
// returns the newest checkpoint. It signs nothing that does not continue the checkpoint before it.
func (l *Log) Sign(ctx context.Context, tx *db.Tx, s *ledger.Signer, at string) (ledger.Checkpoint, []byte, error) {
	head, err := l.Head(ctx, tx)
	if err != nil {
		return ledger.Checkpoint{}, nil, err
	}
	now := ledger.Checkpoint{Origin: l.origin, Size: head.Size, Root: ledger.Hash(head.Root)}
	last, note, err := l.Newest(ctx, tx, s.Verifier())
	if err == nil && last == now {
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
