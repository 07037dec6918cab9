package site

import (
	"strings"

	"kanmon/internal/access/decide"
)

// Left forgets those whom a policy does not know any more: where they were, and the wrong PINs of people, cards and readers. Who is inside an area with
// readers on both sides stays inside: they are there, and others are counted with them until they have left, or it is in doubt.
func (s *State) Left(p *decide.Policy) {
	people, cards := map[string]bool{}, map[string]bool{}
	for _, a := range s.places {
		for person := range a.people {
			people[person] = true
		}
	}
	for subject := range s.tries {
		if card, is := strings.CutPrefix(subject, cardPrefix); is {
			cards[card] = true
		} else if person, is := strings.CutPrefix(subject, personPrefix); is {
			people[person] = true
		}
	}
	p.Strangers(people, cards)
	for area, a := range s.places {
		for person, at := range a.people {
			if people[person] && (at.State != In || !p.Rules(area).InOut) {
				s.forget(area, person)
			}
		}
	}
	for subject := range s.tries {
		card, person := strings.TrimPrefix(subject, cardPrefix), strings.TrimPrefix(subject, personPrefix)
		reader, at := strings.CutPrefix(subject, readerPrefix)
		if card != subject && cards[card] || person != subject && people[person] || at && p.DoorAt(reader) == "" {
			delete(s.tries, subject)
			s.dirty.try(subject)
		}
	}
}
