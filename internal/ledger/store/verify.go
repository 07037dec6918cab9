package store

import (
	"context"
	"fmt"
	"math"

	"kanmon/internal/db"
	"kanmon/internal/fault"
	"kanmon/internal/ledger"
)

// Problem is a kind of damage.
type Problem string

// Problems of the ledger itself.
const (
	LeafChanged      Problem = "leaf_changed"      // a leaf's bytes are not what its tree was made from
	LeafMissing      Problem = "leaf_missing"      // leaves are gone
	HashChanged      Problem = "hash_changed"      // a stored hash of the tree is not what the leaves give
	HeadChanged      Problem = "head_changed"      // the head is not the tree's
	CheckpointForged Problem = "checkpoint_forged" // a checkpoint's form, place or signature is wrong
	CheckpointForked Problem = "checkpoint_forked" // a signed checkpoint is not of this tree
)

// NoLeaf stands for "none" in Finding.Leaf.
const NoLeaf int64 = -1

// Finding is one thing found wrong.
type Finding struct {
	Problem Problem
	Table   string
	Key     string // the row's key, as "id=C-0001 n=2"
	Leaf    int64  // or NoLeaf
	Detail  string
}

// chunkSize is how many leaves are looked at together.
const chunkSize = 4096

// StoredLeaf is a leaf with the hashes kept beside it.
type StoredLeaf struct {
	Seq    int64
	Body   []byte
	Odd    bool // the bytes do not give the stored hash; it is reported
	hashes []byte
}

// Audit is a walk over a whole log.
type Audit struct {
	log   *Log
	q     db.Queryer
	keys  *ledger.Origins // nil: signatures are not checked
	found func(Finding)

	head        Head
	tree        ledger.Tree // made again from the leaves
	scratch     []ledger.Hash
	tainted     int64   // the last leaf known to be changed or missing, or NoLeaf
	suspects    []int64 // leaves that differ from their own stored hash, not yet judged
	origin      int     // the number of the latest origin that has signed so far
	Checkpoints int64   // looked at
}

// NewAudit opens a walk; found is called for everything wrong. Without keys signatures are not checked.
func (l *Log) NewAudit(q db.Queryer, keys *ledger.Origins, found func(Finding)) *Audit {
	return &Audit{log: l, q: q, keys: keys, found: found, tainted: NoLeaf}
}

// Run recomputes the tree from the leaves and compares every stored hash, every checkpoint and the head with
// it. Every chunk of leaves is handed to visit; leaves that are missing are missing there too.
func (a *Audit) Run(ctx context.Context, visit func(first, end int64, leaves []StoredLeaf) error) error {
	var err error
	if a.head, err = a.log.Head(ctx, a.q); err != nil {
		return err
	}
	for {
		leaves, err := a.read(ctx, a.tree.Size())
		if err != nil {
			return err
		}
		if len(leaves) == 0 {
			break
		}
		first := a.tree.Size()
		points, err := a.checkpoints(ctx, first, leaves[len(leaves)-1].Seq+1)
		if err != nil {
			return err
		}
		for i := range leaves {
			a.skipTo(leaves[i].Seq, points)
			a.take(&leaves[i])
			a.compare(points)
		}
		if err := visit(first, a.tree.Size(), leaves); err != nil {
			return err
		}
	}
	return a.end(ctx)
}

// Size is the number of leaves seen, those that are missing included.
func (a *Audit) Size() int64 { return a.tree.Size() }

// Root is the root made from the leaves.
func (a *Audit) Root() ledger.Hash { return a.tree.Root() }

func (a *Audit) read(ctx context.Context, from int64) ([]StoredLeaf, error) {
	var leaves []StoredLeaf
	err := a.q.Query(ctx, func(c db.Cursor) error {
		var l StoredLeaf
		err := c.Scan(&l.Seq, &l.Body, &l.hashes)
		leaves = append(leaves, l)
		return fault.Wrap(fault.Internal, err, "read leaf")
	}, `SELECT seq, body, hashes FROM ledger_leaf WHERE log = ? AND seq >= ? ORDER BY seq LIMIT ?`, a.head.Log, from, chunkSize)
	return leaves, err
}

// skipTo puts stand-ins where leaves are missing before seq.
func (a *Audit) skipTo(seq int64, points map[int64][]byte) {
	first := a.tree.Size()
	if first >= seq {
		return
	}
	a.judge(false) // their parent cannot be made
	a.report(LeafMissing, first, fmt.Sprintf("leaves %d to %d are gone", first, seq-1))
	for a.tree.Size() < seq {
		a.tainted = a.tree.Size()
		a.scratch = a.tree.Append(a.scratch[:0], ledger.Hash{})
		a.compare(points)
	}
}

// take adds a leaf to the tree and compares the hashes it completes with those stored beside it.
func (a *Audit) take(leaf *StoredLeaf) {
	a.scratch = a.tree.Append(a.scratch[:0], ledger.LeafHash(leaf.Body))
	if len(leaf.hashes) != len(a.scratch)*ledger.HashSize {
		a.report(HashChanged, leaf.Seq, "wrong number of stored hashes")
		a.judge(false)
		return
	}
	for level, want := range a.scratch {
		same := string(leaf.hashes[level*ledger.HashSize:][:ledger.HashSize]) == string(want[:])
		switch {
		case level == 0 && !same:
			leaf.Odd = true
			a.suspects = append(a.suspects, leaf.Seq)
		case level == 1:
			a.judge(same)
		}
		// A hash over a changed leaf differs too: only the leaf is named.
		if level > 0 && !same && a.tainted < leaf.Seq+1-1<<level {
			a.report(HashChanged, leaf.Seq, fmt.Sprintf("stored hash at level %d", level))
		}
	}
}

// judge says of the suspect leaves whether their bytes or their stored hashes were changed: the parent was made
// from the true ones.
func (a *Audit) judge(parentSame bool) {
	for _, leaf := range a.suspects {
		if parentSame {
			a.report(HashChanged, leaf, "stored hash at level 0")
			continue
		}
		a.report(LeafChanged, leaf, "the bytes do not give the leaf's hash")
		a.tainted = max(a.tainted, leaf)
	}
	a.suspects = a.suspects[:0]
}

// end compares the head with the tree.
func (a *Audit) end(ctx context.Context) error {
	root := a.tree.Root()
	sameRoot := string(root[:]) == string(a.head.Root)
	a.judge(sameRoot) // the last leaf, without a parent yet: the head is made from the true one
	switch {
	case a.tree.Size() < a.head.Size:
		a.report(LeafMissing, a.tree.Size(), fmt.Sprintf("leaves %d to %d, the last, are gone", a.tree.Size(), a.head.Size-1))
	case a.tree.Size() > a.head.Size:
		a.report(HeadChanged, NoLeaf, fmt.Sprintf("the head counts %d leaves, there are %d", a.head.Size, a.tree.Size()))
	case !sameRoot && a.tainted == NoLeaf:
		a.report(HeadChanged, NoLeaf, "the head's root is not the tree's")
	}
	if err := a.orphans(ctx); err != nil {
		return err
	}
	beyond, err := a.checkpoints(ctx, a.tree.Size(), math.MaxInt64)
	for size := range beyond {
		a.report(CheckpointForked, size-1, "a checkpoint covers more leaves than there are")
	}
	return err
}

// orphans looks for leaves and checkpoints of a log that has no head.
func (a *Audit) orphans(ctx context.Context) error {
	var n int64
	err := a.q.Get(ctx, &n, `SELECT (SELECT COUNT(*) FROM ledger_checkpoint WHERE log NOT IN (SELECT log FROM ledger_head))
		+ (SELECT COUNT(*) FROM (SELECT DISTINCT log FROM ledger_leaf) l WHERE l.log NOT IN (SELECT log FROM ledger_head))`)
	if err == nil && n > 0 {
		a.report(HeadChanged, NoLeaf, "there are leaves or checkpoints of a log without a head")
	}
	return err
}

func (a *Audit) report(p Problem, leaf int64, detail string) {
	table := "ledger_leaf"
	switch p { //nolint:exhaustive // the others are about leaves
	case HeadChanged:
		table = "ledger_head"
	case CheckpointForged, CheckpointForked:
		table = "ledger_checkpoint"
	}
	a.found(Finding{Problem: p, Table: table, Leaf: leaf, Detail: detail})
}

// checkpoints reads the notes with after < size <= upTo, by size.
func (a *Audit) checkpoints(ctx context.Context, after, upTo int64) (map[int64][]byte, error) {
	points := map[int64][]byte{}
	err := a.q.Query(ctx, func(c db.Cursor) error {
		var size int64
		var note []byte
		err := c.Scan(&size, &note)
		points[size] = note
		return fault.Wrap(fault.Internal, err, "read checkpoint")
	}, `SELECT size, note FROM ledger_checkpoint WHERE log = ? AND size > ? AND size <= ?`, a.head.Log, after, upTo)
	return points, err
}

// compare checks the checkpoint over exactly the leaves seen so far, if there is one.
func (a *Audit) compare(points map[int64][]byte) {
	size := a.tree.Size()
	note, ok := points[size]
	if !ok {
		return
	}
	a.Checkpoints++
	c, err := a.open(note)
	origin, ours := ledger.OriginNumber(a.log.origin, c.Origin)
	switch {
	case err != nil || !ours || c.Size != size:
		a.report(CheckpointForged, size-1, "the note's form, place or signature is wrong")
		return
	case origin < a.origin || a.keys != nil && a.keys.Left(c):
		a.report(CheckpointForged, size-1, "it is signed by the key of "+c.Origin+", which had left")
	case c.Root != a.tree.Root() && a.tainted == NoLeaf && len(a.suspects) == 0:
		a.report(CheckpointForked, size-1, "the signed root is not the tree's")
	}
	a.origin = max(a.origin, origin)
}

func (a *Audit) open(note []byte) (ledger.Checkpoint, error) {
	if a.keys == nil {
		return ledger.ReadUnverified(note)
	}
	return a.keys.Open(note)
}
