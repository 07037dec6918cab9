package site

import (
	"strings"
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

// Subjects are whose wrong PINs count together: the card's; where none is shown the person's whose number was typed, and the reader's.
func Subjects(id decide.Identity) []string {
	switch {
	case id.Card() != "":
		return []string{cardPrefix + id.Card()}
	case id.Person() != "":
		return []string{personPrefix + id.Person(), readerPrefix + id.Reader()}
	default:
		return []string{readerPrefix + id.Reader()}
	}
}

const (
	cardPrefix   = "card/"
	personPrefix = "person/"
	readerPrefix = "reader/"
)

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

// Right ends the count of a card or a person. At a reader it takes one off, no more: others typed there too.
func (s *State) Right(subject string) {
	t := s.tries[subject]
	if t == nil {
		return
	}
	if t.n--; t.n <= 0 || !strings.HasPrefix(subject, readerPrefix) {
		delete(s.tries, subject)
	}
	s.dirty.try(subject)
}
