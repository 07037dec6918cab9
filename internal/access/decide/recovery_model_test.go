package decide_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
)

// visit is somebody at the entry of an area with recovery holders: what they type, and how long ago the centre was heard of.
type visit struct {
	who     string
	trust   access.Trust
	typed   string // "1111" is sato's PIN, "2222" that for threats; nobody else has one
	blocked bool
	age     time.Duration
	now     time.Time
	second  bool // another recovery holder waits
	gas     bool
	open    bool
	place   access.Place
	scene   scene
}

// recoveryModel answers for a card that question 6 or 7 refuses. plain is what they say; asked tells whether this is such a card.
func recoveryModel(s access.Spec, c access.Credential, v visit) (want answer, asked bool) {
	a := s.Areas[0]
	plain := modelCard(s, c, "vault", access.Lease{}.Lapsed(v.age), v.now)
	if plain != access.LeaseOver && plain != access.TimeUnknown {
		return answer{reason: plain}, plain != access.Granted && plain != access.EscortRequired
	}
	rest := modelCard(s, c, "vault", 0, v.now) // without question 6
	alone := rest == access.Granted || rest == access.TimeUnknown
	if !slices.Contains(a.Recovery, v.who) || v.age >= 30*24*time.Hour || !alone {
		return answer{reason: plain}, true
	}
	hasPIN := v.who == "sato"
	right := hasPIN && (v.typed == "1111" || v.typed == "2222")
	switch {
	case v.second || right && !v.blocked:
	case v.typed != "" && v.blocked:
		return answer{reason: access.PINBlocked}, true
	case v.typed != "":
		return answer{reason: access.PINWrong}, true
	case hasPIN:
		return answer{reason: access.PINRequired}, true
	default:
		return answer{reason: access.PersonRequired}, true
	}
	all := access.Right{}
	for _, r := range s.Rights {
		if r.Person == v.who && r.Area == "vault" && (rest == access.TimeUnknown || modelRight(s, r, false, v.now) == access.Granted) {
			all.First, all.Lockdown, all.Escort = all.First || r.First, all.Lockdown || r.Lockdown, all.Escort || r.Escort
		}
	}
	f := v.facts()
	inside := insideModel(a, all, f)
	switch {
	case inside.reason == access.GasReleased || inside.reason == access.LockedDown:
		return inside, true
	case a.Factors == access.FactorsPIN || a.Factors == access.FactorsNumber:
		return answer{reason: access.FactorsWrong}, true
	case rank(v.trust) < rank(a.Trust):
		return answer{reason: access.TrustTooLow}, true
	case inside.reason != access.Granted:
		return inside, true
	}
	want = companyModel(a.Rules, body{who: v.who, escort: all.Escort}, v.scene)
	want.broken = inside.broken
	return want, true
}

func (v visit) facts() access.Facts {
	f := v.scene.facts()
	f.Gas, f.Open, f.Place, f.Blocked = v.gas, v.open, v.place, v.blocked
	if v.second {
		f.Party.Recovery = 1
	}
	return f
}

// anyRecovery draws an area with recovery holders, whose cards, persons and rights may be limited.
func anyRecovery(t *rapid.T) access.Spec {
	a := anyRules(t)
	a.Recovery = []string{"suzuki", "sato"}
	s := vaultOf(a)
	s.Schedules = []access.Schedule{{ID: "never"}, {ID: "all day", Windows: []access.Window{{Day: 3, From: 0, Until: 1440}}}}
	s.PINs = []access.PIN{{
		Person: "sato", Key: hashed(access.PersonScope("sato"), "1111", 1), Duress: hashed(access.PersonScope("sato"), "2222", 1),
		Until: oneOf(t, "PIN until", 0, noon.Unix()), // question 16 is not asked of a recovery holder
	}}
	end := func() int64 { return oneOf(t, "until", 0, 0, 0, 0, noon.Unix(), noon.Unix()+1) }
	for i := range s.Credentials {
		s.Credentials[i].Until, s.People[i].Until = end(), end()
	}
	s.Rights = nil
	for _, who := range []string{"clerk", "sato", "sato", "suzuki"} {
		if few(t, "right", 5) > 0 {
			s.Rights = append(s.Rights, access.Right{
				Person: who, Area: "vault", Schedule: oneOf(t, "when", "", "all day", "never"), Until: end(), First: yes(t, "first"), Lockdown: yes(t, "pass"),
				Escort: yes(t, "escort"),
			})
		}
	}
	return s
}

// Who has to repair the centre gets in without its word and without a clock, with a PIN or with another of them, and no longer than 30 days.
func TestRecoveryAgreesWithANaiveModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anyRecovery(t)
		p := compiled(t, s)
		for range 30 {
			v := visit{
				who: oneOf(t, "who", "clerk", "sato", "sato", "suzuki"), trust: oneOf(t, "read", access.TrustNumber, access.TrustMutual, access.TrustMutual),
				typed: oneOf(t, "typed", "", "1111", "2222", "3333"), blocked: few(t, "blocked", 4) == 0,
				age: oneOf(t, "age", 0, 72*time.Hour, 30*24*time.Hour-time.Second, 30*24*time.Hour), now: oneOf(t, "now", noon, time.Time{}),
				second: yes(t, "second"), gas: few(t, "gas", 9) == 0, open: few(t, "open", 9) == 0, place: oneOf(t, "place", "", "", access.Inside),
				scene: scene{inside: anyBodies(t, "inside", 2), waiting: anyBodies(t, "waiting", 1)},
			}
			card := slices.IndexFunc(s.Credentials, func(c access.Credential) bool { return c.Person == v.who })
			want, asked := recoveryModel(s, s.Credentials[card], v)
			if !asked {
				continue
			}
			r := decide.Request{Reader: "IN", Key: cardOf(v.who), Trust: v.trust, Shape: bits26, Lapsed: access.Lease{}.Lapsed(v.age)}
			if v.typed != "" {
				r.Code = typed{v.typed, 2}
			}
			id := decide.Identify(p, r)
			f := v.facts()
			f.Trust, f.Shape, f.Lapsed, f.Typed = id.Facts().Trust, id.Facts().Shape, id.Facts().Lapsed, id.Facts().Typed
			d := id.Decide(f, v.now)
			agree(t, d, want)
			if d.Allow && !d.Recovery || d.Duress != (v.who == "sato" && v.typed == "2222") {
				t.Fatalf("%+v", d)
			}
		}
	})
}

// The cases in words. Sato has a PIN, Suzuki has none; both may enter on Wednesdays only.
func TestRecoveryHolders(t *testing.T) {
	s := vault(access.Rules{Recovery: []string{"sato", "suzuki"}, Factors: access.FactorsCardPIN})
	s.PINs = []access.PIN{{Person: "sato", Key: hashed(access.PersonScope("sato"), "1111", 1)}}
	s.Schedules = []access.Schedule{{ID: "Wednesday", Windows: []access.Window{{Day: 3, From: 0, Until: 1440}}}}
	for i := range s.Rights {
		s.Rights[i].Schedule = "Wednesday"
	}
	p, week, month := compile(t, s), 7*24*time.Hour, 30*24*time.Hour
	thursday, unknown := noon.AddDate(0, 0, 1), time.Time{}
	for _, test := range []struct {
		name, who string
		typed     access.Typed
		facts     access.Facts
		age       time.Duration
		now       time.Time
		want      access.Reason
	}{
		{"the PIN, without the centre", "sato", access.TypedRight, access.Facts{}, week, noon, access.Granted},
		{"the PIN, without a clock", "sato", access.TypedRight, access.Facts{}, 0, unknown, access.Granted},
		{"the PIN, without both", "sato", access.TypedRight, access.Facts{}, week, unknown, access.Granted},
		{"without the PIN", "sato", "", access.Facts{}, week, noon, access.PINRequired},
		{"with a wrong one", "sato", access.TypedWrong, access.Facts{}, week, noon, access.PINWrong},
		{"after five wrong ones", "sato", access.TypedRight, access.Facts{Blocked: true}, week, noon, access.PINBlocked},
		{"after five wrong ones, with another holder", "sato", access.TypedRight, access.Facts{Blocked: true, Party: access.Party{Recovery: 1}}, week, noon, access.Granted},
		{"who has no PIN waits for another", "suzuki", "", access.Facts{}, week, unknown, access.PersonRequired},
		{"who came", "suzuki", "", access.Facts{Party: access.Party{Recovery: 1}}, week, unknown, access.Granted},
		{"the last second of 30 days", "sato", access.TypedRight, access.Facts{}, month - time.Second, noon, access.Granted},
		{"30 days", "sato", access.TypedRight, access.Facts{}, month, noon, access.LeaseOver},
		{"a day without a right", "sato", access.TypedRight, access.Facts{}, week, thursday, access.LeaseOver},
		{"the same with the centre", "sato", access.TypedRight, access.Facts{}, 0, thursday, access.OutsideSchedule},
		{"another of the staff", "clerk", access.TypedRight, access.Facts{}, week, noon, access.LeaseOver},
		{"into the gas", "sato", access.TypedRight, access.Facts{Gas: true}, week, noon, access.GasReleased},
		{"through an interlock", "sato", access.TypedRight, access.Facts{Open: true}, week, noon, access.Interlocked},
	} {
		f := test.facts
		f.Typed, f.Lapsed = test.typed, access.Lease{}.Lapsed(test.age)
		if d := ask(p, "IN", test.who, f, test.now); d.Reason != test.want || d.Allow != (test.want == access.Granted) {
			t.Errorf("%s: %+v, want %s", test.name, d, test.want)
		}
	}
}
