package desk

import (
	"crypto/rand"
	"maps"
	"slices"
	"time"

	"kanmon/internal/tap"
)

// stays knows which card lies in which reader since when. It is pure: now is an argument.
type stays map[string]stay

type stay struct {
	id     string
	number tap.Number // empty for a card that is no identifier
	since  time.Time
}

// put says that a card lies in a reader. The same again is the same stay.
func (s stays) put(reader string, number tap.Number, since time.Time) {
	if there, is := s[reader]; is && there.number == number {
		return
	}
	s[reader] = stay{rand.Text(), number, since}
}

// gone says that nothing lies in a reader.
func (s stays) gone(reader string) { delete(s, reader) }

// anew gives another name to what does not lie there for too long by another measure: when it does, that is said of it again, also where it was said before.
func (s stays) anew(now time.Time, watch time.Duration) {
	for reader, x := range s {
		if watch <= 0 || now.Before(x.since.Add(watch)) {
			x.id = rand.Text()
			s[reader] = x
		}
	}
}

// left are those that have lain for longer than they may, and when the next one will have; zero: none will. A watch of 0 is none.
func (s stays) left(now time.Time, watch time.Duration) (list []tap.Stay, next time.Time) {
	list = []tap.Stay{}
	if watch <= 0 {
		return list, time.Time{}
	}
	for _, reader := range slices.Sorted(maps.Keys(s)) {
		x := s[reader]
		due := x.since.Add(watch)
		switch {
		case !now.Before(due):
			list = append(list, tap.Stay{ID: x.id, Credential: x.number, ForMS: now.Sub(x.since).Milliseconds()})
		case next.IsZero() || due.Before(next):
			next = due
		}
	}
	return list, next
}
