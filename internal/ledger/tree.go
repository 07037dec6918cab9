package ledger

import (
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"

	"kanmon/internal/fault"
)

// Hash is a SHA-256 hash of the tree; its String is base64.
type Hash = tlog.Hash

// HashReader reads stored hashes by their index (tlog.StoredHashIndex), as many as asked for and in that order.
type HashReader = tlog.HashReader

// HashReaderFunc makes a function a HashReader.
type HashReaderFunc = tlog.HashReaderFunc

// HashSize is the length of a hash in bytes.
const HashSize = tlog.HashSize

// LeafHash is the RFC 6962 hash of a leaf.
func LeafHash(leaf []byte) Hash { return tlog.RecordHash(leaf) }

// HashPlace says where a stored hash is kept: the leaf that completed its subtree, and its place among the
// hashes that leaf completed (its level).
func HashPlace(index int64) (leaf int64, level int) {
	level, n := tlog.SplitStoredHashIndex(index)
	return (n+1)<<level - 1, level
}

// Tree is the right edge of a log's tree: what is needed to append to it and to know its root. The zero value
// is the empty tree. A Tree is not for concurrent use.
type Tree struct {
	size int64
	edge []Hash // roots of the complete subtrees, largest first
}

// ReadTree reads the right edge of the tree of a given size.
func ReadTree(size int64, r HashReader) (Tree, error) {
	if size < 0 {
		return Tree{}, fault.New(fault.Internal, "", fmt.Sprintf("tree of %d leaves", size))
	}
	places := edgePlaces(size)
	if len(places) == 0 {
		return Tree{}, nil
	}
	edge, err := r.ReadHashes(places)
	if err != nil {
		return Tree{}, fault.Wrap(fault.Internal, err, "read the edge of the tree")
	}
	return Tree{size: size, edge: edge}, nil
}

// edgePlaces returns the stored-hash indexes of the complete subtrees of a tree, largest first.
func edgePlaces(size int64) []int64 {
	var places []int64
	for level := 62; level >= 0; level-- {
		if size>>level&1 == 1 {
			places = append(places, tlog.StoredHashIndex(level, size>>level-1))
		}
	}
	return places
}

// Size is the number of leaves.
func (t *Tree) Size() int64 { return t.size }

// Clone returns a copy that can be appended to without changing t.
func (t *Tree) Clone() Tree {
	return Tree{size: t.size, edge: append(make([]Hash, 0, len(t.edge)+1), t.edge...)}
}

// Append adds a leaf by its hash and appends to dst the hashes it completes, level 0 first.
func (t *Tree) Append(dst []Hash, leaf Hash) []Hash {
	dst = append(dst, leaf)
	h := leaf
	// Every trailing one bit of the old size is a complete subtree of the same height as h.
	for range bits.TrailingZeros64(^uint64(t.size)) { // a size is never negative
		last := len(t.edge) - 1
		h = tlog.NodeHash(t.edge[last], h)
		t.edge = t.edge[:last]
		dst = append(dst, h)
	}
	t.edge = append(t.edge, h)
	t.size++
	return dst
}

// Root is the hash over all leaves; of the empty tree, SHA-256 of nothing.
func (t *Tree) Root() Hash {
	if len(t.edge) == 0 {
		return emptyRoot
	}
	h := t.edge[len(t.edge)-1]
	for i := len(t.edge) - 2; i >= 0; i-- {
		h = tlog.NodeHash(t.edge[i], h)
	}
	return h
}
