// Package site is what a controller knows of people besides its policy: who is inside which area, who was let in and has not gone through the
// door yet, who waits at which reader, who typed wrong PINs (docs/access-rules.md, Where people are). It is pure: a moment is handed in, as the
// time since the program started (for everything that lasts) and as wall clock (for what is kept over a restart).
package site

import (
	"slices"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
)

// Moment is now on both clocks.
type Moment struct {
	Mono time.Duration
	Wall time.Time // zero: not known
}

// State is changed in place by its methods. The zero State is not ready: use New.
type State struct {
	places  map[string]*area      // by area
	coming  map[string][]passage  // let in, and the door not opened yet, by door
	readers map[string]*gathering // who is at which reader
	tries   map[string]*tries     // by subject
	dirty   dirty
}

// New is a controller that has seen nobody.
func New() *State {
	return &State{places: map[string]*area{}, coming: map[string][]passage{}, readers: map[string]*gathering{}, tries: map[string]*tries{}}
}

// Person is somebody at a door, as a decision has called them.
type Person struct {
	ID      string
	Card    string
	Area    string
	Visitor bool
	Escort  bool
	First   bool
	// Recovery holders wait for each other.
	Recovery bool
}

// Who is the person of a decision.
func Who(d decide.Decision) Person {
	return Person{ID: d.Person, Card: d.Card, Area: d.Area, Visitor: d.Visitor, Escort: d.Escort, First: d.First, Recovery: d.Recovery}
}

// Asked is what the area of a decision makes of people.
type Asked struct {
	Window  time.Duration
	Counted bool // there are readers on both sides: who is inside is known
	// Recovery: a recovery holder asks, with whom those pass who wait for a second one.
	Recovery bool
}

// Facts adds what is known of people to the facts of a request.
func (s *State) Facts(id decide.Identity, f access.Facts, as Asked, now Moment) access.Facts {
	person := id.Person()
	f.Blocked = slices.ContainsFunc(Subjects(id), func(subject string) bool { return s.blocked(subject, now) })
	if p, there := s.placeOf(id.Area(), person); there {
		f.Place = p.place()
		if p.State == In {
			f.SinceS = int64(max(0, now.Mono-p.mono) / time.Second)
		}
	}
	if s.elsewhere(id) {
		f.Place, f.SinceS = access.Inside, 0
	}
	if as.Counted {
		f.Staff, f.Escorts, f.Visitors = s.others(id.Area(), person)
	}
	party, inside := s.party(id, as, now)
	f.Coming = s.comingInto(id.Area(), func(who string) bool { return who == person || s.waits(id.Reader(), who, as) })
	party.Twin = party.Twin || f.Party.Twin
	f.Party, f.Escorts = party, f.Escorts-inside
	return f
}

// elsewhere reports whether somebody was let into the area just now by another door or with another card: as good as inside. The same card at the same
// door may be shown again.
func (s *State) elsewhere(id decide.Identity) bool {
	for door, list := range s.coming {
		for _, c := range list {
			if c.person.ID == id.Person() && c.person.Area == id.Area() && c.direction == access.In && (door != id.Door() || c.person.Card != id.Card()) {
				return true
			}
		}
	}
	return false
}

// others counts who is inside an area besides a person.
func (s *State) others(areaID, person string) (staff, escorts, visitors int) {
	a := s.places[areaID]
	if a == nil {
		return 0, 0, 0
	}
	if p := a.people[person]; p.State == In {
		return a.staff - p.isStaff(), a.escorts - p.isEscort(), a.visitors - p.isVisitor()
	}
	return a.staff, a.escorts, a.visitors
}

// comingInto counts who was let into an area, is not inside yet, and is not counted elsewhere.
func (s *State) comingInto(area string, elsewhere func(string) bool) int {
	seen := map[string]bool{}
	for _, list := range s.coming {
		for _, c := range list {
			if c.person.Area == area && c.direction == access.In && !elsewhere(c.person.ID) && !s.inside(area, c.person.ID) {
				seen[c.person.ID] = true
			}
		}
	}
	return len(seen)
}

func (s *State) placeOf(areaID, person string) (p Place, there bool) {
	if a := s.places[areaID]; a != nil {
		p, there = a.people[person]
	}
	return p, there
}

func (s *State) inside(areaID, person string) bool {
	p, _ := s.placeOf(areaID, person)
	return p.State == In
}
