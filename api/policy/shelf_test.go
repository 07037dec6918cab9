package policy

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/internal/access"
)

func citySpec(n uint64, people, rights int) access.Spec {
	s := access.Spec{Version: access.Version{Epoch: 1, N: n}}
	for i := range people {
		s.People = append(s.People, access.Person{ID: fmt.Sprint("p", i)})
		s.PINs = append(s.PINs, access.PIN{Person: fmt.Sprint("p", i)})
	}
	for i := range rights {
		s.Rights = append(s.Rights, access.Right{Person: fmt.Sprint("p", i), Area: fmt.Sprint("a", n)})
	}
	return s
}

// The shelf gives back what was put last for a controller, or nothing, and never counts wrong.
func TestTheShelfGivesBackWhatWasPutLastAndStaysWithinItsBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newShelf(20_000)
		model := map[string]access.Spec{}
		now := time.Unix(0, 0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 6).Draw(t, "minutes")) * time.Minute)
			name := fmt.Sprint("c", rapid.IntRange(0, 5).Draw(t, "controller"))
			n := rapid.Uint64Range(1, 9).Draw(t, "version")
			spec := citySpec(n, rapid.IntRange(0, 60).Draw(t, "people"), rapid.IntRange(0, 30).Draw(t, "rights"))
			hash := fmt.Sprint(n, len(spec.People), len(spec.Rights))
			s.put(name, hash, spec, now)
			model[name+hash] = spec
			for key := range s.kept {
				k := s.kept[key]
				want, there := model[key+k.hash]
				got, ok := s.get(key, k.hash, k.used)
				if !ok || !there || got.Version != want.Version || len(got.People) != len(want.People) || len(got.PINs) != len(want.PINs) || len(got.Rights) != len(want.Rights) {
					t.Fatalf("%s: %+v", key, got)
				}
			}
			if _, ok := s.get(name, "other", now); ok {
				t.Fatal("found under another hash")
			}
			if s.size > s.most || s.size != actual(s) {
				t.Fatalf("size %d, counted anew %d, at most %d", s.size, actual(s), s.most)
			}
		}
		for name := range s.kept {
			s.drop(name)
		}
		if s.size != 0 || len(s.people) != 0 || len(s.pins) != 0 {
			t.Fatalf("%d bytes, %d lists are left", s.size, len(s.people))
		}
	})
}

func actual(s *shelf) int {
	n := 0
	for _, k := range s.kept {
		n += k.own
	}
	for _, p := range s.people {
		n += personBytes * len(p.list)
	}
	for _, p := range s.pins {
		n += pinBytes * len(p.list)
	}
	return n
}

func TestListsThatAreTheSameAreKeptOnce(t *testing.T) {
	s := newShelf(1 << 20)
	for i := range 500 {
		s.put(fmt.Sprint("c", i), "h", citySpec(1, 3000, 0), time.Unix(0, 0))
	}
	if len(s.kept) != 500 {
		t.Fatalf("%d of 500 kept in %d bytes", len(s.kept), s.size)
	}
}

// A round over more controllers than fit finds those that were kept: nothing is pushed out by what is as new.
func TestARoundOverTooManyKeepsTheFirst(t *testing.T) {
	s := newShelf(10_000)
	now := time.Unix(0, 0)
	for i := range 100 {
		s.put(fmt.Sprint("c", i), "h", citySpec(uint64(i)+1, 0, 20), now.Add(time.Duration(i)*time.Second))
	}
	if _, ok := s.get("c0", "h", now); !ok || len(s.kept) < 3 {
		t.Fatalf("the first is gone, %d kept", len(s.kept))
	}
	s.put("late", "h", citySpec(1, 0, 20), now.Add(time.Hour))
	if _, ok := s.get("late", "h", now); !ok {
		t.Fatal("what was not used for an hour makes no room")
	}
}
