package policy

import (
	"time"

	"kanmon/internal/access"
)

// target is a controller as the registers and its last status show it.
type target struct {
	Controller string
	Wanted     access.Version
	Applied    access.Version
	Hash       string // of the applied policy, as the controller says
	Online     bool
}

// ahead reports whether the controller applied a version of this epoch that was never wanted: the database was put
// back to an older state. The controller refuses what is older, so the wanted version must overtake it.
func (t target) ahead() bool {
	return t.Online && t.Applied.Epoch == t.Wanted.Epoch && t.Wanted.N < t.Applied.N
}

// progress is what the publisher remembers of a controller. It is lost with the program without harm: the
// first look at a controller then costs one compilation, to learn the hash.
type progress struct {
	wanted   access.Version // what the rest is about
	hash     string         // of the policy of that version; empty: not compiled yet
	attempts int
	next     time.Time // not before
}

// step is what to do now for a controller.
type step uint8

const (
	rest    step = iota // nothing to do, or not yet
	inspect             // compile only, to compare the hash
	send                // compile and send
)

// Back-off between two sendings of the same version. A controller answers within a second; the pauses are for
// one that cannot.
const (
	firstPause = 2 * time.Second
	mostPause  = time.Minute
)

// plan decides, and returns what to remember before doing it.
func plan(t target, p progress, now time.Time) (step, progress) {
	if p.wanted != t.Wanted {
		p = progress{wanted: t.Wanted}
	}
	switch {
	case !t.Online:
		p.attempts, p.next = 0, time.Time{} // back online it is served at once
		return rest, p
	case t.Applied == t.Wanted && p.hash != "" && p.hash == t.Hash:
		p.attempts, p.next = 0, time.Time{}
		return rest, p
	case now.Before(p.next):
		return rest, p
	case t.Applied == t.Wanted && p.hash == "":
		return inspect, p
	}
	p.next = now.Add(min(firstPause<<min(p.attempts, 10), mostPause))
	p.attempts++
	return send, p
}

// failed is what to remember when the step could not be done, which is not the controller's fault: try again
// after the first pause.
func (p progress) failed(now time.Time) progress {
	p.attempts, p.next = 0, now.Add(firstPause)
	return p
}
