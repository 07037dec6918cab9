package ledger_test

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"kanmon/internal/ledger"
)

// Leaves, roots and proofs of the reference tests of Certificate Transparency (RFC 6962).
var (
	vectorLeaves = []string{"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"}
	vectorRoots  = []string{
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
	vectorInclusion = []struct {
		leaf, size int64
		proof      []string
	}{
		{0, 1, nil},
		{0, 8, []string{
			"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
			"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
			"6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
		}},
		{5, 8, []string{
			"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
			"ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
			"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		}},
		{2, 3, []string{"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"}},
		{1, 5, []string{
			"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
			"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
			"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
		}},
	}
	vectorConsistency = []struct {
		older, size int64
		proof       []string
	}{
		{1, 1, nil},
		{1, 8, []string{
			"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
			"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
			"6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
		}},
		{6, 8, []string{
			"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
			"ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
			"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		}},
		{2, 5, []string{
			"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
			"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
		}},
	}
)

// memory is a log in memory: the hashes in their stored order.
type memory struct {
	tree   ledger.Tree
	stored []ledger.Hash
}

func (m *memory) add(leaf []byte) { m.stored = m.tree.Append(m.stored, ledger.LeafHash(leaf)) }

func (m *memory) ReadHashes(indexes []int64) ([]ledger.Hash, error) {
	found := make([]ledger.Hash, len(indexes))
	for i, x := range indexes {
		found[i] = m.stored[x]
	}
	return found, nil
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func hashes(t *testing.T, list []string) []ledger.Hash {
	t.Helper()
	out := make([]ledger.Hash, 0, len(list))
	for _, s := range list {
		out = append(out, ledger.Hash(unhex(t, s)))
	}
	return out
}

// R84-1: the tree is the published one, so anybody's tools can check it.
func TestRootsAndProofsAreThoseOfRFC6962(t *testing.T) {
	var m memory
	for i := range vectorRoots {
		if root := m.tree.Root(); hex.EncodeToString(root[:]) != vectorRoots[i] {
			t.Errorf("root of %d leaves is %x", i, root)
		}
		if root, err := ledger.RootAt(int64(i), &m); err != nil || hex.EncodeToString(root[:]) != vectorRoots[i] {
			t.Errorf("RootAt(%d) is %x, %v", i, root, err)
		}
		if i < len(vectorLeaves) {
			m.add(unhex(t, vectorLeaves[i]))
		}
	}
	for _, v := range vectorInclusion {
		want := hashes(t, v.proof)
		got, err := ledger.ProveInclusion(v.size, v.leaf, &m)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("inclusion of %d in %d: %v, %v", v.leaf, v.size, got, err)
		}
		root, leaf := ledger.Hash(unhex(t, vectorRoots[v.size])), ledger.LeafHash(unhex(t, vectorLeaves[v.leaf]))
		if err := ledger.CheckInclusion(want, v.size, root, v.leaf, leaf); err != nil {
			t.Errorf("inclusion of %d in %d: %v", v.leaf, v.size, err)
		}
		if ledger.CheckInclusion(want, v.size, root, v.leaf, ledger.LeafHash([]byte("other"))) == nil {
			t.Errorf("another leaf passed for %d in %d", v.leaf, v.size)
		}
	}
	for _, v := range vectorConsistency {
		want := hashes(t, v.proof)
		got, err := ledger.ProveConsistency(v.size, v.older, &m)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("consistency of %d with %d: %v, %v", v.older, v.size, got, err)
		}
		root, older := ledger.Hash(unhex(t, vectorRoots[v.size])), ledger.Hash(unhex(t, vectorRoots[v.older]))
		if err := ledger.CheckConsistency(want, v.size, root, v.older, older); err != nil {
			t.Errorf("consistency of %d with %d: %v", v.older, v.size, err)
		}
		if ledger.CheckConsistency(want, v.size, root, v.older, ledger.Hash{1}) == nil {
			t.Errorf("another beginning passed for %d of %d", v.older, v.size)
		}
	}
}

// merkle is the definition in RFC 6962 section 2.1, word for word.
func merkle(leaves [][]byte) ledger.Hash {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, leaves[0]...))
	}
	k := 1
	for 2*k < len(leaves) {
		k *= 2
	}
	left, right := merkle(leaves[:k]), merkle(leaves[k:])
	return sha256.Sum256(slices.Concat([]byte{1}, left[:], right[:]))
}

func TestATreeGrowsAsItsDefinitionSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		leaves := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 9), 0, 70).Draw(t, "leaves")
		var m memory
		for n, leaf := range leaves {
			want, err := tlog.StoredHashes(int64(n), leaf, &m)
			if err != nil {
				t.Fatal(err)
			}
			before := len(m.stored)
			m.add(leaf)
			if !slices.Equal(m.stored[before:], want) {
				t.Fatalf("leaf %d completes other hashes", n)
			}
			for i := range want {
				if seq, level := ledger.HashPlace(int64(before + i)); seq != int64(n) || level != i {
					t.Fatalf("hash %d is at leaf %d level %d", before+i, seq, level)
				}
			}
		}
		size := int64(len(leaves))
		if m.tree.Root() != merkle(leaves) || m.tree.Size() != size {
			t.Fatal("the root is not the definition's")
		}
		again, err := ledger.ReadTree(size, &m)
		if err != nil || again.Root() != m.tree.Root() {
			t.Fatalf("read again: %v", err)
		}
		clone := again.Clone()
		clone.Append(nil, ledger.Hash{1})
		if again.Root() != m.tree.Root() {
			t.Fatal("a clone changed its original")
		}
		if size == 0 {
			return
		}
		older := rapid.Int64Range(0, size).Draw(t, "older")
		proof, err := ledger.ProveConsistency(size, older, &m)
		if err != nil || ledger.CheckConsistency(proof, size, m.tree.Root(), older, merkle(leaves[:older])) != nil {
			t.Fatalf("consistency of %d with %d: %v", older, size, err)
		}
		leaf := rapid.Int64Range(0, size-1).Draw(t, "leaf")
		proof, err = ledger.ProveInclusion(size, leaf, &m)
		if err != nil || ledger.CheckInclusion(proof, size, m.tree.Root(), leaf, ledger.LeafHash(leaves[leaf])) != nil {
			t.Fatalf("inclusion of %d in %d: %v", leaf, size, err)
		}
	})
}

func TestProofsOfWhatIsNotThereAreRefused(t *testing.T) {
	var m memory
	m.add([]byte("a"))
	root := m.tree.Root()
	for name, err := range map[string]error{
		"leaf beyond":       second(ledger.ProveInclusion(1, 1, &m)),
		"leaf before":       second(ledger.ProveInclusion(1, -1, &m)),
		"larger older tree": second(ledger.ProveConsistency(1, 2, &m)),
		"shrunk":            ledger.CheckConsistency(nil, 1, root, 2, root),
		"forked, same size": ledger.CheckConsistency(nil, 1, root, 1, ledger.Hash{}),
		"false empty tree":  ledger.CheckConsistency(nil, 1, root, 0, root),
		"needless proof":    ledger.CheckConsistency([]ledger.Hash{root}, 1, root, 1, root),
		"negative tree":     second(ledger.ReadTree(-1, &m)),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }
