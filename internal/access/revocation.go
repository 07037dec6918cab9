package access

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Revocation is one entry of the revocation set: from version Version on, a credential is in State. Versions order entries; n only
// rises. Revoked is final; Suspended may be lifted by a later entry with Active.
type Revocation struct {
	Version Version         `json:"version"`
	Key     Key             `json:"key"`
	Card    string          `json:"card"`
	State   CredentialState `json:"state"`
	// Seal is the centre's signature over the entry by itself (wire.Sealer): with it a controller can prove later that the entry was
	// made, to a centre that has lost it. It decides nothing at a door and is no part of the hash.
	Seal string `json:"seal,omitempty"`
}

// Same reports whether two entries say the same, whoever proves it.
func (r Revocation) Same(other Revocation) bool {
	r.Seal, other.Seal = "", ""
	return r == other
}

const maxSeal = 128

// Validate checks the form of an entry.
func (r Revocation) Validate() error {
	switch {
	case r.Version.Epoch == 0 || r.Version.N == 0:
		return fmt.Errorf("revocation of card %q without a version", r.Card)
	case r.State != Revoked && r.State != Suspended && r.State != Active:
		return fmt.Errorf("revocation of card %q: state %q", r.Card, r.State)
	case len(r.Seal) > maxSeal:
		return fmt.Errorf("revocation of card %q: a seal of %d bytes", r.Card, len(r.Seal))
	}
	return CheckID("card", r.Card)
}

// Outranks reports whether r replaces an entry for the same credential, in whichever forms: revoked before all else, a state nobody knows counting as
// revoked, then the higher version. Two of one version, which only a broken centre makes, are ordered too (the stricter wins), so
// that two doors never disagree about what both have heard.
func (r Revocation) Outranks(old Revocation) bool {
	mine, other := r.State.Leniency(), old.State.Leniency()
	if (mine == 0) != (other == 0) {
		return mine == 0
	}
	if r.Version != old.Version {
		return old.Version.Less(r.Version)
	}
	return cmp.Or(cmp.Compare(mine, other), cmp.Compare(r.State, old.State), cmp.Compare(r.Card, old.Card)) < 0
}

// Leniency orders states: 0 for revoked and any that nobody knows, 1 for suspended, 2 for active.
func (s CredentialState) Leniency() int {
	switch s {
	case Active:
		return 2
	case Suspended:
		return 1
	case Revoked:
		return 0
	default:
		return 0
	}
}

// Revocations is the set: the entry in force for each form of a credential. A nil set can be read, not merged into.
type Revocations map[Key]Revocation

// NewRevocations is the set of some entries, in any order.
func NewRevocations(entries ...Revocation) Revocations {
	s := make(Revocations, len(entries))
	s.Merge(entries...)
	return s
}

// Merge adds entries, in any order and as often as they come, and returns those that changed the set.
func (s Revocations) Merge(entries ...Revocation) []Revocation {
	var changed []Revocation
	for _, r := range entries {
		if old, there := s[r.Key]; there && !r.Outranks(old) {
			continue
		}
		s[r.Key] = r
		changed = append(changed, r)
	}
	return changed
}

// InForce is the entry in force for a card by all forms of its credential: an entry keeps the form in which it was made, so a suspension and its
// lifting may stand under two.
func (s Revocations) InForce(newest Key, older []Key) (Revocation, bool) {
	r, there := s[newest]
	for i := range older {
		other, too := s[older[i]]
		if too && (!there || other.Outranks(r)) {
			r, there = other, true
		}
	}
	return r, there
}

// List returns the set in the order of versions.
func (s Revocations) List() []Revocation {
	list := slices.Collect(maps.Values(s))
	slices.SortFunc(list, CompareRevocations)
	return list
}

// Hash is the hex SHA-256 over the set in its order, one line an entry: epoch, n, key in hex, state. Two places with the same
// hash refuse the same cards.
func (s Revocations) Hash() string {
	h := sha256.New()
	for _, r := range s.List() {
		b := strconv.AppendUint(nil, r.Version.Epoch, 10)
		b = strconv.AppendUint(append(b, ' '), r.Version.N, 10)
		b = hex.AppendEncode(append(b, ' '), r.Key[:])
		b = append(append(append(b, ' '), r.State...), '\n')
		_, _ = h.Write(b) // a hash never fails
	}
	return hex.EncodeToString(h.Sum(nil))
}
