package event

import (
	"time"

	"kanmon/internal/access"
)

// InVain is the Detail of a refusal that is no decision: a card, a number or a person waited at a reader, as an access_pending before it says, and
// what they waited for did not come.
const InVain = "waited in vain"

// Replayed is what came of making a decision again.
type Replayed struct {
	Decision access.Decision
	Agrees   bool
}

// Replay makes the decision of an event again, from the policy that was in force and the facts that the event keeps. False: the event is no decision.
// The policy is to hold the revocations that were in force too; nil for an event without one.
func Replay(p *access.Policy, e Event) (Replayed, bool) {
	if !Decides(e) {
		return Replayed{}, false
	}
	var f access.Facts
	if e.Facts != nil {
		f = *e.Facts
	}
	var now time.Time
	if !e.Unsure {
		now = e.At
	}
	d := access.Again(p, access.Shown{Reader: e.Reader, Card: e.Card, Person: e.Person, Fingerprint: e.Credential}, f, now)
	return Replayed{Decision: d, Agrees: e.agrees(d)}, true
}

// Decides reports whether an event is a decision about somebody at a reader.
func Decides(e Event) bool {
	switch e.Kind {
	case AccessGranted, AccessPending:
		return true
	case AccessDenied:
		return e.Detail != InVain
	default:
		return false
	}
}

func (e Event) agrees(d access.Decision) bool {
	if d.Person != e.Person {
		return false
	}
	switch {
	case e.Reason == access.NotRecorded: // the controller's own, over a yes
		return d.Allow && e.Kind == AccessDenied
	case d.Reason != e.Reason:
		return false
	case e.Direction == access.Out:
		return e.Kind == AccessGranted
	case e.Kind == AccessGranted:
		return d.Allow
	case e.Kind == AccessPending:
		return d.Wait
	default:
		return !d.Allow && !d.Wait
	}
}
