package store

import (
	"bytes"
	"context"

	"kanmon/internal/db"
	"kanmon/internal/fault"
	"kanmon/internal/ledger"
)

// flushAt bounds how many leaves a batch holds in memory.
const flushAt = 512

var leafColumns = []string{"log", "seq", "body", "hashes"}

// Batch is the leaves that one transaction adds.
type Batch struct {
	log    *Log
	tx     *db.Tx
	head   Head
	tree   ledger.Tree
	hashes []ledger.Hash // scratch
	values []any         // rows of ledger_leaf not yet written
}

// Begin opens a batch in a transaction. There is at most one in a transaction.
func (l *Log) Begin(ctx context.Context, tx *db.Tx) (*Batch, error) {
	head, err := l.Head(ctx, tx)
	if err != nil {
		return nil, err
	}
	if head.Log == 0 {
		if err := l.create(ctx, tx, &head); err != nil {
			return nil, err
		}
	}
	tree, err := l.tree(ctx, tx, head)
	if err != nil {
		return nil, err
	}
	return &Batch{log: l, tx: tx, head: head, tree: tree}, nil
}

// create makes the head of a new log.
func (l *Log) create(ctx context.Context, tx *db.Tx, head *Head) error {
	if err := tx.Get(ctx, &head.Log, `SELECT COALESCE(MAX(log), 0) + 1 FROM ledger_head`); err != nil {
		return err
	}
	return tx.Insert(ctx, "ledger_head", []string{"log", "origin", "size", "root"}, []any{head.Log, l.origin, int64(0), head.Root})
}

// Next is the number the next leaf will have.
func (b *Batch) Next() int64 { return b.tree.Size() }

// Added is the number of leaves added so far.
func (b *Batch) Added() int64 { return b.tree.Size() - b.head.Size }

// Add adds a leaf and returns its number.
func (b *Batch) Add(ctx context.Context, leaf []byte) (int64, error) {
	seq := b.tree.Size()
	b.hashes = b.tree.Append(b.hashes[:0], ledger.LeafHash(leaf))
	packed := make([]byte, 0, len(b.hashes)*ledger.HashSize)
	for _, h := range b.hashes {
		packed = append(packed, h[:]...)
	}
	b.values = append(b.values, b.head.Log, seq, leaf, packed)
	if len(b.values) < flushAt*len(leafColumns) {
		return seq, nil
	}
	return seq, b.flush(ctx)
}

func (b *Batch) flush(ctx context.Context) error {
	err := b.tx.Insert(ctx, "ledger_leaf", leafColumns, b.values)
	clear(b.values)
	b.values = b.values[:0]
	return err
}

// Finish writes the leaves and moves the head. It is the last statement of the transaction.
func (b *Batch) Finish(ctx context.Context) error {
	if b.Added() == 0 {
		return nil
	}
	if err := b.flush(ctx); err != nil {
		return err
	}
	root := b.tree.Root()
	n, err := b.tx.Exec(ctx, `UPDATE ledger_head SET size = ?, root = ? WHERE log = ? AND size = ? AND root = ?`,
		b.tree.Size(), root[:], b.head.Log, b.head.Size, b.head.Root)
	if err != nil {
		return err
	}
	if n != 1 {
		return fault.New(fault.Conflict, "ledger.head_moved", "another writer moved the ledger's head")
	}
	b.log.remember(b.tree)
	return nil
}

// Hashes reads the stored hashes of a log for proofs.
func Hashes(ctx context.Context, q db.Queryer, log int64) ledger.HashReader {
	return ledger.HashReaderFunc(func(indexes []int64) ([]ledger.Hash, error) {
		found := make([]ledger.Hash, len(indexes))
		for i, index := range indexes {
			seq, level := ledger.HashPlace(index)
			var packed []byte
			if err := q.Get(ctx, &packed, `SELECT hashes FROM ledger_leaf WHERE log = ? AND seq = ?`, log, seq); err != nil {
				return nil, err
			}
			if len(packed) < (level+1)*ledger.HashSize {
				return nil, fault.New(fault.Internal, "ledger.damaged", "a leaf lacks hashes of the tree: run verify")
			}
			found[i] = ledger.Hash(bytes.Clone(packed[level*ledger.HashSize:][:ledger.HashSize]))
		}
		return found, nil
	})
}
