// Package store keeps a ledger (package ledger) in SQL: the leaves, the hashes of the tree, the head and the
// signed checkpoints of one log, named by its origin.
//
// A transaction opens a Batch, adds leaves to it and finishes it last: then the leaves are written and the head
// is moved by compare-and-swap, so that a second writer on the same tree fails instead of forking it.
//
// Hashes are kept with the leaf that completed them: leaf n holds the roots of all complete subtrees that end
// with it, smallest first. So appending writes one row a leaf.
package store

import (
	"context"
	"sync"

	"kanmon/internal/db"
	"kanmon/internal/fault"
	"kanmon/internal/ledger"
)

// Log is one ledger. It remembers the right edge of the tree between transactions. It is safe for concurrent
// use.
type Log struct {
	origin string

	mu   sync.Mutex
	edge ledger.Tree
	root ledger.Hash
}

// New returns the log of an origin. It is made in the database by the first batch.
func New(origin string) *Log {
	l := &Log{origin: origin}
	l.root = l.edge.Root()
	return l
}

// Origin is the name of the log.
func (l *Log) Origin() string { return l.origin }

// Head is the row that says how far a log goes.
type Head struct {
	Log  int64  `db:"log"` // the key of the log in its tables
	Size int64  `db:"size"`
	Root []byte `db:"root"`
}

// Head reads the head. A log that has no leaf yet has Size 0 and Log 0.
func (l *Log) Head(ctx context.Context, q db.Queryer) (Head, error) {
	var h Head
	err := q.Get(ctx, &h, `SELECT log, size, root FROM ledger_head WHERE origin = ?`, l.origin)
	if fault.KindOf(err) == fault.NotFound {
		empty := new(ledger.Tree).Root()
		return Head{Root: empty[:]}, nil
	}
	return h, err
}

// tree returns the right edge of the tree at a head: the remembered one, or read from the database and proved
// against the head's root.
func (l *Log) tree(ctx context.Context, q db.Queryer, h Head) (ledger.Tree, error) {
	l.mu.Lock()
	known, root := l.edge.Clone(), l.root
	l.mu.Unlock()
	if known.Size() == h.Size && string(root[:]) == string(h.Root) {
		return known, nil
	}
	read, err := ledger.ReadTree(h.Size, Hashes(ctx, q, h.Log))
	if err != nil {
		return ledger.Tree{}, err
	}
	if got := read.Root(); string(got[:]) != string(h.Root) {
		return ledger.Tree{}, fault.New(fault.Internal, "ledger.damaged", "the ledger's head does not fit its tree: run verify")
	}
	return read, nil
}

// remember keeps the edge that the next batch begins with, which may be of the same transaction. One that is rolled back does no harm: the
// head tells, and tree reads the edge again.
func (l *Log) remember(t ledger.Tree) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.edge, l.root = t, t.Root()
}
