// Package gate is what a controller remembers of records that are on their way to its journal: the decisions to let somebody in that wait for them,
// and the events that could not be written. It is pure bookkeeping; what follows from it is the core's.
package gate

import (
	"kanmon/controller/admission"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/event"
)

// Gate is a decision to let somebody in that waits for its record.
type Gate struct {
	Decision decide.Decision
	Reader   string            // "" for a command
	Grants   []admission.Grant // who is let in; none for a command
	Command  string            // id of the command; "" for people
	Events   []event.Event     // the grants', then what else is on record with them
}

// Of is the gate of people who are to be let in at a reader; stamp gives an event its time and policy.
func Of(reader string, o admission.Outcome, stamp func(event.Event) event.Event) *Gate {
	g := &Gate{Decision: o.Decision, Reader: reader, Grants: o.Grants}
	for _, grant := range o.Grants {
		g.Events = append(g.Events, stamp(grant.Event))
	}
	for _, e := range o.After {
		g.Events = append(g.Events, stamp(e))
	}
	return g
}

// People are those who pass together.
func (g Gate) People() (ids []string) {
	for _, grant := range g.Grants {
		ids = append(ids, grant.Decision.Person)
	}
	return ids
}

// First reports whether one of them may be the first in the area.
func (g Gate) First() bool {
	for _, grant := range g.Grants {
		if grant.Decision.First {
			return true
		}
	}
	return false
}

// Refusals are the grants, or the command, turned round.
func (g Gate) Refusals(r access.Reason) (events []event.Event) {
	if g.Command != "" {
		e := g.Events[0]
		e.Kind, e.Reason = event.CommandRefused, r
		return []event.Event{e}
	}
	for i := range g.Grants {
		e := g.Events[i]
		e.Kind, e.Reason = event.AccessDenied, r
		events = append(events, e)
	}
	return events
}

// Dead reports whether a card of the gate was revoked or suspended since the decision, and as what it is refused now.
func (g Gate) Dead(p *decide.Policy) (access.Reason, bool) {
	for _, grant := range g.Grants {
		entry, there := p.Word(grant.Decision.Card, grant.Request.Key, grant.Request.Older)
		switch {
		case grant.Request.NoCard || !there || entry.State == access.Active:
		case entry.State == access.Suspended:
			return access.CredentialSuspend, true
		default:
			return access.CredentialRevoked, true
		}
	}
	return "", false
}
