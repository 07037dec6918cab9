package decide_test

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"kanmon/internal/access"
)

// Two policies that say the same, in whatever order and with rights written twice, are equal once ordered.
func TestOrderMakesEqualWhatSaysTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySpec(t)
		for i := range s.Credentials { // names may be shared; keys are not
			s.Credentials[i].Card = []string{"c-a", "c-b"}[i%2]
		}
		for _, name := range []string{"IN", "OUT", "SPARE"} {
			s.Readers = append(s.Readers, anyProfile(t, name))
		}
		other := s
		other.Readers = rapid.Permutation(s.Readers).Draw(t, "readers")
		for i, r := range other.Readers {
			if len(r.Frames) > 0 {
				other.Readers[i].Frames = rapid.Permutation(r.Frames).Draw(t, "frames")
			}
		}
		other.Areas = rapid.Permutation(s.Areas).Draw(t, "areas")
		other.Doors = rapid.Permutation(s.Doors).Draw(t, "doors")
		other.People = rapid.Permutation(s.People).Draw(t, "people")
		if len(s.Schedules) > 0 {
			other.Schedules = rapid.Permutation(s.Schedules).Draw(t, "schedules")
		}
		if len(s.Credentials) > 0 {
			other.Credentials = rapid.Permutation(s.Credentials).Draw(t, "cards")
		}
		if len(s.Revocations) > 0 {
			other.Revocations = rapid.Permutation(s.Revocations).Draw(t, "revocations")
		}
		if len(s.Rights) > 0 {
			other.Rights = rapid.Permutation(append(append([]access.Right{}, s.Rights...), s.Rights[0])).Draw(t, "rights")
		}
		access.Order(&s)
		access.Order(&other)
		if !reflect.DeepEqual(s, other) {
			t.Fatalf("%+v is not %+v", s, other)
		}
	})
}
