package access

import "time"

// Decide answers one presentation at one reader. The order of the checks is the contract
// (docs/access-rules.md); what it does not know it refuses. On the way out it always allows.
//
// A zero now means the controller does not know the time: anything bounded by time is then refused.
func Decide(p *Policy, r Request, now time.Time) Decision {
	if p == nil {
		return Decision{Reason: NoPolicy, Record: Strict}
	}
	at, ok := p.readers[r.Reader]
	if !ok {
		return Decision{Reason: UnknownReader, Record: Strict}
	}
	d := Decision{Direction: at.direction, Door: at.door, Area: at.area, Record: at.record, ReleaseMS: at.releaseMS}
	d.Reason = p.judge(&d, at.areaIndex, &r, now)
	d.Allow = d.Reason == Granted || d.Direction == Out
	return d
}

func (p *Policy) judge(d *Decision, area uint16, r *Request, now time.Time) Reason {
	n := p.find(r)
	if n < 0 {
		word, spoken := p.Word("", r.Key, r.Older)
		d.Card = word.Card // a card that is in the set alone is still named
		if state := standingOf(word.State); spoken && state != active {
			return refusals[state]
		}
		return UnknownCredential
	}
	c := &p.credentials[n]
	d.Card, d.Person = p.text(c.card), p.text(c.person)
	switch state := p.standing(c, d.Card, r); {
	case state != active:
		return refusals[state]
	case r.Lapsed.Has(c.class):
		return LeaseOver
	}
	rights := p.rights[c.firstRight : c.firstRight+c.rights]
	if now.IsZero() {
		return withoutClock(c, rights, area)
	}
	t := now.Unix()
	switch card, person := &p.spans[c.cardSpan], &p.spans[c.personSpan]; {
	case card.early(t):
		return CredentialEarly
	case card.over(t):
		return CredentialExpired
	case person.early(t):
		return PersonEarly
	case person.over(t):
		return PersonExpired
	}
	return p.rightNow(rights, area, t)
}

var refusals = [...]Reason{revoked: CredentialRevoked, suspended: CredentialSuspend}

// find returns the number of the credential that the policy has in the newest of the card's forms, or -1. A policy has each card in one form.
func (p *Policy) find(r *Request) int {
	n, _ := p.index.find(p.credentials, &r.Key)
	for i := 0; n < 0 && i < len(r.Older); i++ {
		n, _ = p.index.find(p.credentials, &r.Older[i])
	}
	return n
}

// standing is what counts for a card that the policy knows: the revocation set outranks the state that came with the policy, but for a revoked one.
func (p *Policy) standing(c *credential, card string, r *Request) standing {
	word, spoken := p.Word(card, r.Key, r.Older)
	if !spoken || c.state == revoked {
		return c.state
	}
	return standingOf(word.State)
}

func (p *Policy) rightNow(rights []right, area uint16, t int64) Reason {
	reason := NoRight
	minute := minuteOfWeek(t)
	for _, r := range rights {
		if s := &p.spans[r.span]; r.area != area || s.early(t) || s.over(t) {
			continue
		}
		if r.schedule == 0 || p.schedules[r.schedule-1].has(minute) {
			return Granted
		}
		reason = OutsideSchedule
	}
	return reason
}

// withoutClock grants only what no clock could refuse: an unlimited card of an unlimited person with an
// unlimited, unscheduled right.
func withoutClock(c *credential, rights []right, area uint16) Reason {
	reason := NoRight
	for _, r := range rights {
		if r.area != area {
			continue
		}
		if r.schedule == 0 && r.span == 0 && c.cardSpan == 0 && c.personSpan == 0 {
			return Granted
		}
		reason = TimeUnknown
	}
	return reason
}

// minuteOfWeek counts from Sunday 00:00 JST. The Unix epoch was a Thursday.
func minuteOfWeek(unix int64) int {
	const week = minutesOfWeek * 60
	s := (unix + jstOffset + 4*86400) % week
	if s < 0 {
		s += week
	}
	return int(s / 60)
}
