package decide

import (
	"hash/maphash"

	"kanmon/internal/access"
)

// index finds a credential by its key. It is a table of slots with linear probing, at most half full; a slot holds 32 bits of
// the hash above the credential's number plus one, so that probing stays inside the table and looks at one
// credential only. Go's map would keep key and value together and touch more memory.
type index struct {
	seed  maphash.Seed
	slots []uint64
}

func newIndex(n int) index {
	size := 8
	for size < 2*n {
		size *= 2
	}
	return index{seed: maphash.MakeSeed(), slots: make([]uint64, size)}
}

// find returns the number of the credential with this key, or -1; slot is where it is or would be.
func (x *index) find(all []credential, key *access.Key) (n int, slot uint64) {
	hash := maphash.Bytes(x.seed, key[:])
	mask := uint64(len(x.slots) - 1)
	for slot = hash & mask; ; slot = (slot + 1) & mask {
		s := x.slots[slot]
		if s == 0 {
			return -1, slot
		}
		if s>>32 == hash>>32 {
			if n := int(uint32(s)) - 1; all[n].key == *key {
				return n, slot
			}
		}
	}
}

// add enters the last of all; false when its key is there already.
func (x *index) add(all []credential) bool {
	last := len(all) - 1
	key := &all[last].key
	n, slot := x.find(all, key)
	if n >= 0 {
		return false
	}
	x.slots[slot] = maphash.Bytes(x.seed, key[:])>>32<<32 | uint64(last+1)
	return true
}
