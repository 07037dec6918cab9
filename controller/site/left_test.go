package site

import (
	"slices"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
)

// R44-1: of people who left the policy nothing is kept but that they are inside a place with readers on both sides, until they are not any more.
func TestWhoLeftThePolicyIsForgottenButNotWhoIsInside(t *testing.T) {
	people := []string{"stays", "gone", "has a number"}
	policy := func(people ...string) *decide.Policy {
		s := access.Spec{
			Areas: []access.Area{{ID: "both", Record: access.Strict, Rules: access.Rules{InOut: true}}, {ID: "in only", Record: access.Strict}},
			Doors: []access.Door{
				{ID: "D-1", Area: "both", EntryReads: []string{"IN-1"}, ExitReads: []string{"OUT-1"}, ReleaseMS: 500, HeldMS: 1000},
				{ID: "D-2", Area: "in only", EntryReads: []string{"IN-2"}, ReleaseMS: 500, HeldMS: 1000},
			},
			People: []access.Person{{ID: "has a number", Number: "1"}},
		}
		for i, p := range people {
			s.People = append(s.People, access.Person{ID: p})
			s.Credentials = append(s.Credentials, access.Credential{Key: access.Key{byte(i + 1)}, Card: "card of " + p, Person: p, State: access.Active})
		}
		compiled, err := decide.Compile(s)
		if err != nil {
			t.Fatal(err)
		}
		return compiled
	}
	s, now := New(), Moment{Mono: time.Minute}
	for _, who := range people {
		for door, area := range map[string]string{"D-1": "both", "D-2": "in only"} {
			s.Let(door, access.In, Person{ID: who, Area: area})
			s.Released(door, who)
			s.Opened(door, now)
		}
	}
	for _, subject := range []string{"card/card of stays", "card/card of gone", "person/gone", "person/has a number", "reader/IN-1", "reader/IN-9"} {
		s.Wrong(subject, now)
	}
	s.Keep()
	known := func() (list []string) {
		for area, a := range s.places {
			for who, at := range a.people {
				list = append(list, area+": "+who+[]string{"?", " in", " out"}[at.State])
			}
		}
		for subject, n := range s.tries {
			if n.n > 0 {
				list = append(list, subject)
			}
		}
		slices.Sort(list)
		return list
	}
	want := []string{
		"both: gone in", "both: has a number in", "both: stays in", "card/card of stays", "in only: has a number in", "in only: stays in",
		"person/has a number", "reader/IN-1",
	}
	s.Left(policy("stays"))
	if got := known(); !slices.Equal(got, want) {
		t.Errorf("known %q\nwant  %q", got, want)
	}
	kept := s.Keep()
	if len(kept.Places) != 1 || kept.Places[0].Person != "gone" || kept.Places[0].Area != "in only" || !kept.Places[0].Gone || len(kept.Tries) != 3 || kept.Tries[0].N != 0 {
		t.Errorf("the disk is told %+v", kept)
	}
	s.Doubt("both")
	s.Left(policy("stays"))
	if got := known(); slices.Contains(got, "both: gone?") || !slices.Contains(got, "both: stays?") {
		t.Errorf("in doubt %q", got)
	}
	s.Keep()
	if s.Left(policy("stays")); s.Changed() {
		t.Error("a policy that changes nothing has something to keep")
	}
}
