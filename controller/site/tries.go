package site

import (
	"time"

	"kanmon/internal/access/decide"
)

// MostTries wrong PINs stop further ones for PINPause.
const (
	MostTries = 5
	PINPause  = 60 * time.Second
)

type tries struct {
	n     int
	until time.Duration // none is taken before
}

// Subject is whose wrong PINs count together: the card's, or where none is shown the reader's.
func Subject(id decide.Identity) string {
	if id.Card() != "" {
		return "card/" + id.Card()
	}
	return "reader/" + id.Reader()
}

func (s *State) blocked(subject string, now Moment) bool {
	t := s.tries[subject]
	return t != nil && t.n >= MostTries && now.Mono < t.until
}

// Wrong counts a wrong PIN, and reports whether that stops further ones.
func (s *State) Wrong(subject string, now Moment) (stopped bool) {
	t := s.tries[subject]
	if t == nil {
		t = &tries{}
		s.tries[subject] = t
	}
	if t.n >= MostTries { // the pause is over
		t.n = 0
	}
	t.n++
	s.dirty.try(subject)
	if t.n < MostTries {
		return false
	}
	t.until = now.Mono + PINPause
	return true
}

// Right ends the count.
func (s *State) Right(subject string) {
	if s.tries[subject] != nil {
		delete(s.tries, subject)
		s.dirty.try(subject)
	}
}
