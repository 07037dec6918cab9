package site

import (
	"cmp"
	"slices"
	"time"

	"kanmon/internal/access"
)

// Standing is where a person was last seen in an area.
type Standing uint8

// Standings.
const (
	Doubtful Standing = iota // inside, unless they left without a card
	In
	Out
)

// Place is a person's position in an area.
type Place struct {
	Area, Person    string
	State           Standing
	At              time.Time // since when, by the wall clock; zero: the time was not known
	Visitor, Escort bool

	mono time.Duration
}

func (p Place) place() access.Place {
	switch p.State {
	case In:
		return access.Inside
	case Out:
		return access.Outside
	default:
		return ""
	}
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (p Place) isStaff() int   { return one(!p.Visitor) }
func (p Place) isEscort() int  { return one(p.Escort) }
func (p Place) isVisitor() int { return one(p.Visitor) }

// area counts who is inside, so that a decision need not.
type area struct {
	people                   map[string]Place
	staff, escorts, visitors int
}

func (a *area) count(p Place, by int) {
	if p.State == In {
		a.staff, a.escorts, a.visitors = a.staff+by*p.isStaff(), a.escorts+by*p.isEscort(), a.visitors+by*p.isVisitor()
	}
}

func (s *State) put(p Place) {
	a := s.places[p.Area]
	if a == nil {
		a = &area{people: map[string]Place{}}
		s.places[p.Area] = a
	}
	a.count(a.people[p.Person], -1)
	a.people[p.Person] = p
	a.count(p, 1)
	s.dirty.place(p.Area, p.Person)
}

func (s *State) forget(areaID, person string) {
	if a := s.places[areaID]; a != nil {
		a.count(a.people[person], -1)
		delete(a.people, person)
		s.dirty.place(areaID, person)
	}
}

// passage is somebody who was let through a door that has not opened yet.
type passage struct {
	person    Person
	direction access.Direction
	released  bool // the strike is
}

// Let notes that people were let through a door. They are where they were until it opens.
func (s *State) Let(door string, direction access.Direction, people ...Person) {
	for _, p := range people {
		if p.ID != "" {
			s.coming[door] = append(s.coming[door], passage{person: p, direction: direction})
		}
	}
}

// Released says that the door's strike is released for people who were let through.
func (s *State) Released(door string, people ...string) {
	for _, who := range people {
		if i := s.unreleased(door, who); i >= 0 {
			s.coming[door][i].released = true
		}
	}
}

// Refused takes back people for whom the strike was not released after all. Others may have been let through the same door meanwhile.
func (s *State) Refused(door string, people ...string) {
	for _, who := range people {
		if i := s.unreleased(door, who); i >= 0 {
			s.coming[door] = slices.Delete(s.coming[door], i, i+1)
		}
	}
}

func (s *State) unreleased(door, person string) int {
	return slices.IndexFunc(s.coming[door], func(p passage) bool { return !p.released && p.person.ID == person })
}

// NotEntered takes back who was let through: the door stayed shut. At the reader they count no longer as just let in.
func (s *State) NotEntered(door string) {
	s.coming[door] = slices.DeleteFunc(s.coming[door], func(p passage) bool {
		if p.released {
			s.turnedBack(p.person)
		}
		return p.released
	})
}

func (s *State) turnedBack(p Person) {
	for _, g := range s.readers {
		g.members = slices.DeleteFunc(g.members, func(m Member) bool { return m.ID == p.ID && m.Area == p.Area && m.Waits == "" })
	}
}

// Opened says that a door opened, or that nobody can say whether it did: whoever was let through it went through.
func (s *State) Opened(door string, now Moment) {
	var waiting []passage
	for _, p := range s.coming[door] {
		if !p.released {
			waiting = append(waiting, p)
			continue
		}
		state := In
		if p.direction == access.Out {
			state = Out
			s.turnedBack(p.person)
		}
		s.put(Place{
			Area: p.person.Area, Person: p.person.ID, State: state, At: now.Wall, mono: now.Mono, Visitor: p.person.Visitor, Escort: p.person.Escort,
		})
	}
	s.coming[door] = waiting
}

// Doubt says that somebody may have left an area without a card. It returns how many people are in doubt now who were not before.
func (s *State) Doubt(areaID string) (n int) {
	a := s.places[areaID]
	if a == nil {
		return 0
	}
	for _, p := range a.people {
		if p.State == In {
			n++
			p.State = Doubtful
			s.put(p)
		}
	}
	return n
}

// Reset forgets where people are: one person or everybody ("") in one area or all ("").
func (s *State) Reset(areaID, person string) (n int) {
	for id, a := range s.places {
		if areaID != "" && id != areaID {
			continue
		}
		for who := range a.people {
			if person == "" || who == person {
				s.turnedBack(Person{ID: who, Area: id})
				s.forget(id, who)
				n++
			}
		}
	}
	return n
}

// Stale reports whether somebody is recorded in an area since before a moment: the daily reset is due.
func (s *State) Stale(areaID string, since time.Time) bool {
	a := s.places[areaID]
	if a == nil {
		return false
	}
	for _, p := range a.people {
		if p.At.Before(since) {
			return true
		}
	}
	return false
}

// LastReset is the last moment not after now at which a day's minute (JST, 1–1440) came.
func LastReset(minute int, now time.Time) time.Time {
	local := now.In(jst)
	at := time.Date(local.Year(), local.Month(), local.Day(), 0, minute%minutesOfDay, 0, 0, jst)
	if at.After(local) {
		at = at.AddDate(0, 0, -1)
	}
	return at
}

const minutesOfDay = 24 * 60

var jst = time.FixedZone("JST", 9*3600)

// Inside lists who is inside an area or in doubt, by id.
func (s *State) Inside(areaID string) []Place {
	var list []Place
	if a := s.places[areaID]; a != nil {
		for _, p := range a.people {
			if p.State != Out {
				list = append(list, p)
			}
		}
	}
	slices.SortFunc(list, func(a, b Place) int { return cmp.Compare(a.Person, b.Person) })
	return list
}
