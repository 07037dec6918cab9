package site

import (
	"cmp"
	"slices"
	"time"
)

// Kept is what is written down with the events that it follows from, and read at the next start.
type Kept struct {
	Whole  bool // it is everything: what was kept before goes
	Places []KeptPlace
	Tries  []Tries
}

// KeptPlace is a position to be kept, or one that goes.
type KeptPlace struct {
	Place
	Gone bool
}

// Tries are wrong PINs. None: the count is over.
type Tries struct {
	Subject string
	N       int
}

type spot struct{ area, person string }

// dirty is what changed since it was handed out.
type dirty struct {
	all    bool
	places map[spot]bool
	tries  map[string]bool
}

func (d *dirty) place(area, person string) {
	if d.places == nil {
		d.places = map[spot]bool{}
	}
	d.places[spot{area, person}] = true
}

func (d *dirty) try(subject string) {
	if d.tries == nil {
		d.tries = map[string]bool{}
	}
	d.tries[subject] = true
}

// Changed reports whether there is something to keep.
func (s *State) Changed() bool {
	return s.dirty.all || len(s.dirty.places) > 0 || len(s.dirty.tries) > 0
}

// Keep hands out what changed since the last time; nil for nothing. What could not be written has to be told to Lost.
func (s *State) Keep() *Kept {
	if !s.Changed() {
		return nil
	}
	d := s.dirty
	s.dirty = dirty{}
	if d.all {
		return s.whole()
	}
	k := &Kept{}
	for at := range d.places {
		k.Places = append(k.Places, s.keptPlace(at))
	}
	for subject := range d.tries {
		k.Tries = append(k.Tries, s.keptTries(subject))
	}
	k.order()
	return k
}

func (s *State) keptPlace(at spot) KeptPlace {
	if a := s.places[at.area]; a != nil {
		if p, there := a.people[at.person]; there {
			return KeptPlace{Place: p}
		}
	}
	return KeptPlace{Place: Place{Area: at.area, Person: at.person}, Gone: true}
}

func (s *State) keptTries(subject string) Tries {
	if t := s.tries[subject]; t != nil {
		return Tries{subject, t.n}
	}
	return Tries{Subject: subject}
}

func (s *State) whole() *Kept {
	k := &Kept{Whole: true}
	for _, a := range s.places {
		for _, p := range a.people {
			k.Places = append(k.Places, KeptPlace{Place: p})
		}
	}
	for subject := range s.tries {
		k.Tries = append(k.Tries, s.keptTries(subject))
	}
	k.order()
	return k
}

func (k *Kept) order() {
	slices.SortFunc(k.Places, func(a, b KeptPlace) int { return cmp.Or(cmp.Compare(a.Area, b.Area), cmp.Compare(a.Person, b.Person)) })
	slices.SortFunc(k.Tries, func(a, b Tries) int { return cmp.Compare(a.Subject, b.Subject) })
}

// Lost says that something handed out did not reach the disk: next time everything is handed out.
func (s *State) Lost() { s.dirty.all = true }

// Load takes what the last run kept. Somebody who came in counts from then where both times are known, else from now; a pause after wrong PINs
// begins anew.
func (s *State) Load(k Kept, now Moment) {
	for _, p := range k.Places {
		p.mono = now.Mono
		if !p.At.IsZero() && !now.Wall.IsZero() {
			p.mono -= max(0, now.Wall.Sub(p.At))
		}
		s.put(p.Place)
	}
	for _, t := range k.Tries {
		until := time.Duration(0)
		if t.N >= MostTries {
			until = now.Mono + PINPause
		}
		s.tries[t.Subject] = &tries{n: t.N, until: until}
	}
	s.dirty = dirty{}
}
