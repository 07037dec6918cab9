package decide_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
)

// What holds of every decision, whatever the rules, the request and the facts.

// anyVault draws the models' building with any rules, everybody's cards, numbers and PINs, and limits of all kinds.
func anyVault(t *rapid.T) access.Spec {
	s := vaultOf(anyRules(t))
	s.Schedules = []access.Schedule{{ID: "never"}, {ID: "Wednesday", Windows: []access.Window{{Day: 3, From: 0, Until: 1440}}}}
	for i := range s.Readers {
		s.Readers[i] = anyProfile(t, s.Readers[i].Name)
	}
	end := func() int64 { return oneOf(t, "until", 0, 0, 0, 0, 0, 0, 0, 0, 0, noon.Unix(), noon.Unix()+1) }
	for i, who := range s.People {
		s.People[i].Until, s.Credentials[i].Until = end(), end()
		if few(t, "state", 5) == 0 {
			s.Credentials[i].State = oneOf(t, "which", access.Suspended, access.Revoked)
		}
		if few(t, "own PIN", 3) > 0 {
			scope := access.PersonScope(who.ID)
			s.PINs = append(s.PINs, access.PIN{Person: who.ID, Key: hashed(scope, digits[0], 1), Duress: hashed(scope, digits[1], 1), Until: end()})
		}
		if few(t, "area PIN", 3) > 0 && i < 4 {
			scope := access.AreaScope("vault")
			s.PINs = append(s.PINs, access.PIN{Person: who.ID, Area: "vault", Key: hashed(scope, digits[2*i], 1), Duress: hashed(scope, digits[2*i+1], 1), Until: end()})
		}
	}
	for i := range s.Rights {
		s.Rights[i].Until, s.Rights[i].Schedule = end(), oneOf(t, "when", "", "", "", "", "Wednesday", "Wednesday", "never")
	}
	return s
}

// anyRequest draws a card or none, known or not, a number and a PIN; three times of four what the vault asks of somebody.
func anyRequest(t *rapid.T, s access.Spec) decide.Request {
	i := few(t, "who", len(s.People)-1)
	who, rules := s.People[i], s.Areas[0].Rules
	alone := rules.Factors == access.FactorsPIN || rules.Factors == access.FactorsNumber
	r := decide.Request{Reader: "IN", Trust: access.TrustMutual, Shape: bits26, Key: cardOf(who.ID), NoCard: alone, Number: who.Number, Code: typed{digits[0], 2}}
	if rules.Factors == access.FactorsPIN {
		r.Code = typed{digits[(2*i+few(t, "threat", 1))%len(digits)], 2}
	}
	if few(t, "fits", 3) > 0 {
		return r
	}
	r.Reader = oneOf(t, "reader", "IN", "OUT", "OUT", "LOBBY", "nowhere")
	r.Trust = oneOf(t, "read", "", access.TrustNumber, access.TrustMemory, access.TrustMutual, "best")
	r.Shape = anyShape(t)
	r.Lapsed = access.Lease{}.Lapsed(oneOf(t, "age", 0, 13*time.Hour, 73*time.Hour, access.MostLease))
	r.NoCard, r.Number = yes(t, "no card"), oneOf(t, "number", "", "1", "3", "6", "9", "99")
	if few(t, "card", 4) == 0 {
		r.Key = cardOf("nobody")
	}
	r.Code = nil
	if few(t, "PIN", 3) > 0 {
		r.Code = typed{oneOf(t, "digits", digits[0], digits[1], "0000"), 2}
	}
	return r
}

// anyCircumstances draws all facts that a controller adds to those of a request.
func anyCircumstances(t *rapid.T, of access.Facts) access.Facts {
	f := anyFacts(t)
	f.Gas, f.Open = few(t, "gas", 15) == 0, few(t, "open", 15) == 0
	if yes(t, "quiet") {
		f = access.Facts{Party: f.Party}
	}
	f.Trust, f.Shape, f.Typed, f.Lapsed = of.Trust, of.Shape, of.Typed, of.Lapsed
	f.Blocked = few(t, "blocked", 7) == 0
	f.Party.Twin, f.Party.Recovery = yes(t, "twin"), few(t, "recovery", 1)
	return f
}

func anyTime(t *rapid.T) time.Time {
	return oneOf(t, "now", noon, noon, noon, noon.Add(time.Second), noon.AddDate(0, 0, 1), time.Time{})
}

// outward are the reasons that stand beside a way out: questions 1 to 11, and why nobody was found.
var outward = []access.Reason{
	access.Granted, access.FrameUnexpected, access.UnknownCredential, access.CredentialSuspend, access.CredentialRevoked, access.LeaseOver, access.TimeUnknown, access.CredentialEarly,
	access.CredentialExpired, access.PersonEarly, access.PersonExpired, access.NoRight, access.OutsideSchedule,
	access.FactorsWrong, access.PINRequired, access.PINWrong, access.PINBlocked,
}

// The way out is always free; yes, no and wait are told apart; who is refused breaks nothing; and the record of a decision is enough to make it
// again.
func TestEveryDecisionKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anyVault(t)
		p := compiled(t, s)
		for range 30 {
			r, now := anyRequest(t, s), anyTime(t)
			id := decide.Identify(p, r)
			f := anyCircumstances(t, id.Facts())
			d := id.Decide(f, now)
			switch {
			case d.Facts != f:
				t.Fatalf("decided by %+v, on record are %+v", f, d.Facts)
			case r.Reader == "OUT" && (!d.Allow || d.Wait || d.Direction != access.Out):
				t.Fatalf("held back on the way out: %+v", d)
			case r.Reader == "OUT" && !slices.Contains(outward, d.Reason):
				t.Fatalf("the reason is a rule of the way in: %+v", d)
			case r.Reader != "OUT" && d.Allow != (d.Reason == access.Granted):
				t.Fatalf("in, with another reason than that: %+v", d)
			case r.Reader != "OUT" && d.Wait != slices.Contains(waits, d.Reason):
				t.Fatalf("waits for nothing, or does not wait: %+v", d)
			case d.Allow && d.Wait || !d.Allow && !d.Wait && d.Broken != "":
				t.Fatalf("yes, no or wait: %+v", d)
			case d.Allow && r.Reader != "OUT" && d.Person == "":
				t.Fatalf("nobody was let in: %+v", d)
			}
			shown := decide.Shown{Reader: r.Reader, Card: d.Card, Person: d.Person}
			if !r.NoCard && d.Card == "" {
				shown.Fingerprint = r.Key.Fingerprint()
			}
			if again := decide.Again(p, shown, d.Facts, now); again != d {
				t.Fatalf("%+v\nmade again is\n%+v", d, again)
			}
		}
	})
}

// restrictions are what an area or a moment may ask more than before.
var restrictions = map[string]func(a *access.Area, f *access.Facts){
	"lockdown":  func(a *access.Area, _ *access.Facts) { a.Lockdown = true },
	"trust":     func(a *access.Area, _ *access.Facts) { a.Trust = access.TrustMutual },
	"recovery":  func(a *access.Area, _ *access.Facts) { a.Recovery = nil },
	"profile":   func(_ *access.Area, _ *access.Facts) {}, // below
	"visitors":  func(a *access.Area, _ *access.Facts) { a.Visitors = max(1, a.Visitors-1) },
	"gas":       func(_ *access.Area, f *access.Facts) { f.Gas = true },
	"open":      func(_ *access.Area, f *access.Facts) { f.Open = true },
	"blocked":   func(_ *access.Area, f *access.Facts) { f.Blocked = true },
	"weak read": func(_ *access.Area, f *access.Facts) { f.Trust = access.TrustNumber },
	"PIN wrong": func(_ *access.Area, f *access.Facts) { f.Typed = access.TypedWrong },
	"no leases": func(_ *access.Area, f *access.Facts) { f.Lapsed = access.Lease{}.Lapsed(access.MostLease) },
	"crowd":     func(_ *access.Area, f *access.Facts) { f.Coming++ },
	"inside":    func(_ *access.Area, f *access.Facts) { f.Place, f.SinceS = access.Inside, 0 },
	"counted": func(a *access.Area, _ *access.Facts) {
		if a.InOut {
			a.First, a.TwoPerson, a.Passback, a.PassbackS = true, a.Most != 1, access.PassbackHard, 0
		}
	},
}

// A restriction more never turns no into yes, nor wait into yes.
func TestARestrictionMoreNeverLetsAnybodyIn(t *testing.T) {
	names := slices.Sorted(maps.Keys(restrictions))
	rapid.Check(t, func(t *rapid.T) {
		s := anyVault(t)
		strict, which := s, rapid.SampledFrom(names).Draw(t, "restriction")
		strict.Areas = slices.Clone(s.Areas)
		restrictions[which](&strict.Areas[0], &access.Facts{})
		if which == "profile" {
			strict.Readers = slices.Clone(s.Readers)
			for i := range strict.Readers {
				strict.Readers[i].Trust = access.TrustNumber
			}
		}
		before, after := compiled(t, s), compiled(t, strict)
		for range 30 {
			r, now := anyRequest(t, s), anyTime(t)
			id := decide.Identify(before, r)
			f := anyCircumstances(t, id.Facts())
			g := f
			restrictions[which](&access.Area{}, &g)
			d, e := id.Decide(f, now), decide.Identify(after, r).Decide(g, now)
			if e.Allow && !d.Allow {
				t.Fatalf("with %s more, %+v\nbecomes\n%+v", which, d, e)
			}
		}
	})
}
