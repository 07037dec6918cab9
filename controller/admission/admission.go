// Package admission makes of what is shown and typed at readers who is let in, who waits for what, and what goes on record. It is pure: it asks
// package access for each decision and keeps who is where in package site. What its answers do to doors is the core's.
package admission

import (
	"slices"
	"time"

	"kanmon/controller/site"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/event"
	"kanmon/reader"
)

// Around is everything else that a decision depends on.
type Around struct {
	Policy *decide.Policy
	Lapsed access.Classes
	At     time.Time   // for what depends on the time; zero: not known
	Now    site.Moment // for what lasts
	Gas    func(area string) bool
	// Ajar reports whether a door is open, about to be, or not known to be shut.
	Ajar func(door string) bool
	// Exits are the doors by readers that let people out, for when no policy knows the reader.
	Exits map[string]string
	// Unfit reports whether a door's output is less secure than its area demands.
	Unfit func(door string) bool
}

// Code is what was typed: a PIN, or a person's number.
type Code interface {
	access.Code
	Number() string
}

// Grant is somebody to be let in.
type Grant struct {
	Decision decide.Decision
	Request  decide.Request
	Twin     *decide.Request // their other card, where two are shown
	Event    event.Event
}

// Outcome of one presentation. Events are without time and policy, which the caller adds.
type Outcome struct {
	Decision decide.Decision // about the person at the reader
	Events   []event.Event   // go on record whatever follows
	Grants   []Grant         // of an entry: who is let in together, the person at the reader last. They wait for the record
	After    []event.Event   // go on record with the grants
}

// Shown takes a card.
func Shown(s *site.State, r decide.Request, a Around) Outcome {
	return turn{s, a, r.Reader}.judge(r)
}

// Typed takes a code: the PIN of the card or number that waits at the reader, or one that stands alone.
func Typed(s *site.State, reader string, code Code, a Around) Outcome {
	t := turn{s, a, reader}
	r := decide.Request{Reader: reader, Lapsed: a.Lapsed, NoCard: true}
	held := s.Held(reader, a.Now)
	switch {
	case held != nil && held.Waits == access.PINRequired:
		r = held.Request
		r.Lapsed, r.Code = a.Lapsed, code
	case a.Policy.TakesNumber(reader):
		r.Number = code.Number()
	default:
		r.Code = code
	}
	return t.judge(r)
}

type turn struct {
	site   *site.State
	around Around
	reader string
}

func (t turn) window(area string) time.Duration { return t.around.Policy.Rules(area).Window() }

// decide asks for one decision with all facts.
func (t turn) decide(id decide.Identity, f access.Facts) decide.Decision {
	a := t.around
	f = t.outside(id, f)
	rules := a.Policy.Rules(id.Area())
	as := site.Asked{Window: rules.Window(), Counted: rules.InOut}
	d := id.Decide(t.site.Facts(id, f, as, a.Now), a.At)
	if d.Recovery {
		as.Recovery = true
		d = id.Decide(t.site.Facts(id, f, as, a.Now), a.At)
	}
	return d
}

func (t turn) judge(r decide.Request) Outcome {
	id := decide.Identify(t.around.Policy, r)
	if id.Direction() == access.Out && r.NoCard && !id.Facts().Typed.Right() { // a number alone, on the way out, is nobody's
		r.Number = ""
		id = decide.Identify(t.around.Policy, r)
	}
	var o Outcome
	if id.Direction() == access.In {
		o.Events = t.review(id)
	}
	d := t.freed(t.decide(id, id.Facts()))
	o.Decision = d
	o.Events = append(o.Events, t.tried(id, d)...)
	if d.Duress {
		o.Events = append(o.Events, about(event.Duress, d, r, t.reader))
	}
	switch {
	case d.Direction == access.Out:
		t.goesOut(&o, r)
	case d.Allow:
		t.comesIn(&o, r)
	case d.Wait:
		t.waits(&o, r)
	default:
		t.refused(&o, r)
	}
	return o
}

// freed lets out whoever stands at a reader that is wired to lead out, whatever the policy says of it, or without one.
func (t turn) freed(d decide.Decision) decide.Decision {
	if door, known := t.around.Exits[t.reader]; known && (d.Direction != access.Out || d.Door != door) {
		d.Allow, d.Wait, d.Direction, d.Door = true, false, access.Out, door
	}
	return d
}

// tried counts wrong PINs.
func (t turn) tried(id decide.Identity, d decide.Decision) (events []event.Event) {
	stopped := false
	for _, subject := range site.Subjects(id) {
		switch {
		case d.Reason == access.PINWrong:
			stopped = t.site.Wrong(subject, t.around.Now) || stopped
		case d.Facts.Typed.Right() && !d.Facts.Blocked:
			t.site.Right(subject)
		}
	}
	if stopped {
		events = append(events, event.Event{Kind: event.PINStopped, Door: d.Door, Area: d.Area, Reader: t.reader, Person: d.Person, Card: d.Card})
	}
	return events
}

func (t turn) refused(o *Outcome, r decide.Request) {
	o.Events = append(o.Events, t.dropped(o.Decision, r, nil)...)
	t.site.Leave(t.reader, o.Decision.Person)
	o.Events = append(o.Events, about(event.AccessDenied, o.Decision, r, t.reader))
}

// dropped ends the wait of a card or number at the reader. One that something else took the place of is refused, unless its holder is let in.
func (t turn) dropped(by decide.Decision, r decide.Request, in []Grant) []event.Event {
	held := t.site.Held(t.reader, t.around.Now)
	t.site.Release(t.reader)
	if held == nil || by.Facts.Party.Twin || same(*held, by, r) ||
		slices.ContainsFunc(in, func(g Grant) bool { return g.Decision.Person == held.Person }) {
		return nil
	}
	return t.left(*held)
}

// same reports whether a decision is about what waits for a PIN or a second card.
func same(held site.Slot, d decide.Decision, r decide.Request) bool {
	return held.Card == d.Card && held.Person == d.Person && held.Request.NoCard == r.NoCard
}

// left is the refusal of a card or number that waited in vain. A number nobody has waited in vain too.
func (t turn) left(held site.Slot) []event.Event {
	return []event.Event{{
		Kind: event.AccessDenied, Reader: t.reader, Door: t.around.Policy.DoorAt(t.reader), Area: t.around.Policy.AreaAt(t.reader),
		Direction: access.In, Reason: held.Waits, Person: held.Person, Card: held.Card, Facts: recorded(held.Facts), Detail: event.InVain,
	}}
}

func (t turn) waits(o *Outcome, r decide.Request) {
	d := o.Decision
	o.Events = append(o.Events, about(event.AccessPending, d, r, t.reader))
	window := t.window(d.Area)
	if d.Reason == access.PINRequired || d.Reason == access.CardRequired {
		slot := site.Slot{Request: r, Person: d.Person, Card: d.Card, Waits: d.Reason, Facts: d.Facts}
		before := t.site.Hold(t.reader, slot, window, t.around.Now)
		if before != nil && !same(*before, d, r) {
			o.Events = append(t.left(*before), o.Events...)
		}
		if d.Recovery {
			t.join(d, r, nil, d.Reason)
		} else {
			t.site.Leave(t.reader, d.Person) // who waited for somebody and shows the card again begins anew
		}
		return
	}
	t.join(d, r, t.twin(d), d.Reason)
	o.Events = append(t.dropped(d, r, nil), o.Events...)
}

// comesIn lets the person in, and with them everybody who waits at the reader and lacks nothing any more.
func (t turn) comesIn(o *Outcome, r decide.Request) {
	d := o.Decision
	twin := t.twin(d)
	t.join(d, r, twin, access.Granted) // waits for nothing, and counts for the others
	o.Grants = append(t.along(d), t.grant(d, r, twin))
	o.Events = append(o.Events, t.dropped(d, r, o.Grants)...)
	for _, g := range o.Grants {
		t.join(g.Decision, g.Request, g.Twin, "")
		t.site.Let(g.Decision.Door, access.In, site.Who(g.Decision))
		o.After = append(o.After, broken(g.Decision, t.reader)...)
	}
}

// join puts somebody among those at the reader. Their PIN is not kept, only what became of it.
func (t turn) join(d decide.Decision, r decide.Request, twin *decide.Request, waits access.Reason) {
	r.Code = nil
	if r.NoCard {
		r.Number, r.Person = "", d.Person
	}
	m := site.Member{Person: site.Who(d), Card: d.Card, Request: r, Twin: twin, Facts: d.Facts, Waits: waits}
	t.site.Join(t.reader, m, t.window(d.Area), t.around.Now)
}

// along decides again about those who wait, now that the person at the reader is there.
func (t turn) along(with decide.Decision) (grants []Grant) {
	for _, m := range t.site.Waiting(t.reader, t.window(with.Area), t.around.Now) {
		if m.ID == with.Person {
			continue
		}
		if d := t.again(m.Request, m.Facts); d.Allow {
			grants = append(grants, t.grant(d, m.Request, m.Twin))
		}
	}
	return grants
}

func (t turn) grant(d decide.Decision, r decide.Request, twin *decide.Request) Grant {
	return Grant{Decision: d, Request: r, Twin: twin, Event: about(event.AccessGranted, d, r, t.reader)}
}

func (t turn) goesOut(o *Outcome, r decide.Request) {
	d := o.Decision
	o.Events = append(o.Events, about(event.AccessGranted, d, r, t.reader))
	o.Events = append(o.Events, broken(d, t.reader)...)
	t.site.Let(d.Door, access.Out, site.Who(d))
}

func broken(d decide.Decision, reader string) (events []event.Event) {
	at := event.Event{Door: d.Door, Area: d.Area, Reader: reader, Direction: d.Direction, Person: d.Person, Card: d.Card}
	if d.Broken != "" {
		at.Kind, at.Reason = event.RuleBroken, d.Broken
		events = append(events, at)
	}
	if d.Recovery {
		at.Kind, at.Reason = event.RecoveryUsed, ""
		events = append(events, at)
	}
	return events
}

// about is the event of a decision, with the facts it was made on.
func about(kind event.Kind, d decide.Decision, r decide.Request, reader string) event.Event {
	e := event.Event{
		Kind: kind, Door: d.Door, Area: d.Area, Reader: reader, Direction: d.Direction, Reason: d.Reason, Person: d.Person, Card: d.Card,
	}
	if kind == event.Duress {
		e.Reason = ""
		return e
	}
	if d.Card == "" && !r.NoCard {
		e.Credential = r.Key.Fingerprint()
	}
	e.Facts = recorded(d.Facts)
	return e
}

func recorded(f access.Facts) *access.Facts {
	if f == (access.Facts{}) {
		return nil
	}
	return &f
}

// Expire refuses who has waited at a reader for too long.
func Expire(s *site.State, a Around) (events []event.Event) {
	for _, reader := range s.Readers() {
		t := turn{s, a, reader}
		left, held := s.Expired(reader, t.window(a.Policy.AreaAt(reader)), a.Now)
		if held != nil {
			events = append(events, t.left(*held)...)
		}
		for _, m := range left {
			if held == nil || held.Person != m.ID {
				events = append(events, t.left(site.Slot{Person: m.ID, Card: m.Card, Waits: m.Waits, Facts: m.Facts})...)
			}
		}
	}
	return events
}

// Deadline is when Expire next has something to do, if that is before next.
func Deadline(s *site.State, p *decide.Policy, next time.Duration) time.Duration {
	for _, reader := range s.Readers() {
		next = s.Deadline(reader, p.Rules(p.AreaAt(reader)).Window(), next)
	}
	return next
}

// Still decides again about somebody who was to be let in, when the record is there: with the policy, the doors and the inputs of now, and the facts
// about people of then.
func Still(g Grant, a Around) decide.Decision {
	t := turn{around: a}
	if g.Twin != nil {
		if d := t.still(*g.Twin, g); fallen(d) {
			return d
		}
	}
	return t.still(g.Request, g)
}

func (t turn) still(r decide.Request, g Grant) decide.Decision {
	a := t.around
	r.Code, r.Lapsed = nil, a.Lapsed
	if r.NoCard {
		r.Number, r.Person = "", g.Decision.Person
	}
	id := decide.Identify(a.Policy, r)
	f := t.outside(id, g.Decision.Facts)
	f.Lapsed = a.Lapsed
	return id.Decide(f, a.At)
}

// outside are the facts about doors and inputs.
func (t turn) outside(id decide.Identity, f access.Facts) access.Facts {
	a := t.around
	f.Gas, f.Unfit, f.Open = a.Gas(id.Area()), a.Unfit(id.Door()), false
	for _, door := range a.Policy.Interlock(id.Door()) {
		f.Open = f.Open || door != id.Door() && a.Ajar(door)
	}
	return f
}

// Undone takes back grants that were not recorded, or whose people were revoked meanwhile.
func Undone(s *site.State, reader string, grants []Grant) {
	for _, g := range grants {
		s.Drop(reader, g.Decision.Person)
		s.Refused(g.Decision.Door, g.Decision.Person)
	}
}

// Feedback is what somebody sees who is not let in: that something has to follow, amber where the controller cannot know, or red for a no.
func Feedback(d decide.Decision) reader.Feedback {
	switch {
	case d.Wait && d.Reason == access.PINRequired:
		return reader.ShowEnterPIN
	case d.Wait:
		return reader.ShowWait
	}
	switch d.Reason {
	case access.NoPolicy, access.UnknownReader, access.TimeUnknown, access.NotRecorded, access.LeaseOver:
		return reader.ShowTrouble
	default:
		return reader.ShowDenied
	}
}
