package wire

import (
	"fmt"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/fault"
)

// RevokedSet is a run of entries of the revocation set: those with From < n ≤ Upto.N of epoch Upto.Epoch. Numbers are dense, so
// who has everything up to From has everything up to Upto afterwards. With From 0 it is the whole set of the epoch, and Entries may
// also have entries of earlier epochs. With More, others with the same From and Upto follow: its entries count, and only with the last is
// everything there.
type RevokedSet struct {
	V       int                 `json:"v"`
	Type    Kind                `json:"type"`
	From    uint64              `json:"from"`
	Upto    access.Version      `json:"upto"`
	More    bool                `json:"more,omitempty"`
	Entries []access.Revocation `json:"entries"`
}

// MaxRevoked is the most entries in one RevokedSet.
const MaxRevoked = 2000

// NewRevokedSet fills in the header.
func NewRevokedSet(from uint64, upto access.Version, entries []access.Revocation) RevokedSet {
	return RevokedSet{V: V, Type: Revoked, From: from, Upto: upto, Entries: some(entries)}
}

// OpenRevoked reads a run of entries.
func OpenRevoked(at Address, payload []byte, keys Keys) (RevokedSet, error) {
	var s RevokedSet
	if err := Open(at, payload, keys, &s); err != nil {
		return RevokedSet{}, err
	}
	if s.Upto.Epoch == 0 || s.From > s.Upto.N || len(s.Entries) > MaxRevoked {
		return RevokedSet{}, fault.New(fault.Invalid, "wire.revoked", fmt.Sprintf("revocations %d to %d.%d, %d entries", s.From, s.Upto.Epoch, s.Upto.N, len(s.Entries)))
	}
	for _, r := range s.Entries {
		if err := r.Validate(); err != nil {
			return RevokedSet{}, fault.Wrap(fault.Invalid, err, "revocations")
		}
		if !s.covers(r.Version) {
			return RevokedSet{}, fault.New(fault.Invalid, "wire.revoked", "an entry outside its run")
		}
	}
	return s, nil
}

// covers reports whether an entry of version v belongs into the run.
func (s RevokedSet) covers(v access.Version) bool {
	if s.From > 0 && (v.Epoch != s.Upto.Epoch || v.N <= s.From) {
		return false
	}
	return !s.Upto.Less(v)
}

// RevokedReceipt says that the controller refuses every credential of the set up to Upto, now and after a restart. AppliedAt is
// its own clock when the last entry came into force.
type RevokedReceipt struct {
	V         int            `json:"v"`
	Type      Kind           `json:"type"`
	Upto      access.Version `json:"upto"`
	Hash      string         `json:"hash"` // access.Revocations.Hash
	AppliedAt time.Time      `json:"applied_at"`
}

// OpenReceipt reads a receipt.
func OpenReceipt(at Address, payload []byte, keys Keys) (RevokedReceipt, error) {
	var r RevokedReceipt
	if err := Open(at, payload, keys, &r); err != nil {
		return RevokedReceipt{}, err
	}
	if _, err := hashOf(r.Hash); err != nil || r.Upto.Epoch == 0 || r.AppliedAt.IsZero() {
		return RevokedReceipt{}, fault.New(fault.Invalid, "wire.receipt", "receipt without a version, a hash or a time")
	}
	return r, nil
}
