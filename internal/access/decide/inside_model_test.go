package decide_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/internal/access"
)

// insideModel answers questions 12, 13 and 17 to 20 for somebody who has a right at all times, is no visitor, and is in an area that takes cards.
func insideModel(a access.Area, right access.Right, f access.Facts) (want answer) {
	inside := f.Staff + f.Visitors
	questions := []struct {
		reason access.Reason
		no     bool
	}{
		{access.GasReleased, f.Gas},
		{access.LockedDown, a.Lockdown && !right.Lockdown},
		{access.PassedBack, a.Passback == access.PassbackHard && f.Place == access.Inside},
		{access.PassedBack, a.Passback == access.PassbackTimed && f.Place == access.Inside && f.SinceS < int64(a.PassbackS)},
		{access.Interlocked, f.Open},
		{access.AreaFull, a.Most > 0 && inside+f.Coming+f.Party.Waiting+1 > a.Most},
		{access.FirstRequired, a.First && inside == 0 && !right.First && !f.Party.First},
	}
	for _, q := range questions {
		if q.no {
			return answer{reason: q.reason}
		}
	}
	want.reason = access.Granted
	if a.Passback == access.PassbackSoft && f.Place == access.Inside {
		want.broken = access.PassedBack
	}
	return want
}

// anyInside draws rules that count who is inside.
func anyInside(t *rapid.T) (a access.Area) {
	a.InOut = true
	a.Passback = oneOf(t, "passback", "", access.PassbackSoft, access.PassbackHard, access.PassbackTimed)
	if a.Passback == access.PassbackTimed {
		a.PassbackS = oneOf(t, "passback s", 1, 2, 300, 86_400)
	}
	a.Most, a.First = few(t, "most", 6), yes(t, "first")
	a.Lockdown = few(t, "lockdown", 3) == 0
	return a
}

// anyFacts draws a state of the building that can be: of those at the reader and inside, escorts are staff.
func anyFacts(t *rapid.T) (f access.Facts) {
	f.Gas, f.Open = few(t, "gas", 7) == 0, few(t, "open", 7) == 0
	f.Place = oneOf(t, "place", "", access.Inside, access.Outside)
	if f.Place == access.Inside {
		f.SinceS = oneOf[int64](t, "since", 0, 1, 2, 3, 299, 300, 301, 86_399, 86_400, 100_000)
	}
	f.Staff, f.Visitors, f.Coming = few(t, "staff", 3), few(t, "visitors", 3), few(t, "coming", 2)
	f.Escorts = few(t, "escorts", f.Staff)
	f.Party = anyParty(t)
	return f
}

func anyParty(t *rapid.T) (p access.Party) {
	p.Staff, p.Visitors = few(t, "staff there", 2), few(t, "visitors there", 3)
	p.Escorts, p.Guests = few(t, "escorts there", p.Staff), few(t, "guests", p.Visitors)
	p.Waiting = p.Guests + few(t, "who wait", p.Staff)
	p.First = p.Staff+p.Visitors > 0 && yes(t, "first there")
	return p
}

// vaultOf is the models' building with the rules and the state of an area.
func vaultOf(a access.Area) access.Spec {
	s := vault(a.Rules)
	s.Areas[0].Lockdown = a.Lockdown
	return s
}

// Nobody comes in a second time; the number of people, an empty area, an interlock, gas and a lockdown are asked for.
func TestTheInsideAgreesWithANaiveModel(t *testing.T) {
	staff := []string{"clerk", "fitter", "guide", "opener", "warden", "sato", "suzuki"}
	rapid.Check(t, func(t *rapid.T) {
		a := anyInside(t)
		s := vaultOf(a)
		p := compiled(t, s)
		for range 20 {
			who, f := rapid.SampledFrom(staff).Draw(t, "who"), anyFacts(t)
			right, _ := rightsOf(s, who)
			want := insideModel(a, right, f)
			want.guests = f.Party.Escorts > 0 || right.Escort
			agree(t, ask(p, "IN", who, f, noon), want)
		}
	})
}

// To the second, and for visitors as for others.
func TestAntiPassback(t *testing.T) {
	rules := map[access.Passback]access.Rules{
		"":                   {InOut: true},
		access.PassbackHard:  {InOut: true, Passback: access.PassbackHard},
		access.PassbackSoft:  {InOut: true, Passback: access.PassbackSoft},
		access.PassbackTimed: {Passback: access.PassbackTimed, PassbackS: 60},
	}
	in, out, unknown := access.Inside, access.Outside, access.Place("")
	for _, test := range []struct {
		rule   access.Passback
		place  access.Place
		sinceS int64
		want   answer
	}{
		{"", in, 5, answer{reason: access.Granted}},
		{access.PassbackHard, in, 100_000, answer{reason: access.PassedBack}},
		{access.PassbackHard, out, 0, answer{reason: access.Granted}},
		{access.PassbackHard, unknown, 0, answer{reason: access.Granted}},
		{access.PassbackSoft, in, 5, answer{reason: access.Granted, broken: access.PassedBack}},
		{access.PassbackSoft, out, 0, answer{reason: access.Granted}},
		{access.PassbackSoft, unknown, 0, answer{reason: access.Granted}},
		{access.PassbackTimed, in, 0, answer{reason: access.PassedBack}},
		{access.PassbackTimed, in, 59, answer{reason: access.PassedBack}},
		{access.PassbackTimed, in, 60, answer{reason: access.Granted}},
		{access.PassbackTimed, in, 61, answer{reason: access.Granted}},
		{access.PassbackTimed, out, 5, answer{reason: access.Granted}},
		{access.PassbackTimed, unknown, 0, answer{reason: access.Granted}},
	} {
		p := compile(t, vault(rules[test.rule]))
		f := access.Facts{Place: test.place, SinceS: test.sinceS, Party: access.Party{Staff: 1, Escorts: 1}}
		for _, who := range []string{"clerk", "fitter", "guest"} {
			agree(t, ask(p, "IN", who, f, noon), test.want)
		}
	}
}

// A right that is over or shut at this hour gives nothing of what it may besides.
func TestOnlyARightThatIsOpenLetsPassALockdownOrBeTheFirst(t *testing.T) {
	for name, limit := range map[string]func(*access.Right){
		"over":  func(r *access.Right) { r.Until = noon.Unix() },
		"early": func(r *access.Right) { r.From = noon.Unix() + 1 },
		"shut":  func(r *access.Right) { r.Schedule = "never" },
		"open":  func(r *access.Right) { r.Until = noon.Add(time.Second).Unix() },
	} {
		for privilege, want := range map[string]access.Reason{"lockdown": access.LockedDown, "first": access.FirstRequired} {
			a := access.Area{Lockdown: privilege == "lockdown", Rules: access.Rules{InOut: true, First: privilege == "first"}}
			s := vaultOf(a)
			s.Schedules = []access.Schedule{{ID: "never"}}
			more := access.Right{Person: "clerk", Area: "vault", Lockdown: a.Lockdown, First: a.First}
			limit(&more)
			elsewhere := access.Right{Person: "clerk", Area: "lobby", Lockdown: true, First: true}
			if name == "open" {
				want = access.Granted
			}
			for _, rights := range [][]access.Right{{more, elsewhere}, {elsewhere, more}} {
				s.Rights = slices.Concat(rights, castRights, nil)
				agree(t, ask(compile(t, s), "IN", "clerk", access.Facts{}, noon), answer{reason: want})
			}
		}
	}
}
