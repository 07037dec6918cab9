package store

import (
	"context"

	"kanmon/internal/fault"
	"kanmon/internal/ledger"
)

// Problem is what Verify may find wrong.
type Problem string

// Problems.
const (
	LeafChanged      Problem = "leaf_changed"      // a leaf's bytes do not give its hash
	LeafMissing      Problem = "leaf_missing"      // a gap in the leaves, or leaves cut off at the end
	HashChanged      Problem = "hash_changed"      // a stored hash of the tree is not what its leaves give
	HeadChanged      Problem = "head_changed"      // the head's size or root is not the tree's
	CheckpointForged Problem = "checkpoint_forged" // a checkpoint's signature or form is wrong
	CheckpointForked Problem = "checkpoint_forked" // a signed checkpoint has another root than the tree
	RowChanged       Problem = "row_changed"       // a row is not what its leaf was made from
	RowMissing       Problem = "row_missing"       // a leaf's row is gone
	RowUnbound       Problem = "row_unbound"       // a row in a bound table that no leaf names
	PersonalChanged  Problem = "personal_changed"  // a personal row is not what its version was made with
	PersonalUnbound  Problem = "personal_unbound"  // a personal row without its version
	PointerChanged   Problem = "pointer_changed"   // a register does not show its newest version
)

// NoLeaf stands for "none" in Finding.Leaf.
const NoLeaf int64 = -1

// Finding is one thing that Verify found wrong.
type Finding struct {
	Problem Problem
	Table   string
	Key     string // "id=C-0001 n=2"
	Leaf    int64  // or NoLeaf
	Detail  string
}

// Report is the result of Verify.
type Report struct {
	Origin      string
	Leaves      int64
	Root        ledger.Hash // recomputed from the leaves
	Rows        int64       // bound rows hashed again
	Personal    int64       // personal rows hashed again
	Erased      int64       // versions whose personal row is gone
	Checkpoints int64
	Findings    []Finding // the first MaxFindings
	Found       int64     // all of them
}

// MaxFindings bounds how many findings a report names.
const MaxFindings = 1000

// OK reports whether nothing is wrong.
func (r Report) OK() bool { return r.Found == 0 }

// Verify recomputes the tree from the leaves, checks the head and every checkpoint against it, hashes every
// bound row again, and names whatever differs. It reads one snapshot and holds little of it at a time. The
// error says only that it could not look; what it saw is in the report.
func (s *Store) Verify(ctx context.Context) (Report, error) {
	return Report{}, fault.New(fault.Unavailable, "", "verify")
}
