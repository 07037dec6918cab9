package admission

import (
	"kanmon/controller/site"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/event"
)

// Failed takes a card that was at a reader and could not be read, or is no identifier. Nobody is let in by it, and nothing weaker of it is taken in its
// place; on the way out it counts as a card nobody knows, for everybody gets out. Noise is on record too and moves no door either way: that bytes came broken
// does not say that somebody is there. why is what the reader said of it.
func Failed(s *site.State, reader, why string, noise bool, a Around) Outcome {
	t, r := turn{s, a, reader}, decide.Request{Reader: reader, Lapsed: a.Lapsed}
	id := decide.Identify(a.Policy, r)
	d := t.freed(t.decide(id, id.Facts()))
	o := Outcome{Decision: d, Events: []event.Event{{
		Kind: event.CardUnreadable, Door: d.Door, Area: d.Area, Reader: reader, Direction: d.Direction, Detail: why,
	}}}
	switch {
	case noise:
		o.Decision = decide.Decision{Door: d.Door, Area: d.Area, Reason: d.Reason}
	case d.Direction == access.Out:
		t.goesOut(&o, r)
	}
	return o
}

// About names the card of a request, and its holder, in an event.
func About(e event.Event, p *decide.Policy, r decide.Request) event.Event {
	id := decide.Identify(p, r)
	e.Card, e.Person = id.Card(), id.Person()
	return e
}
