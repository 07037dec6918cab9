package core

import (
	"time"

	"kanmon/controller/revoked"
	"kanmon/controller/timeservice"
)

// A controller whose journal cannot be opened at its start does not know whom it refuses and since when it was cut off: both stand there.
// The policy on disk may be from before. So it lets nobody in by it, and everybody out, until the journal can be read.

// recalled lays what the last run kept under what has come since the start.
func (t *turn) recalled(saved Saved) {
	if !t.s.blind {
		return
	}
	t.s.blind = false
	t.s.clock = t.s.clock.Raise(saved.Floor, t.mono)
	t.remember(saved.Revoked)
	t.s.site.Load(saved.Site, t.siteNow())
	heard := t.s.centre
	t.s.centre = max(saved.Centre, saved.Revoked.Upto.Epoch)
	t.centreIs(heard)
	newest := PolicyReady{Policy: saved.Policy, Hash: saved.Hash, Made: saved.Made}
	if ready := t.s.ready; ready.Policy != nil && !ready.Policy.Version().Less(newest.Policy.Version()) {
		newest = ready
	}
	t.s.ready = PolicyReady{}
	t.startLease(saved)
	t.s.service = timeservice.Resume(saved.Clock, t.serviceNow())
	if newest.Policy != nil {
		t.policyReady(newest)
	}
}

// remember takes the journal's part of the revocation set into the one that came since, of which nothing was handed over yet.
func (t *turn) remember(kept revoked.Kept) {
	r := &t.s.revoked
	at := kept.At
	if at.IsZero() {
		at = t.now.At
	}
	t.lay(kept.Entries, at)
	r.Remember(kept.Upto)
}

// proven is what the next run's clock begins with; zero while it is not known whether the journal has something better.
func (s State) proven(mono time.Duration) (floor time.Time) {
	if !s.blind {
		floor = s.clock.Proven(mono)
	}
	return floor
}
