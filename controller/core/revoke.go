package core

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/wire"
)

// A revocation is in force in memory before anything else happens: the next card is judged by it. Then one commit of the journal holds
// the events and the entries, so that a restart knows them too; only then the centre gets its receipt. When the journal cannot be
// written the card stays refused, the receipt waits, and the entries are tried again with everything else that is owed.
//
// Entries count whenever they come and in any order (access.Revocations.Merge). How far the set is complete is another matter: upto rises only
// with a run that begins no later than where it stands. What a policy contains does not raise it, though it is in force as well.

// maxNoted is how many entries of one message have an event each; more are one event together. A new controller hears of years of
// lost cards at once.
const maxNoted = 64

// Revoked is what came of the revocation set: entries in force, and up to where all of them are here.
type Revoked struct {
	Entries []access.Revocation
	Upto    access.Version
	At      time.Time // when the last one came into force
}

type revoked struct {
	set     access.Revocations // in force; never written to once it stands here
	hash    string             // of set
	upto    access.Version     // every entry up to here is in force
	at      time.Time          // the last entry came into force
	owed    []access.Key       // entries not handed to the journal yet
	dirty   bool               // there is something to hand over, if only upto
	kept    access.Version     // every entry up to here is on disk
	barrier uint64             // up to this record one that carried entries failed: only later ones prove anything
}

// lay puts entries over the policy and returns those that changed something. Without a policy they wait for it in the set.
func (t *turn) lay(entries []access.Revocation) []access.Revocation {
	r := &t.s.revoked
	known := access.Revocations{}
	for _, e := range entries {
		if old, there := r.set[e.Key]; there {
			known[e.Key] = old
		}
	}
	changed := known.Merge(entries...)
	if len(changed) == 0 {
		return nil
	}
	if t.s.policy != nil {
		t.s.policy = t.s.policy.Revoke(changed...)
		r.set = t.s.policy.Revocations()
	} else {
		next := access.Revocations{}
		maps.Copy(next, r.set)
		next.Merge(changed...)
		r.set = next
	}
	r.hash, r.at = r.set.Hash(), t.now.at
	return changed
}

// revoke takes a run of the set.
func (t *turn) revoke(set wire.RevokedSet) {
	r := &t.s.revoked
	changed := t.lay(set.Entries)
	next := advance(r.upto, set.From, set.Upto)
	t.centreIs(set.Upto.Epoch)
	if len(changed) == 0 && next == r.upto {
		if !r.kept.Less(set.Upto) {
			t.receipt() // the centre asks again: it has not heard
		}
		return
	}
	r.upto, r.dirty = next, true
	if r.at.IsZero() {
		r.at = t.now.at
	}
	for _, e := range set.Entries {
		r.owed = append(r.owed, e.Key)
	}
	t.noteRevocations(changed)
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

func (t *turn) noteRevocations(changed []access.Revocation) {
	if len(changed) > maxNoted {
		newest := slices.MaxFunc(changed, access.CompareRevocations)
		t.note(event.Event{Kind: event.RevocationApplied, Policy: &newest.Version, Detail: fmt.Sprintf("%d cards", len(changed))})
		return
	}
	for _, r := range changed {
		e := event.Event{Kind: event.RevocationApplied, Card: r.Card, Credential: r.Key.Fingerprint(), Policy: &r.Version}
		switch r.State {
		case access.Revoked:
			e.Reason = access.CredentialRevoked
		case access.Suspended:
			e.Reason = access.CredentialSuspend
		case access.Active: // lifted
		}
		t.note(e)
	}
}

// keepRevoked hands to the journal what it does not have, as it stands now: whatever is written later is never older.
func (t *turn) keepRevoked(p *pending) *Revoked {
	r := &t.s.revoked
	if !r.dirty {
		return nil
	}
	p.revoked = &handed{keys: r.owed, upto: r.upto}
	saved := Revoked{Upto: r.upto, At: r.at}
	for _, key := range r.owed {
		saved.Entries = append(saved.Entries, r.set[key])
	}
	r.owed, r.dirty = nil, false
	return &saved
}

// handed is what of the revocation set a record carries.
type handed struct {
	keys []access.Key
	upto access.Version
}

func (t *turn) revokedOnDisk(p pending) {
	r := &t.s.revoked
	if p.revoked == nil || p.id <= r.barrier {
		return
	}
	if r.kept.Less(p.revoked.upto) {
		r.kept = p.revoked.upto
		t.receipt()
	}
}

func (t *turn) revokedNotKept(p pending) {
	if p.revoked == nil {
		return
	}
	r := &t.s.revoked
	r.owed, r.dirty = append(p.revoked.keys, r.owed...), true
	r.barrier = t.s.records.lastID
}

// receipt says how far everything is in force and on disk.
func (t *turn) receipt() {
	r := t.s.revoked
	if r.kept.Epoch == 0 || r.hash == "" {
		return
	}
	t.do(Receipt{wire.RevokedReceipt{
		V: wire.V, Type: wire.Receipt, Upto: r.kept, Hash: r.hash, AppliedAt: r.at.UTC().Truncate(time.Microsecond),
	}})
}

// startRevoked lays what the last run had kept over the policy.
func (t *turn) startRevoked(saved Revoked) {
	t.s.revoked = revoked{set: t.s.policy.Revocations(), upto: saved.Upto, kept: saved.Upto}
	t.lay(saved.Entries)
	r := &t.s.revoked
	r.hash, r.at = r.set.Hash(), saved.At
	if r.at.IsZero() {
		r.at = t.now.at
	}
}

// policyOver puts a new policy under the entries that are in force.
func (t *turn) policyOver(p *access.Policy) {
	r := &t.s.revoked
	was := r.set
	t.s.policy = p.Revoke(slices.Collect(maps.Values(was))...)
	r.set = t.s.policy.Revocations()
	var changed []access.Revocation
	for key, e := range r.set {
		if was[key] != e {
			changed = append(changed, e)
		}
	}
	if len(changed) > 0 {
		slices.SortFunc(changed, access.CompareRevocations)
		r.hash, r.at = r.set.Hash(), t.now.at
		t.noteRevocations(changed)
	}
}
