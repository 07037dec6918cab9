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
	d.Reason = p.judge(&d, at.areaIndex, r.Key, now)
	d.Allow = d.Reason == Granted || d.Direction == Out
	return d
}

func (p *Policy) judge(d *Decision, area int32, key Key, now time.Time) Reason {
	c, ok := p.credentials[key]
	if !ok {
		return UnknownCredential
	}
	who := &p.people[c.person]
	d.Card, d.Person = c.card, who.id
	switch c.state {
	case Active:
	case Suspended:
		return CredentialSuspend
	case Revoked:
		return CredentialRevoked
	default:
		return CredentialRevoked
	}
	if now.IsZero() {
		return who.withoutClock(c.span, area)
	}
	t := now.Unix()
	switch {
	case c.early(t):
		return CredentialEarly
	case c.over(t):
		return CredentialExpired
	case who.early(t):
		return PersonEarly
	case who.over(t):
		return PersonExpired
	}
	return p.rightNow(who, area, t)
}

func (p *Policy) rightNow(who *person, area int32, t int64) Reason {
	reason := NoRight
	minute := minuteOfWeek(t)
	for i := range who.rights {
		r := &who.rights[i]
		if r.area != area || r.early(t) || r.over(t) {
			continue
		}
		if r.schedule < 0 || p.schedules[r.schedule].has(minute) {
			return Granted
		}
		reason = OutsideSchedule
	}
	return reason
}

// withoutClock grants only what no clock could refuse: an unlimited card of an unlimited person with an
// unlimited, unscheduled right.
func (who *person) withoutClock(card span, area int32) Reason {
	reason := NoRight
	for i := range who.rights {
		r := &who.rights[i]
		if r.area != area {
			continue
		}
		if r.schedule < 0 && r.span == (span{}) && card == (span{}) && who.span == (span{}) {
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
