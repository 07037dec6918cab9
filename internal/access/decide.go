package access

import (
	"slices"
	"time"

	"kanmon/internal/access/timetable"
)

// Decision is the answer. On the way out Allow is always true and Reason then names what an entry
// would have been refused for; only an alarm may follow from it.
type Decision struct {
	Allow     bool
	Wait      bool // neither yes nor no: Reason says what has to follow within the area's window
	Reason    Reason
	Broken    Reason // a rule that somebody who passes, or will who waits, breaks all the same; empty: none
	Direction Direction
	Door      string
	Area      string
	Person    string
	Card      string
	Record    RecordMode
	ReleaseMS int

	Duress   bool // the PIN for threats was typed, whatever the answer: a silent alarm
	Recovery bool // as a recovery holder
	Visitor  bool
	Escort   bool // may bring visitors here
	First    bool // may be the first here
	Guests   bool // with Allow: the visitors who wait pass along, not only the others who do
	Facts    Facts
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
type Shown struct{ Reader, Card, Person, Fingerprint string }

// Again makes a decision anew from what is on record of it: the policy of that time, what was shown, facts and time.
func Again(p *Policy, s Shown, f Facts, now time.Time) Decision {
	r := Request{Reader: s.Reader, Card: s.Card, Person: s.Person, NoCard: s.Card == "" && s.Fingerprint == ""}
	if n := p.cardOf(s.Fingerprint); n >= 0 {
		r.Card = p.text(p.credentials[n].card)
	}
	return Identify(p, r).Decide(f, now)
}

// Decide answers for who was identified, with what is known besides.
func (id Identity) Decide(f Facts, now time.Time) Decision {
	if id.at == nil {
		return Decision{Reason: id.no, Record: Strict, Facts: f}
	}
	at := id.at
	d := Decision{
		Direction: at.direction, Door: at.door, Area: at.area, Record: at.zone.record, ReleaseMS: at.releaseMS,
		Card: id.card, Facts: f, Duress: f.Typed == TypedDuress,
	}
	if id.holder == nil {
		d.Reason = id.nobody(&f)
		d.Wait = d.Reason == PINRequired && d.Direction == In
		d.Allow = d.Direction == Out
		return d
	}
	d.Person, d.Visitor = id.policy.text(id.holder.person), id.holder.class == visitorIndex
	may, ever := id.entitle(&d, &f, now)
	d.Escort, d.First = may&mayEscort != 0 && id.holder.class == staffIndex, may&mayFirst != 0
	if d.Direction == Out {
		d.Allow, d.Broken = true, id.leaving(&f, ever)
		return d
	}
	if d.Reason == Granted {
		d.Reason = id.enter(&d, &f, may, now)
	}
	if d.Reason == Granted && f.Unfit {
		d.Reason = OutputInsecure
	}
	d.Allow = d.Reason == Granted
	d.Wait = d.Reason.waits() && !d.Allow
	if !d.Allow && !d.Wait {
		d.Broken = "" // who is refused breaks nothing
	}
	return d
}

// waits reports whether what is missing may still follow.
func (r Reason) waits() bool {
	switch r {
	case PINRequired, CardRequired, PersonRequired, EscortRequired:
		return true
	default:
		return false
	}
}

// nobody is the reason for somebody who could not be found.
func (id *Identity) nobody(f *Facts) Reason {
	switch {
	case id.no != PINWrong && id.no != PINRequired:
		return id.no
	case f.Blocked:
		return PINBlocked
	case f.Typed == TypedWrong:
		return PINWrong
	}
	return id.no
}

// entitle asks whether the person may enter at all: the card, the lease, the hours. may are the person's rights beyond entering, ever also those
// that do not count at this hour.
func (id *Identity) entitle(d *Decision, f *Facts, now time.Time) (may, ever privilege) {
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
	reason, may := LeaseOver, privilege(0)
	if !f.Lapsed.Has(h.class) {
		reason, may = p.entitled(h, rights, id.at.areaIndex, now)
	}
	d.Reason = reason
	if (reason == LeaseOver || reason == TimeUnknown) && d.Direction == In && id.recovers(f) {
		may = id.rescue(d, f, rights, ever, now)
	}
	return may, ever
}

func (p *Policy) entitled(h *credential, rights []right, area uint16, now time.Time) (reason Reason, may privilege) {
	if now.IsZero() {
		return withoutClock(h, rights, area)
	}
	t := now.Unix()
	switch card, person := &p.spans[h.cardSpan], &p.spans[h.personSpan]; {
	case card.early(t):
		return CredentialEarly, 0
	case card.over(t):
		return CredentialExpired, 0
	case person.early(t):
		return PersonEarly, 0
	case person.over(t):
		return PersonExpired, 0
	}
	return p.rightNow(rights, area, t)
}

// rescue lets a recovery holder past a lease that is over and past a clock that is not there, and past nothing else. Where only a clock could
// tell, all their rights count.
func (id *Identity) rescue(d *Decision, f *Facts, rights []right, ever privilege, now time.Time) privilege {
	reason, may := id.policy.entitled(id.holder, rights, id.at.areaIndex, now)
	switch reason {
	case TimeUnknown:
		may = ever
	case Granted:
	default:
		return 0
	}
	d.Recovery, d.Reason = true, id.recovery(f)
	return may
}

// recovers reports whether somebody is a recovery holder here, and their own lease still runs.
func (id *Identity) recovers(f *Facts) bool {
	list := id.at.zone.recovery
	return len(list) > 0 && !f.Lapsed.Has(recoveryIndex) && slices.Contains(list, id.policy.text(id.holder.person))
}

// recovery asks a recovery holder for a PIN, or for a second one of them.
func (id *Identity) recovery(f *Facts) Reason {
	switch {
	case f.Party.Recovery > 0:
		return Granted
	case f.Typed != "" && f.Blocked:
		return PINBlocked
	case f.Typed.right():
		return Granted
	case f.Typed != "":
		return PINWrong
	case id.policy.book.of(id.holder.person, ownPIN) != nil:
		return PINRequired
	default:
		return PersonRequired
	}
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

func (p *Policy) rightNow(rights []right, area uint16, t int64) (reason Reason, may privilege) {
	reason = NoRight
	at := timetable.At(t)
	for _, r := range rights {
		if s := &p.spans[r.limits()]; r.area != area || s.early(t) || s.over(t) {
			continue
		}
		if r.schedule == 0 || p.schedules[r.schedule-1].Open(at) {
			reason, may = Granted, may|r.may()
		} else if reason == NoRight {
			reason = OutsideSchedule
		}
	}
	return reason, may
}

// withoutClock grants only what no clock could refuse: an unlimited card of an unlimited person with an
// unlimited, unscheduled right.
func withoutClock(c *credential, rights []right, area uint16) (Reason, privilege) {
	reason, may := NoRight, privilege(0)
	for _, r := range rights {
		if r.area != area {
			continue
		}
		if r.schedule == 0 && r.limits() == 0 && c.cardSpan == 0 && c.personSpan == 0 {
			reason, may = Granted, may|r.may()
		} else if reason == NoRight {
			reason = TimeUnknown
		}
	}
	return reason, may
}
