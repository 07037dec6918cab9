package decide

import (
	"kanmon/internal/access"
)

// Identity is who stands at which reader, as far as a policy can tell from a request. It says nothing yet of what is allowed.
type Identity struct {
	policy *Policy
	at     *passage      // nil: the reader is not known
	holder *credential   // nil: nobody known
	pin    *pin          // that the area asks of them; nil: none
	no     access.Reason // of no reader or nobody
	reader string
	card   string
	noCard bool
	found  standing     // of the card
	facts  access.Facts // what the request itself says
}

// Request is what was shown and typed at one reader.
type Request struct {
	Reader string
	Key    access.Key     // of the card, in the newest form that the door's keys give
	Older  []access.Key   // its other forms, newest first
	Lapsed access.Classes // of people whose lease is over
	Trust  access.Trust   // what the driver and the format of the read allow
	Shape  access.Shape   // of the read
	NoCard bool           // nothing was shown, only typed; Key then means nothing
	Number string         // of the person, typed
	Code   access.Code    // PIN, typed; nil: none
	Card   string         // in place of a key: the id of a card, to explain a decision and to make an old one again
	Ended  bool           // with Card: by the one of its credentials that is refused first, not by the one that is refused last
	Person string         // in place of a key: who it is, with NoCard
}

// Identify finds who a request is about. A nil policy knows nobody.
func Identify(p *Policy, r Request) Identity {
	id := Identity{policy: p, noCard: r.NoCard, facts: access.Facts{Trust: r.Trust, Shape: r.Shape, Lapsed: r.Lapsed}, no: access.NoPolicy}
	if p == nil {
		return id
	}
	at, known := p.readers[r.Reader]
	if !known {
		id.no = access.UnknownReader
		return id
	}
	id.at, id.reader = at, r.Reader
	switch {
	case !r.NoCard && !at.profile.Expects(r.Shape):
		id.no, id.facts.Trust = access.FrameUnexpected, ""
	case !r.NoCard:
		id.facts.Trust = at.profile.Trusts(r.Trust, r.Shape)
		id.byCard(&r)
	case r.Person != "":
		id.byPerson(r.Person)
	case at.zone.factors == access.FactorsNumber:
		id.byNumber(&r)
	default:
		id.byPIN(&r)
	}
	return id
}

// byCard finds the card's holder, and compares the PIN that was typed after it with theirs.
func (id *Identity) byCard(r *Request) {
	p := id.policy
	var n int
	if r.Card != "" {
		n = p.cardNamed(r)
		id.card = r.Card
	} else {
		n = p.find(r)
	}
	if n < 0 {
		id.no = id.stranger(r)
		return
	}
	id.holder = &p.credentials[n]
	id.card = p.text(id.holder.card)
	id.found = p.standing(id.holder, id.card, r)
	id.own(r.Code)
}

// stranger is a card that the policy does not have. One that is in the revocation set is named and refused as such.
func (id *Identity) stranger(r *Request) access.Reason {
	word, spoken := id.policy.Word(r.Card, r.Key, r.Older)
	if r.Card == "" {
		id.card = word.Card
	}
	if state := standingOf(word.State); spoken && state != active {
		return refusals[state]
	}
	return access.UnknownCredential
}

func (id *Identity) byPerson(person string) {
	id.no = access.PINWrong
	book := &id.policy.book
	for i := range book.holders {
		if h := &book.holders[i]; id.policy.text(h.person) == person {
			id.holder, id.found = h, active
			return
		}
	}
}

func (id *Identity) byNumber(r *Request) {
	id.no = access.PINWrong
	if n, there := id.policy.book.numbers[r.Number]; there {
		id.holder, id.found = &id.policy.book.holders[n], active
		id.own(r.Code)
	} else if r.Code == nil {
		id.no = access.PINRequired // whether the number is anybody's is not told before the PIN
	}
	if id.holder == nil && r.Code != nil {
		id.facts.Typed = access.TypedWrong
	}
}

// byPIN finds who it is by a PIN that the area takes alone.
func (id *Identity) byPIN(r *Request) {
	id.no = access.PINWrong
	if id.at.zone.factors != access.FactorsPIN {
		id.no = access.FactorsWrong
		return
	}
	if r.Code == nil {
		return
	}
	id.facts.Typed = access.TypedWrong
	book := &id.policy.book
	if e, there := book.typed(r.Code, id.at.zone.scope); there && book.pins[e.n].area == int32(id.at.areaIndex) {
		id.pin = &book.pins[e.n]
		id.holder, id.found = &book.holders[id.pin.holder], active
		id.facts.Typed = outcome(e)
	}
}

// own compares a code with the holder's own PIN.
func (id *Identity) own(code access.Code) {
	book := &id.policy.book
	if len(book.pins) == 0 && code == nil {
		return
	}
	id.pin = nil
	if code == nil {
		return
	}
	id.facts.Typed = access.TypedWrong
	person := id.holder.person
	if e, there := book.typed(code, id.policy.scopeOf(person)); there {
		if p := &book.pins[e.n]; p.area == ownPIN && book.holders[p.holder].person == person {
			id.pin, id.facts.Typed = p, outcome(e)
		}
	}
}

func outcome(e pinEntry) access.Typed {
	if e.duress {
		return access.TypedDuress
	}
	return access.TypedRight
}

// cardNamed is the number of a credential of the card that a request names, or -1. Of several of which one ended, the record does not say which was shown:
// only what is refused for good was shown by that one. It looks at every card: it is for explanations.
func (p *Policy) cardNamed(r *Request) int {
	found, best := -1, active
	for i := range p.credentials {
		c := &p.credentials[i]
		if p.text(c.card) != r.Card {
			continue
		}
		if is := p.standing(c, r.Card, r); found < 0 || is != best && r.Ended == (is < best) {
			found, best = i, is
		}
	}
	return found
}

// Strangers takes out of both sets whom and what the policy knows: people who have a card, a number or a PIN, and cards.
func (p *Policy) Strangers(people, cards map[string]bool) {
	if p == nil || len(people)+len(cards) == 0 {
		return
	}
	for i := range p.credentials {
		delete(people, p.text(p.credentials[i].person))
		delete(cards, p.text(p.credentials[i].card))
	}
	for i := range p.book.holders {
		delete(people, p.text(p.book.holders[i].person))
	}
}

// Facts are those that the request itself brought; the controller adds what it knows.
func (id Identity) Facts() access.Facts { return id.facts }

// Person is who it is; empty for nobody known.
func (id Identity) Person() string {
	if id.holder == nil {
		return ""
	}
	return id.policy.text(id.holder.person)
}

// Card is the id of the card; empty for a stranger's and for none.
func (id Identity) Card() string { return id.card }

// Door and Area the reader belongs to; empty when it is not known.
func (id Identity) Door() string {
	if id.at == nil {
		return ""
	}
	return id.at.door
}

// Area the reader belongs to; empty when it is not known.
func (id Identity) Area() string {
	if id.at == nil {
		return ""
	}
	return id.at.area
}

// Direction of the reader.
func (id Identity) Direction() access.Direction {
	if id.at == nil {
		return ""
	}
	return id.at.direction
}

// Reader of the request, as the policy names it; empty when it is not known.
func (id Identity) Reader() string { return id.reader }
