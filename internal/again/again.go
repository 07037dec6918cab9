// Package again makes a decision of the past again, from the policy that was in force and the facts that its event keeps, and compares.
package again

import (
	"time"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/event"
)

// Made is what came of making a decision again.
type Made struct {
	Decision decide.Decision
	Agrees   bool
}

// Decision makes the decision of an event again, from the policy that was in force and the facts that the event keeps. False: the event is no decision.
// The policy is to hold the revocations that were in force too; nil for an event without one.
func Decision(p *decide.Policy, e event.Event) (Made, bool) {
	if !Decides(e) {
		return Made{}, false
	}
	var f access.Facts
	if e.Facts != nil {
		f = *e.Facts
	}
	var now time.Time
	if !e.Unsure {
		now = e.At
	}
	d := decide.Again(p, decide.Shown{Reader: e.Reader, Card: e.Card, Person: e.Person, Fingerprint: e.Credential, Ended: e.Reason == access.CredentialRevoked}, f, now)
	return Made{Decision: d, Agrees: agrees(e, d)}, true
}

// Decides reports whether an event is a decision about somebody at a reader.
func Decides(e event.Event) bool {
	switch e.Kind {
	case event.AccessGranted, event.AccessPending:
		return true
	case event.AccessDenied:
		return e.Detail != event.InVain && e.Detail != event.WithOthers
	default:
		return false
	}
}

func agrees(e event.Event, d decide.Decision) bool {
	if d.Person != e.Person {
		return false
	}
	switch {
	case e.Reason == access.NotRecorded: // the controller's own, over a yes
		return d.Allow && e.Kind == event.AccessDenied
	case d.Reason != e.Reason:
		return false
	case e.Direction == access.Out:
		return e.Kind == event.AccessGranted
	case e.Kind == event.AccessGranted:
		return d.Allow
	case e.Kind == event.AccessPending:
		return d.Wait
	default:
		return !d.Allow && !d.Wait
	}
}
