// Package revoked is how far a controller is with the revocation set: what is in force, up to where it is complete, what of it the
// journal has. It is pure.
//
// Entries count whenever they come and in any order (access.Revocations.Merge). How far the set is complete is another matter: Upto rises only
// with a run that begins no later than where it stands. What a policy contains is in force as well, but does not raise it.
package revoked

import (
	"maps"
	"slices"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/event"
)

// Kept is what goes to the disk: entries, up to where all of them are there, and when the last one came into force.
type Kept struct {
	Entries []access.Revocation
	Upto    access.Version
	At      time.Time
}

// State of a controller's set. The zero value knows nothing; Start makes one.
type State struct {
	set    access.Revocations // in force; never written to once it stands here
	hash   string             // of set
	upto   access.Version     // every entry up to here is in force
	at     time.Time          // the last entry came into force
	owed   []access.Key       // entries not handed to the journal yet
	dirty  bool               // there is something to hand over, if only upto
	flying bool               // a record that carries some of it is on its way
	kept   access.Version     // every entry up to here is on disk
}

// Start is a set in force, complete and on disk up to a version.
func Start(set access.Revocations, upto access.Version, at time.Time) State {
	return State{set: set, hash: set.Hash(), upto: upto, kept: upto, at: at}
}

// Set is what is in force; it must not be changed.
func (s *State) Set() access.Revocations { return s.set }

// Hash is that of Set.
func (s *State) Hash() string { return s.hash }

// Upto is how far every entry is in force, Kept how far every entry is on disk too.
func (s *State) Upto() access.Version { return s.upto }

// Kept is how far every entry is on disk.
func (s *State) Kept() access.Version { return s.kept }

// At is when the last entry came into force.
func (s *State) At() time.Time { return s.at }

// Owes reports whether there is something to hand to the journal now. One record at a time carries of the set: a later one that says how far
// it goes must not reach the disk when the one with the entries does not.
func (s *State) Owes() bool { return s.dirty && !s.flying }

// Owe notes that entries are in force which a run did not bring: the journal should have them too.
func (s *State) Owe(entries ...access.Revocation) {
	for _, e := range entries {
		s.owed, s.dirty = append(s.owed, e.Key), true
	}
}

// News returns what of some entries would change the set.
func (s *State) News(entries []access.Revocation) []access.Revocation {
	known := access.Revocations{}
	for _, e := range entries {
		if old, there := s.set[e.Key]; there {
			known[e.Key] = old
		}
	}
	return known.Merge(entries...)
}

// With is the set with entries merged in; the set itself does not change.
func (s *State) With(entries []access.Revocation) access.Revocations {
	next := access.Revocations{}
	maps.Copy(next, s.set)
	next.Merge(entries...)
	return next
}

// Differs returns the entries of another set that are not as they are in force, in the order of their versions.
func (s *State) Differs(set access.Revocations) (changed []access.Revocation) {
	for key, e := range set {
		if !s.set[key].Same(e) {
			changed = append(changed, e)
		}
	}
	slices.SortFunc(changed, access.CompareRevocations)
	return changed
}

// Remember takes an earlier run's word that entries which are in force by now are complete and on disk up to a version.
func (s *State) Remember(upto access.Version) {
	if s.upto.Less(upto) {
		s.upto = upto
	}
	if s.kept.Less(upto) {
		s.kept = upto
	}
}

// Replace puts a set that contains the present one into force.
func (s *State) Replace(set access.Revocations, at time.Time) {
	s.set, s.hash, s.at = set, set.Hash(), at
}

// Run notes that the entries from < n ≤ upto are in force. It reports whether that says anything new; news is whether the entries did.
func (s *State) Run(from uint64, upto access.Version, entries []access.Revocation, news bool, at time.Time) bool {
	next := advance(s.upto, from, upto)
	if !news && next == s.upto {
		return false
	}
	s.upto, s.dirty = next, true
	if s.at.IsZero() {
		s.at = at
	}
	s.Owe(entries...)
	return true
}

// advance is how far the set is complete after the entries from < n ≤ upto. In a new epoch of the centre the count begins anew, with
// a run from 0.
func advance(have access.Version, from uint64, upto access.Version) access.Version {
	goesOn := upto.Epoch == have.Epoch && from <= have.N && have.N < upto.N
	if goesOn || (upto.Epoch > have.Epoch && from == 0) {
		return upto
	}
	return have
}

// Handed is what of the set one record carries.
type Handed struct {
	keys []access.Key
	upto access.Version
}

// HandOver gives to the journal what it does not have, as it stands now: what is written later is never older. Only when Owes.
func (s *State) HandOver() (Kept, *Handed) {
	h := &Handed{s.owed, s.upto}
	k := Kept{Upto: s.upto, At: s.at}
	for _, key := range s.owed {
		k.Entries = append(k.Entries, s.set[key])
	}
	s.owed, s.dirty, s.flying = nil, false, true
	return k, h
}

// OnDisk takes the journal's word that a record is written, and reports whether the set is on disk further than before.
func (s *State) OnDisk(h *Handed) bool {
	if h == nil {
		return false
	}
	s.flying = false
	if !s.kept.Less(h.upto) {
		return false
	}
	s.kept = h.upto
	return true
}

// NotOnDisk takes back what a record carried.
func (s *State) NotOnDisk(h *Handed) {
	if h != nil {
		s.owed, s.dirty, s.flying = append(h.keys, s.owed...), true, false
	}
}

// Events are one for each entry that came into force. It carries a sealed entry whole: a centre that has lost it takes it back from there.
func Events(changed []access.Revocation) (events []event.Event) {
	for _, r := range changed {
		events = append(events, applied(r))
	}
	return events
}

func applied(r access.Revocation) event.Event {
	e := event.Event{Kind: event.RevocationApplied, Card: r.Card, Credential: r.Key.Fingerprint(), Policy: &r.Version}
	switch r.State {
	case access.Revoked:
		e.Reason = access.CredentialRevoked
	case access.Suspended:
		e.Reason = access.CredentialSuspend
	case access.Active: // lifted
	}
	if r.Seal != "" {
		e.Entry = &r
	}
	return e
}
