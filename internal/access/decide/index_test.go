package decide

import (
	"hash/maphash"
	"testing"

	"kanmon/internal/access"
)

// Two keys whose hashes agree in slot and tag are still two keys.
func TestAHashIsNotTakenForAKey(t *testing.T) {
	all := []credential{{key: access.Key{1}}}
	x := newIndex(1)
	stranger := access.Key{2}
	hash := maphash.Bytes(x.seed, stranger[:])
	slot := hash & uint64(len(x.slots)-1)
	x.slots[slot] = hash>>32<<32 | 1 // where the stranger would be found, the first credential
	if n, _ := x.find(all, &stranger); n != -1 {
		t.Errorf("found credential %d under a key that is not its", n)
	}
	if !x.add(append(all, credential{key: stranger})) {
		t.Error("the stranger was taken for a double")
	}
	if n, at := x.find(append(all, credential{key: stranger}), &stranger); n != 1 || at == slot {
		t.Errorf("the stranger is credential %d in slot %d", n, at)
	}
}
