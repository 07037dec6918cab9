package decide_test

import (
	"testing"

	"pgregory.net/rapid"

	"kanmon/internal/access"
)

// body is one of those who are inside, at the reader or let in there a moment ago.
type body struct {
	who     string // of the cast
	escort  bool
	visitor bool
}

// scene is who is where: each of them once, whatever they hold.
type scene struct {
	inside, waiting, passed []body
}

func count(of func(body) bool, groups ...[]body) (n int) {
	for _, g := range groups {
		for _, b := range g {
			if of(b) {
				n++
			}
		}
	}
	return n
}

func isStaff(b body) bool   { return !b.visitor }
func isVisitor(b body) bool { return b.visitor }
func isEscort(b body) bool  { return b.escort }

// facts are the scene in numbers, as a controller hands them over.
func (s scene) facts() access.Facts {
	return access.Facts{
		Staff: count(isStaff, s.inside), Escorts: count(isEscort, s.inside), Visitors: count(isVisitor, s.inside),
		Party: access.Party{
			Staff: count(isStaff, s.waiting, s.passed), Escorts: count(isEscort, s.waiting, s.passed), Visitors: count(isVisitor, s.waiting, s.passed),
			Waiting: len(s.waiting), Guests: count(isVisitor, s.waiting),
		},
	}
}

// companyModel answers questions 21 and 22 by lists of people.
func companyModel(rules access.Rules, me body, s scene) answer {
	reader := append(append([]body{me}, s.waiting...), s.passed...)
	visitors := count(isVisitor, s.inside, reader)
	escorts := count(isEscort, reader)
	enough := escorts >= 1
	if rules.Visitors > 0 && visitors > rules.Visitors {
		enough = escorts >= 1 && escorts+count(isEscort, s.inside) >= 2
	}
	bringing := me.escort && count(isVisitor, s.waiting) > 0
	if (me.visitor || bringing) && !enough {
		return answer{reason: access.EscortRequired}
	}
	if rules.TwoPerson && count(isStaff, s.inside, reader) < 2 {
		return answer{reason: access.PersonRequired}
	}
	return answer{reason: access.Granted, guests: enough}
}

func anyBodies(t *rapid.T, label string, most int) (all []body) {
	for range few(t, label, most) {
		all = append(all, rapid.SampledFrom(bodies[:]).Draw(t, label))
	}
	return all
}

var bodies = [...]body{{who: "clerk"}, {who: "fitter"}, {who: "guide", escort: true}, {who: "guest", visitor: true}}

// R44-6: two people, and visitors with an escort, by whoever comes in whatever order.
func TestCompanyAgreesWithANaiveModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := access.Rules{InOut: true, TwoPerson: yes(t, "two"), Visitors: few(t, "limit", 4)}
		p := compiled(t, vault(rules))
		for range 20 {
			me := rapid.SampledFrom(bodies[:]).Draw(t, "me")
			s := scene{inside: anyBodies(t, "inside", 5), waiting: anyBodies(t, "waiting", 4), passed: anyBodies(t, "passed", 3)}
			agree(t, ask(p, "IN", me.who, s.facts(), noon), companyModel(rules, me, s))
		}
	})
}

// R44-6: the cases that other systems got wrong, each said once in words.
func TestTwoPeopleAndEscorts(t *testing.T) {
	const clerk, fitter, guide, guest = 0, 1, 2, 3
	some := func(who ...int) (all []body) {
		for _, n := range who {
			all = append(all, bodies[n])
		}
		return all
	}
	two, escort, both := access.Rules{InOut: true, TwoPerson: true}, access.Rules{Visitors: 2}, access.Rules{InOut: true, TwoPerson: true, Visitors: 2}
	for _, test := range []struct {
		name  string
		rules access.Rules
		me    int
		scene scene
		want  answer
	}{
		{"one alone waits", two, clerk, scene{}, answer{reason: access.PersonRequired}},
		{"the second goes in, and the first with them", two, clerk, scene{waiting: some(fitter)}, answer{reason: access.Granted}},
		{"the third comes to two inside", two, clerk, scene{inside: some(clerk, fitter)}, answer{reason: access.Granted}},
		{"after two have just been let in", two, clerk, scene{passed: some(clerk, fitter)}, answer{reason: access.Granted}},
		{"a visitor is no second person", two, clerk, scene{waiting: some(guest)}, answer{reason: access.PersonRequired}},
		{"nor two visitors inside", two, clerk, scene{inside: some(guest, guest)}, answer{reason: access.PersonRequired}},
		{"a visitor with an escort is not two people", both, guest, scene{waiting: some(guide)}, answer{reason: access.PersonRequired}},
		{"an escort with a visitor is not two people", both, guide, scene{waiting: some(guest)}, answer{reason: access.PersonRequired}},
		{"the second person lets the escort's visitor in", both, clerk, scene{waiting: some(guest, guide)}, answer{reason: access.Granted, guests: true}},
		{"a visitor alone waits", escort, guest, scene{}, answer{reason: access.EscortRequired}},
		{"the escort may be first", escort, guest, scene{passed: some(guide)}, answer{reason: access.Granted, guests: true}},
		{"the visitor may be first", escort, guide, scene{waiting: some(guest)}, answer{reason: access.Granted, guests: true}},
		{"the clerk brings nobody", escort, clerk, scene{waiting: some(guest)}, answer{reason: access.Granted}},
		{"an escort inside is not at the reader", escort, guest, scene{inside: some(guide)}, answer{reason: access.EscortRequired}},
		{"two visitors with one escort", escort, guide, scene{waiting: some(guest, guest)}, answer{reason: access.Granted, guests: true}},
		{"three visitors need a second escort", escort, guide, scene{waiting: some(guest, guest, guest)}, answer{reason: access.EscortRequired}},
		{"who was there already", escort, guide, scene{waiting: some(guest, guest, guest, guide)}, answer{reason: access.Granted, guests: true}},
		{"or is inside with the first of them", escort, guide, scene{inside: some(guide, guest, guest), waiting: some(guest)}, answer{reason: access.Granted, guests: true}},
		{"the third visitor after two inside", escort, guest, scene{inside: some(guest, guest), passed: some(guide)}, answer{reason: access.EscortRequired}},
		{"an escort alone comes to any number", escort, guide, scene{inside: some(guest, guest, guest)}, answer{reason: access.Granted}},
	} {
		d := ask(compile(t, vault(test.rules)), "IN", bodies[test.me].who, test.scene.facts(), noon)
		if d.Reason != test.want.reason || d.Allow != (test.want.reason == access.Granted) || (test.scene.facts().Party.Guests > 0 && d.Guests != test.want.guests) {
			t.Errorf("%s: %+v", test.name, d)
		}
	}
}
