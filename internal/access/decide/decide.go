// Package decide is the decision at a door: Compile turns a policy as data (package access) into what Identify and Decide read; Again makes an old
// decision anew. It is pure: no clock, no disk, no network; the same code runs at the door, in the console's explanation and in the replay.
package decide

import (
	"slices"
	"time"

	"kanmon/internal/access"

	"kanmon/internal/access/timetable"
)

// Decision is the answer. On the way out Allow is always true and Reason then names what an entry
// would have been refused for; only an alarm may follow from it.
type Decision struct {
	Allow     bool
	Wait      bool // neither yes nor no: Reason says what has to follow within the area's window
	Reason    access.Reason
	Broken    access.Reason // a rule that somebody who passes, or will who waits, breaks all the same; empty: none
	Direction access.Direction
	Door      string
	Area      string
	Person    string
	Card      string
	Record    access.RecordMode
	ReleaseMS int

	Duress   bool // the PIN for threats was typed, whatever the answer: a silent alarm
	Recovery bool // as a recovery holder
	Visitor  bool
	Escort   bool // may bring visitors here
	First    bool // may be the first here
	Facts    access.Facts
}

// Decide answers one request in a quiet building: nobody inside, nobody waiting, every door shut. The order of the checks is the contract
// (docs/access-rules.md); what it does not know it refuses. On the way out it always allows.
//
// A zero now means the controller does not know the time: anything bounded by time is then refused.
func Decide(p *Policy, r Request, now time.Time) Decision {
	id := Identify(p, r)
	return id.Decide(id.facts, now)
}

// Shown is what is on record of what was shown at a reader: a known card by its id, a stranger's by its fingerprint, a person who showed none.
type Shown struct {
	Reader, Card, Person, Fingerprint string
	Ended                             bool // it was refused as revoked: of a card with several credentials, by one that ended
}

// Again makes a decision anew from what is on record of it: the policy of that time, what was shown, facts and time.
func Again(p *Policy, s Shown, f access.Facts, now time.Time) Decision {
	r := Request{
		Reader: s.Reader, Card: s.Card, Ended: s.Ended, Person: s.Person, NoCard: s.Card == "" && s.Fingerprint == "", Trust: f.Trust, Shape: f.Shape,
	}
	for i := 0; p != nil && s.Fingerprint != "" && i < len(p.credentials) && r.Card == ""; i++ {
		if c := &p.credentials[i]; c.key.Fingerprint() == s.Fingerprint {
			r.Card = p.text(c.card)
		}
	}
	id := Identify(p, r)
	f.Trust = id.facts.Trust // what the record says was never more than the profile allows
	return id.Decide(f, now)
}

// Decide answers for who was identified, with what is known besides.
func (id Identity) Decide(f access.Facts, now time.Time) Decision {
	if id.at == nil {
		return Decision{Reason: id.no, Record: access.Strict, Facts: f}
	}
	at := id.at
	d := Decision{
		Direction: at.direction, Door: at.door, Area: at.area, Record: at.zone.record, ReleaseMS: at.releaseMS,
		Card: id.card, Facts: f, Duress: f.Typed == access.TypedDuress,
	}
	if id.holder == nil {
		d.Reason = id.nobody(&f)
		d.Wait = d.Reason == access.PINRequired && d.Direction == access.In
		d.Allow = d.Direction == access.Out
		return d
	}
	d.Person, d.Visitor = id.policy.text(id.holder.person), id.holder.class == access.VisitorIndex
	may, ever := id.entitle(&d, &f, now)
	d.Escort, d.First = may&mayEscort != 0 && id.holder.class == access.StaffIndex, may&mayFirst != 0
	if d.Direction == access.Out {
		d.Allow, d.Broken = true, id.leaving(&f, ever)
		return d
	}
	if r := id.veil(&d, &f); r != access.Granted {
		d.Reason = r
	} else if d.Reason == access.Granted {
		d.Reason = id.enter(&d, &f, may, now)
	}
	if d.Reason == access.Granted && f.Unfit {
		d.Reason = access.OutputInsecure
	}
	d.Allow = d.Reason == access.Granted
	d.Wait = waits(d.Reason) && !d.Allow
	if !d.Allow && !d.Wait {
		d.Broken = "" // who is refused breaks nothing
	}
	return d
}

// waits reports whether what is missing may still follow.
func waits(r access.Reason) bool {
	switch r {
	case access.PINRequired, access.CardRequired, access.PersonRequired, access.EscortRequired:
		return true
	default:
		return false
	}
}

// nobody is the reason for somebody who could not be found.
func (id *Identity) nobody(f *access.Facts) access.Reason {
	switch {
	case id.no != access.PINWrong && id.no != access.PINRequired, id.no == access.PINRequired && f.Typed == "":
		return id.no
	case f.Blocked:
		return access.PINBlocked
	case f.Typed == access.TypedWrong:
		return access.PINWrong
	}
	return id.no
}

// entitle asks whether the person may enter at all: the card, the lease, the hours. may are the person's rights beyond entering, ever also those
// that do not count at this hour.
func (id *Identity) entitle(d *Decision, f *access.Facts, now time.Time) (may, ever privilege) {
	p, h := id.policy, id.holder
	rights := p.rights[h.firstRight : h.firstRight+h.rights]
	for _, r := range rights {
		if r.area == id.at.areaIndex {
			ever |= r.may()
		}
	}
	if id.found != active {
		d.Reason = refusals[id.found]
		return 0, ever
	}
	reason, may := access.LeaseOver, privilege(0)
	if !f.Lapsed.Has(h.class) {
		reason, may = p.entitled(h, rights, id.at.areaIndex, now)
	}
	d.Reason = reason
	if (reason == access.LeaseOver || reason == access.TimeUnknown) && d.Direction == access.In && id.recovers(f) {
		may = id.rescue(d, f, rights, ever, now)
	}
	return may, ever
}

func (p *Policy) entitled(h *credential, rights []right, area uint16, now time.Time) (reason access.Reason, may privilege) {
	if now.IsZero() {
		return withoutClock(h, rights, area)
	}
	t := now.Unix()
	switch card, person := &p.spans[h.cardSpan], &p.spans[h.personSpan]; {
	case card.early(t):
		return access.CredentialEarly, 0
	case card.over(t):
		return access.CredentialExpired, 0
	case person.early(t):
		return access.PersonEarly, 0
	case person.over(t):
		return access.PersonExpired, 0
	}
	return p.rightNow(rights, area, t)
}

// rescue lets a recovery holder past a lease that is over and past a clock that is not there, and past nothing else. Where only a clock could
// tell, all their rights count.
func (id *Identity) rescue(d *Decision, f *access.Facts, rights []right, ever privilege, now time.Time) privilege {
	reason, may := id.policy.entitled(id.holder, rights, id.at.areaIndex, now)
	switch reason {
	case access.TimeUnknown:
		may = ever
	case access.Granted:
	default:
		return 0
	}
	d.Recovery, d.Reason = true, id.recovery(f)
	return may
}

// recovers reports whether somebody is a recovery holder here, and their own lease still runs.
func (id *Identity) recovers(f *access.Facts) bool {
	list := id.at.zone.recovery
	return len(list) > 0 && !f.Lapsed.Has(access.RecoveryIndex) && slices.Contains(list, id.policy.text(id.holder.person))
}

// recovery asks a recovery holder for a PIN, or for a second one of them.
func (id *Identity) recovery(f *access.Facts) access.Reason {
	switch {
	case f.Party.Recovery > 0:
		return access.Granted
	case f.Typed != "" && f.Blocked:
		return access.PINBlocked
	case f.Typed.Right():
		return access.Granted
	case f.Typed != "":
		return access.PINWrong
	case id.policy.book.of(id.holder.person, ownPIN) != nil:
		return access.PINRequired
	default:
		return access.PersonRequired
	}
}

var refusals = [...]access.Reason{revoked: access.CredentialRevoked, suspended: access.CredentialSuspend}

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
	newest, older := r.Key, r.Older
	if r.Card != "" { // by its id: the form that the policy has
		newest = c.key
	}
	word, spoken := p.Word(card, newest, older)
	if !spoken || c.state == revoked {
		return c.state
	}
	return standingOf(word.State)
}

func (p *Policy) rightNow(rights []right, area uint16, t int64) (reason access.Reason, may privilege) {
	reason = access.NoRight
	at := timetable.At(t)
	for _, r := range rights {
		if s := &p.spans[r.limits()]; r.area != area || s.early(t) || s.over(t) {
			continue
		}
		if r.schedule == 0 || p.schedules[r.schedule-1].Open(at) {
			reason, may = access.Granted, may|r.may()
		} else if reason == access.NoRight {
			reason = access.OutsideSchedule
		}
	}
	return reason, may
}

// withoutClock grants only what no clock could refuse: an unlimited card of an unlimited person with an
// unlimited, unscheduled right.
func withoutClock(c *credential, rights []right, area uint16) (access.Reason, privilege) {
	reason, may := access.NoRight, privilege(0)
	for _, r := range rights {
		if r.area != area {
			continue
		}
		if r.schedule == 0 && r.limits() == 0 && c.cardSpan == 0 && c.personSpan == 0 {
			reason, may = access.Granted, may|r.may()
		} else if reason == access.NoRight {
			reason = access.TimeUnknown
		}
	}
	return reason, may
}
