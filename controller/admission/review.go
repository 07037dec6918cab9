package admission

import (
	"kanmon/controller/site"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/event"
)

// review asks again about those at the reader before somebody else counts on them: a card may have been revoked meanwhile, a lease or the hours over.
func (t turn) review(newcomer decide.Identity) (events []event.Event) {
	for _, m := range t.site.Waiting(t.reader, t.window(newcomer.Area()), t.around.Now) {
		if m.ID == newcomer.Person() {
			continue
		}
		d, shown := t.stands(m)
		if d.Allow || d.Recovery && d.Wait || d.Reason == access.PersonRequired || d.Reason == access.EscortRequired {
			continue
		}
		t.site.Leave(t.reader, m.ID)
		events = append(events, about(event.AccessDenied, d, shown, t.reader))
	}
	for _, m := range t.site.LetIn(t.reader) {
		if d, _ := t.stands(m); fallen(d) {
			t.site.Drop(t.reader, m.ID)
		}
	}
	if held := t.site.Held(t.reader, t.around.Now); held != nil && held.Waits == access.CardRequired {
		if d := t.again(held.Request, held.Facts); !d.Allow && !d.Wait {
			t.site.Release(t.reader)
			events = append(events, about(event.AccessDenied, d, held.Request, t.reader))
		}
	}
	return events
}

// again decides anew about somebody who waits, with the PIN or the second card that came before.
func (t turn) again(r decide.Request, before access.Facts) decide.Decision {
	r.Lapsed = t.around.Lapsed
	id := decide.Identify(t.around.Policy, r)
	f := id.Facts()
	f.Typed, f.Party.Twin = before.Typed, before.Party.Twin
	return t.decide(id, f)
}

// stands decides anew about somebody at the reader. Where they showed two cards, either may end it; shown is the one that the decision is about.
func (t turn) stands(m site.Member) (d decide.Decision, shown decide.Request) {
	if m.Twin != nil {
		if d := t.again(*m.Twin, m.Facts); fallen(d) {
			return d, *m.Twin
		}
	}
	return t.again(m.Request, m.Facts), m.Request
}

// fallen reports whether somebody may not enter at all any more, whoever else is there.
func fallen(d decide.Decision) bool {
	switch d.Reason {
	case access.NoPolicy, access.UnknownReader, access.UnknownCredential, access.CredentialSuspend, access.CredentialRevoked, access.LeaseOver, access.TimeUnknown,
		access.CredentialEarly, access.CredentialExpired, access.PersonEarly, access.PersonExpired, access.NoRight, access.OutsideSchedule:
		return true
	default:
		return d.Person == ""
	}
}

// twin is the card that somebody showed before the one of a decision, where both are asked for; nil for none.
func (t turn) twin(d decide.Decision) *decide.Request {
	held := t.site.Held(t.reader, t.around.Now)
	if !d.Facts.Party.Twin || held == nil || held.Waits != access.CardRequired || held.Person != d.Person {
		return nil
	}
	return &held.Request
}
