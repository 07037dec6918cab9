package ledger

import (
	"crypto/sha256"

	"golang.org/x/mod/sumdb/tlog"

	"kanmon/internal/fault"
)

var emptyRoot = Hash(sha256.Sum256(nil))

// RootAt is the root over the first size leaves.
func RootAt(size int64, r HashReader) (Hash, error) {
	if size == 0 {
		return emptyRoot, nil
	}
	h, err := tlog.TreeHash(size, r)
	return h, fault.Wrap(fault.Internal, err, "hash the tree")
}

// ProveInclusion returns the proof that leaf n is in the tree of size leaves.
func ProveInclusion(size, n int64, r HashReader) ([]Hash, error) {
	if n < 0 || n >= size {
		return nil, fault.New(fault.Invalid, "ledger.no_such_leaf", "leaf is not in the tree")
	}
	p, err := tlog.ProveRecord(size, n, r)
	return p, fault.Wrap(fault.Internal, err, "prove inclusion")
}

// CheckInclusion checks that the leaf with this hash is number n of the tree with that size and root.
func CheckInclusion(proof []Hash, size int64, root Hash, n int64, leaf Hash) error {
	return fault.Wrap(fault.Invalid, tlog.CheckRecord(proof, size, root, n, leaf), "check inclusion")
}

// ProveConsistency returns the proof that the first older leaves of the tree of size leaves are the tree of
// that size.
func ProveConsistency(size, older int64, r HashReader) ([]Hash, error) {
	if older < 0 || older > size {
		return nil, fault.New(fault.Invalid, "ledger.no_such_size", "the older tree is not inside the tree")
	}
	if older == 0 || older == size {
		return nil, nil
	}
	p, err := tlog.ProveTree(size, older, r)
	return p, fault.Wrap(fault.Internal, err, "prove consistency")
}

// CheckConsistency checks that the tree (older, olderRoot) is the beginning of the tree (size, root). The empty
// tree is the beginning of every tree.
func CheckConsistency(proof []Hash, size int64, root Hash, older int64, olderRoot Hash) error {
	switch {
	case older < 0 || older > size:
		return fault.New(fault.Invalid, "ledger.shrunk", "the older tree is larger")
	case older == 0:
		return equalRoots(proof, olderRoot, emptyRoot)
	case older == size:
		return equalRoots(proof, olderRoot, root)
	}
	return fault.Wrap(fault.Invalid, tlog.CheckTree(proof, size, root, older, olderRoot), "check consistency")
}

func equalRoots(proof []Hash, got, want Hash) error {
	if len(proof) != 0 || got != want {
		return fault.New(fault.Invalid, "ledger.forked", "the roots differ")
	}
	return nil
}
