package policy

import (
	"hash/maphash"
	"slices"
	"time"

	"kanmon/internal/access"
)

// shelf keeps policies that controllers have, so that the next one can be sent as a difference. Lists that are the same at many
// controllers (people, cards, PINs, revocations) are kept once. It is bounded: when it is full, only what was not used for a while makes room, so
// that a round over more controllers than fit still finds those that were kept.
type shelf struct {
	most   int // bytes, as estimated
	size   int
	kept   map[string]*keptSpec // by controller
	people pool[access.Person]
	cards  pool[access.Credential]
	pins   pool[access.PIN]
	dead   pool[access.Revocation]
	seed   maphash.Seed
}

type keptSpec struct {
	hash string
	spec access.Spec
	own  int // bytes of what is not shared
	used time.Time
}

// Bounds of the shelf.
const (
	shelfSize = 64 << 20
	shelfIdle = 10 * time.Minute
)

func newShelf(most int) *shelf {
	return &shelf{
		most: most, kept: map[string]*keptSpec{}, seed: maphash.MakeSeed(),
		people: pool[access.Person]{}, cards: pool[access.Credential]{}, pins: pool[access.PIN]{}, dead: pool[access.Revocation]{},
	}
}

// get returns the policy with a hash, if it is the one kept for the controller.
func (s *shelf) get(controller, hash string, now time.Time) (access.Spec, bool) {
	k := s.kept[controller]
	if k == nil || k.hash != hash {
		return access.Spec{}, false
	}
	k.used = now
	return k.spec, true
}

// put keeps the policy that a controller has now, in place of the one before.
func (s *shelf) put(controller, hash string, spec access.Spec, now time.Time) {
	if old := s.kept[controller]; old != nil {
		if old.hash == hash {
			old.used = now
			return
		}
		s.drop(controller)
	}
	k := &keptSpec{hash: hash, spec: spec, own: ownSize(spec), used: now}
	s.size += k.own
	k.spec.People = share(s, s.people, spec.People, personBytes)
	k.spec.Credentials = share(s, s.cards, spec.Credentials, cardBytes)
	k.spec.PINs = share(s, s.pins, spec.PINs, pinBytes)
	k.spec.Revocations = share(s, s.dead, spec.Revocations, revocationBytes)
	s.kept[controller] = k
	for s.size > s.most && s.dropIdle(now) {
	}
	if s.size > s.most {
		s.drop(controller)
	}
}

// dropIdle drops the policy that was not used for the longest time, if that is long enough.
func (s *shelf) dropIdle(now time.Time) bool {
	oldest := ""
	for name, k := range s.kept {
		if now.Sub(k.used) >= shelfIdle && (oldest == "" || k.used.Before(s.kept[oldest].used)) {
			oldest = name
		}
	}
	if oldest == "" {
		return false
	}
	s.drop(oldest)
	return true
}

func (s *shelf) drop(controller string) {
	k := s.kept[controller]
	delete(s.kept, controller)
	s.size -= k.own
	release(s, s.people, k.spec.People, personBytes)
	release(s, s.cards, k.spec.Credentials, cardBytes)
	release(s, s.pins, k.spec.PINs, pinBytes)
	release(s, s.dead, k.spec.Revocations, revocationBytes)
}

// Estimates of bytes in memory.
const (
	personBytes     = 80
	cardBytes       = 140
	pinBytes        = 130
	revocationBytes = 100
	rightBytes      = 110
	otherBytes      = 300 // of a door, an area, a schedule
)

func ownSize(s access.Spec) int {
	return rightBytes*len(s.Rights) + otherBytes*(1+len(s.Doors)+len(s.Areas)+len(s.Schedules))
}

// pool holds lists by the hash of their content.
type pool[T comparable] map[uint64]*shared[T]

type shared[T comparable] struct {
	list []T
	uses int
}

// share returns a list of the same content that is kept already, or keeps this one.
func share[T comparable](s *shelf, p pool[T], list []T, bytes int) []T {
	if len(list) == 0 {
		return list
	}
	h := hashOf(s.seed, list)
	have := p[h]
	switch {
	case have == nil:
		p[h] = &shared[T]{list, 1}
		s.size += bytes * len(list)
		return list
	case !slices.Equal(have.list, list): // two contents with one hash: not worth more than not sharing
		s.size += bytes * len(list)
		return list
	}
	have.uses++
	return have.list
}

func release[T comparable](s *shelf, p pool[T], list []T, bytes int) {
	if len(list) == 0 {
		return
	}
	h := hashOf(s.seed, list)
	have := p[h]
	if have != nil && &have.list[0] == &list[0] {
		if have.uses--; have.uses > 0 {
			return
		}
		delete(p, h)
	}
	s.size -= bytes * len(list)
}

func hashOf[T comparable](seed maphash.Seed, list []T) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, v := range list {
		maphash.WriteComparable(&h, v)
	}
	return h.Sum64()
}
