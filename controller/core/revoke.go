package core

import (
	"maps"
	"slices"
	"time"

	"kanmon/controller/gate"
	"kanmon/controller/revoked"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/wire"
)

// A revocation is in force in memory before anything else happens: the next card is judged by it. Then one commit of the journal holds
// the events and the entries, so that a restart knows them too; only then the centre gets its receipt. When the journal cannot be
// written the card stays refused, the receipt waits, and the entries are tried again with everything else that is owed.

// startRevoked lays what the last run had kept over the policy. What only the policy has, a run that ended too early did not keep.
func (t *turn) startRevoked(kept revoked.Kept) {
	at := kept.At
	if at.IsZero() {
		at = t.now.At
	}
	t.s.revoked = revoked.Start(t.s.policy.Revocations(), kept.Upto, at)
	t.lay(kept.Entries, at)
	onDisk := access.NewRevocations(kept.Entries...)
	t.s.revoked.Owe(onDisk.Merge(slices.Collect(maps.Values(t.s.policy.Revocations()))...)...)
}

// lay puts entries over the policy and returns those that changed something. Without a policy they wait for it in the set.
func (t *turn) lay(entries []access.Revocation, at time.Time) []access.Revocation {
	r := &t.s.revoked
	changed := r.News(entries)
	switch {
	case len(changed) == 0:
	case t.s.policy == nil:
		r.Replace(r.With(changed), at)
	default:
		t.s.policy = t.s.policy.Revoke(changed...)
		r.Replace(t.s.policy.Revocations(), at)
	}
	return changed
}

// revoke takes a run of the set. One that goes on in another message does not raise how far the set is complete.
func (t *turn) revoke(set wire.RevokedSet) {
	changed := t.lay(set.Entries, t.now.At)
	t.centreIs(set.Upto.Epoch)
	r := &t.s.revoked
	upto := set.Upto
	if set.More {
		upto = r.Upto()
	}
	if r.Run(set.From, upto, set.Entries, len(changed) > 0, t.now.At) {
		t.said(revoked.Events(changed), true)
	} else if !r.Kept().Less(set.Upto) {
		t.receipt() // the centre asks again: it has not heard
	}
}

// owesRevoked reports whether the journal is to have something of the set. Not while it is not known what it has: there a card may be
// revoked that the centre speaks of more kindly since.
func (t *turn) owesRevoked() bool { return t.s.revoked.Owes() && !t.s.blind }

// keepRevoked hands to the journal what it does not have.
func (t *turn) keepRevoked(p *gate.Pending) *revoked.Kept {
	if !t.owesRevoked() {
		return nil
	}
	kept, handed := t.s.revoked.HandOver()
	p.Revoked = handed
	return &kept
}

// receipt says how far everything is in force and on disk.
func (t *turn) receipt() {
	r := &t.s.revoked
	if r.Kept().Epoch == 0 {
		return
	}
	t.do(Receipt{wire.RevokedReceipt{
		V: wire.V, Type: wire.Receipt, Upto: r.Kept(), Hash: r.Hash(), AppliedAt: r.At().UTC().Truncate(time.Microsecond),
	}})
}

// policyOver puts a new policy under the entries that are in force.
func (t *turn) policyOver(p *decide.Policy) {
	r := &t.s.revoked
	t.s.policy = p.Revoke(slices.Collect(maps.Values(r.Set()))...)
	if changed := r.Differs(t.s.policy.Revocations()); len(changed) > 0 {
		r.Replace(t.s.policy.Revocations(), t.now.At)
		r.Owe(changed...)
		t.said(revoked.Events(changed), true)
	}
}
