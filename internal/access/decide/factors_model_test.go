package decide_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
)

// shown is what somebody shows and types at the entry of the area "a".
type shown struct {
	card   string // whose card: "" none, "?" one that nobody knows
	trust  access.Trust
	number string
	digits string // "" none
	twin   bool   // after another card of theirs
}

// secret is a PIN as the person knows it.
type secret struct {
	person, area, digits, duress string
	until                        int64
}

// factorsModel answers questions 4 to 16 from the list of people and of what they know by heart.
func factorsModel(s access.Spec, secrets []secret, x shown, blocked bool, now time.Time) (answer, string, bool) {
	rules := s.Areas[0].Rules
	alone := rules.Factors == access.FactorsPIN || rules.Factors == access.FactorsNumber
	who := ""
	switch {
	case x.card == "?":
		return answer{reason: access.UnknownCredential}, "", false
	case x.card != "":
		who = x.card
	case rules.Factors == access.FactorsPIN:
		for _, k := range secrets {
			if k.area == "a" && x.digits != "" && (k.digits == x.digits || k.duress == x.digits) {
				who = k.person
			}
		}
	case rules.Factors == access.FactorsNumber:
		for _, p := range s.People {
			if p.Number != "" && p.Number == x.number {
				who = p.ID
			}
		}
	default:
		return answer{reason: access.FactorsWrong}, "", false
	}
	counts := "" // the area whose PINs count here; "" the person's own
	if rules.Factors == access.FactorsPIN && x.card == "" {
		counts = "a"
	}
	right, duress, until := false, false, int64(0)
	for _, k := range secrets {
		if who != "" && k.person == who && k.area == counts && x.digits != "" {
			duress = duress || k.duress == x.digits
			if k.digits == x.digits || k.duress == x.digits {
				right, until = true, k.until
			}
		}
	}
	if x.card == "" && rules.Factors == access.FactorsNumber { // before the PIN is right, nothing depends on whose number it is
		switch {
		case x.digits == "":
			return answer{reason: access.PINRequired}, who, duress
		case blocked:
			return answer{reason: access.PINBlocked}, who, duress
		case !right:
			return answer{reason: access.PINWrong}, who, duress
		}
	}
	if who != "" {
		c := access.Credential{Person: who, State: access.Active}
		for _, have := range s.Credentials {
			if x.card != "" && have.Person == who {
				c = have
			}
		}
		if reason := modelCard(s, c, "a", 0, now); reason != access.Granted {
			return answer{reason: reason}, who, duress
		}
	}
	reason := access.Granted
	switch {
	case (x.card == "") != alone:
		reason = access.FactorsWrong
	case x.card != "" && rank(x.trust) < rank(rules.Trust):
		reason = access.TrustTooLow
	case rules.Factors == access.FactorsTwoCards && !x.twin:
		reason = access.CardRequired
	case rules.Factors == access.FactorsTwoCards || rules.Factors == access.FactorsCard || rules.Factors == "":
	case blocked:
		reason = access.PINBlocked
	case x.digits == "" && who != "": // where the PIN says who it is, none at all is nobody's
		reason = access.PINRequired
	case !right:
		reason = access.PINWrong
	case until != 0 && now.IsZero():
		reason = access.TimeUnknown
	case until != 0 && now.Unix() >= until:
		reason = access.PINExpired
	}
	return answer{reason: reason}, who, duress
}

func rank(t access.Trust) int {
	return map[access.Trust]int{access.TrustMemory: 1, access.TrustMutual: 2}[t]
}

var digits = []string{"1111", "2222", "3333", "4444", "5555", "6666", "7777", "8888"}

// anyFactors draws an area "a" and another "b", people with cards, rights and numbers, and who knows which PINs by heart.
func anyFactors(t *rapid.T) (s access.Spec, secrets []secret) {
	s = access.Spec{
		Areas: []access.Area{{ID: "a", Record: access.Strict, Rules: access.Rules{
			Factors: oneOf(t, "factors", "", access.FactorsCard, access.FactorsCardPIN, access.FactorsCardPIN, access.FactorsPIN, access.FactorsNumber, access.FactorsTwoCards),
			Trust:   oneOf(t, "trust", "", access.TrustNumber, access.TrustMemory, access.TrustMutual),
		}}, {ID: "b", Record: access.Strict, Rules: access.Rules{Factors: access.FactorsPIN}}},
		Doors: []access.Door{{ID: "D", Area: "a", EntryReads: []string{"IN"}, ExitReads: []string{"OUT"}, ReleaseMS: 500, HeldMS: 1000}},
	}
	s.Readers = proven("IN", "OUT")
	end := func() int64 { return oneOf(t, "until", 0, 0, 0, noon.Unix(), noon.Unix()+1) }
	ofA, ofB := rapid.Permutation(digits).Draw(t, "a's"), rapid.Permutation(digits).Draw(t, "b's")
	for i, person := range []string{"p", "q", "r"} {
		s.People = append(s.People, access.Person{ID: person, Number: oneOf(t, "number", "", person2number[person]), Until: end()})
		s.Credentials = append(s.Credentials, access.Credential{Key: cardOf(person), Card: person, Person: person, State: access.Active, Until: end()})
		if few(t, "right", 4) > 0 {
			s.Rights = append(s.Rights, access.Right{Person: person, Area: "a", Until: end()})
		}
		own := rapid.Permutation(digits).Draw(t, "own")
		for _, k := range []secret{{person, "", own[0], own[1], end()}, {person, "a", ofA[2*i], ofA[2*i+1], end()}, {person, "b", ofB[2*i], ofB[2*i+1], end()}} {
			if few(t, "has", 3) == 0 {
				continue
			}
			if yes(t, "no duress") {
				k.duress = ""
			}
			secrets = append(secrets, k)
		}
	}
	forms := 1 + few(t, "forms", 2)
	for _, k := range secrets {
		scope := access.PersonScope(k.person)
		if k.area != "" {
			scope = access.AreaScope(k.area)
		}
		pin := access.PIN{Person: k.person, Area: k.area, Key: hashed(scope, k.digits, forms), Until: k.until}
		if k.duress != "" {
			pin.Duress = hashed(scope, k.duress, forms)
		}
		s.PINs = append(s.PINs, pin)
	}
	return s, secrets
}

var person2number = map[string]string{"p": "11", "q": "22", "r": "33"}

func (x shown) request(forms int) decide.Request {
	r := decide.Request{Reader: "IN", Trust: x.trust, Shape: bits26, NoCard: x.card == "", Number: x.number}
	if x.card != "" {
		r.Key = cardOf(x.card)
	}
	if x.digits != "" {
		r.Code = typed{x.digits, forms}
	}
	return r
}

// R44-1, R44-3: what is shown and typed is asked for and checked as the area says.
func TestFactorsAgreeWithANaiveModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, secrets := anyFactors(t)
		p := compiled(t, s)
		for range 20 {
			x := shown{
				card: oneOf(t, "card", "", "", "", "p", "q", "r", "?"), trust: oneOf(t, "read", "", access.TrustNumber, access.TrustMemory, access.TrustMutual, access.TrustMutual),
				number: oneOf(t, "typed number", "", "11", "22", "33", "44"), digits: rapid.SampledFrom(append(digits, "", "", "9999")).Draw(t, "pin"), twin: yes(t, "twin"),
			}
			if known := few(t, "known", 2); known > 0 && len(secrets) > 0 { // one that fits more often than not
				k := rapid.SampledFrom(secrets).Draw(t, "secret")
				x.digits, x.number = k.digits, person2number[k.person]
				if k.duress != "" && yes(t, "under threat") {
					x.digits = k.duress
				}
				if x.card != "" {
					x.card = k.person
				}
			}
			blocked := few(t, "blocked", 5) == 0
			now := noon
			if few(t, "no clock", 4) == 0 {
				now = time.Time{}
			}
			id := decide.Identify(p, x.request(3+few(t, "keys", 1))) // a door may know a newer key than the policy
			f := id.Facts()
			f.Blocked, f.Party.Twin = blocked, x.twin
			want, who, duress := factorsModel(s, secrets, x, blocked, now)
			d := id.Decide(f, now)
			agree(t, d, want)
			if d.Person != who || d.Duress != duress {
				t.Fatalf("%+v by %+v, the model says it is %q, under threat: %t", d, x, who, duress)
			}
		}
	})
}

// R44-1, R44-3: the cases in words. Sato and Abe have a PIN of their own, "1111", and one for threats, "2222"; Sato's ends at noon. "3333" is
// Sato's for the area alone, "4444" Abe's for another area. Sato's number is 11.
func TestFactors(t *testing.T) {
	const at, before = 0, -1
	sato := func(x shown) shown { x.card, x.trust = "sato", access.TrustMutual; return x }
	abe := func(x shown) shown { x.card, x.trust = "abe", access.TrustMemory; return x }
	for _, test := range []struct {
		name    string
		factors access.Factors
		x       shown
		blocked bool
		seconds int
		want    access.Reason
	}{
		{"a card", access.FactorsCard, abe(shown{}), false, at, access.Granted},
		{"a PIN for a card", access.FactorsCard, shown{digits: "1111"}, false, at, access.FactorsWrong},
		{"a card whose number alone was read", access.FactorsCard, shown{card: "abe", trust: access.TrustNumber}, false, at, access.TrustTooLow},
		{"a card without its PIN", access.FactorsCardPIN, abe(shown{}), false, at, access.PINRequired},
		{"a card with its PIN", access.FactorsCardPIN, abe(shown{digits: "1111"}), false, at, access.Granted},
		{"a card with the PIN for threats", access.FactorsCardPIN, abe(shown{digits: "2222"}), false, at, access.Granted},
		{"a card with a wrong PIN", access.FactorsCardPIN, abe(shown{digits: "3333"}), false, at, access.PINWrong},
		{"after five wrong ones", access.FactorsCardPIN, abe(shown{digits: "1111"}), true, at, access.PINBlocked},
		{"after five wrong ones, before the next", access.FactorsCardPIN, abe(shown{}), true, at, access.PINBlocked},
		{"a PIN in its last second", access.FactorsCardPIN, sato(shown{digits: "1111"}), false, before, access.Granted},
		{"a PIN that is too old", access.FactorsCardPIN, sato(shown{digits: "1111"}), false, at, access.PINExpired},
		{"a PIN for threats that is too old", access.FactorsCardPIN, sato(shown{digits: "2222"}), false, at, access.PINExpired},
		{"a card for a PIN", access.FactorsPIN, abe(shown{}), false, at, access.FactorsWrong},
		{"the area's PIN", access.FactorsPIN, shown{digits: "3333"}, false, at, access.Granted},
		{"the PIN of another area", access.FactorsPIN, shown{digits: "4444"}, false, at, access.PINWrong},
		{"one's own for the area's", access.FactorsPIN, shown{digits: "1111"}, false, at, access.PINWrong},
		{"the area's after five wrong ones", access.FactorsPIN, shown{digits: "3333"}, true, at, access.PINBlocked},
		{"a number", access.FactorsNumber, shown{number: "11"}, false, at, access.PINRequired},
		{"a number with its PIN", access.FactorsNumber, shown{number: "11", digits: "1111"}, false, before, access.Granted},
		{"a number nobody has", access.FactorsNumber, shown{number: "12"}, false, at, access.PINRequired},
		{"a number after five wrong PINs", access.FactorsNumber, shown{number: "11"}, true, at, access.PINRequired},
		{"a number nobody has, after five wrong PINs", access.FactorsNumber, shown{number: "12"}, true, at, access.PINRequired},
		{"and the PIN, after five wrong ones", access.FactorsNumber, shown{number: "11", digits: "1111"}, true, at, access.PINBlocked},
		{"and any PIN", access.FactorsNumber, shown{number: "12", digits: "1111"}, false, at, access.PINWrong},
		{"no number, which Abe has too", access.FactorsNumber, shown{digits: "1111"}, false, at, access.PINWrong},
		{"one card of two", access.FactorsTwoCards, abe(shown{}), false, at, access.CardRequired},
		{"two", access.FactorsTwoCards, abe(shown{twin: true}), false, at, access.Granted},
	} {
		s := access.Spec{
			Areas: []access.Area{
				{ID: "a", Record: access.Strict, Rules: access.Rules{Factors: test.factors, Trust: access.TrustMemory}},
				{ID: "b", Record: access.Strict, Rules: access.Rules{Factors: access.FactorsPIN}},
			},
			Doors:   []access.Door{{ID: "D", Area: "a", EntryReads: []string{"IN"}, ReleaseMS: 500, HeldMS: 1000}},
			Readers: proven("IN"),
			People:  []access.Person{{ID: "sato", Number: "11"}, {ID: "abe"}},
			PINs: []access.PIN{
				{Person: "sato", Area: "a", Key: hashed(access.AreaScope("a"), "3333", 2)}, {Person: "abe", Area: "b", Key: hashed(access.AreaScope("b"), "4444", 2)},
			},
		}
		for _, who := range []string{"sato", "abe"} {
			scope := access.PersonScope(who)
			s.PINs = append(s.PINs, access.PIN{Person: who, Key: hashed(scope, "1111", 2), Duress: hashed(scope, "2222", 2), Until: map[string]int64{"sato": noon.Unix()}[who]})
			s.Credentials = append(s.Credentials, access.Credential{Key: cardOf(who), Card: who, Person: who, State: access.Active})
			s.Rights = append(s.Rights, access.Right{Person: who, Area: "a"})
		}
		for _, forms := range []int{2, 3} { // the door may know a newer key than the policy
			id := decide.Identify(compile(t, s), test.x.request(forms))
			f := id.Facts()
			f.Blocked, f.Party.Twin = test.blocked, test.x.twin
			d := id.Decide(f, noon.Add(time.Duration(test.seconds)*time.Second))
			if d.Reason != test.want || d.Duress != (test.x.digits == "2222") {
				t.Errorf("%s: %+v, want %s", test.name, d, test.want)
			}
		}
	}
}
