package passage_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/lifecycle/entrylog/passage"
)

// Area a has readers on both sides, b too; e has none on the way out.
var areas = map[string]passage.Area{
	"a": {BothWays: true, Controllers: []string{"ctl-1"}},
	"b": {BothWays: true, Controllers: []string{"ctl-1", "ctl-2"}},
	"e": {Controllers: []string{"ctl-2"}},
}

func in(person, area string, minute int) passage.Position {
	return passage.Position{Person: person, Area: area, In: true, At: nine.Add(time.Duration(minute) * time.Minute), Proof: passage.Opened}
}

func out(person, area string, minute int) passage.Position {
	p := in(person, area, minute)
	p.In = false
	return p
}

func byHand(p passage.Position) passage.Position {
	p.Proof = passage.Hand
	return p
}

func show(list []passage.Inside) string {
	var all []string
	for _, in := range list {
		line := fmt.Sprintf("%s in %s since %v (%s)", in.Person, in.Area, in.At.Sub(nine).Minutes(), in.Evidence)
		if in.ExitUnknown {
			line += " exit unknown"
		}
		if len(in.Also) > 0 {
			line += " also " + strings.Join(in.Also, ",")
		}
		all = append(all, line)
	}
	return strings.Join(all, "; ")
}

// R43-2, R76-1: who is inside, since when, from what evidence; two places at once are flagged.
func TestWhoIsInsideAndFromWhatEvidence(t *testing.T) {
	minute := func(m int) time.Time { return nine.Add(time.Duration(m) * time.Minute) }
	for _, tt := range []struct {
		name string
		k    passage.Known
		now  int // minutes
		want string
	}{
		{"nobody", passage.Known{}, 0, ""},
		{"both ways", passage.Known{Positions: []passage.Position{in("p", "a", 1)}}, 2000, "p in a since 1 (both)"},
		{"left", passage.Known{Positions: []passage.Position{out("p", "a", 2), in("p", "a", 1)}}, 3, ""},
		{"at the same moment the later word counts", passage.Known{Positions: []passage.Position{in("p", "a", 1), out("p", "a", 1)}}, 3, ""},
		{"entry only, today", passage.Known{Positions: []passage.Position{in("p", "e", 0)}}, 14*60 - 1, "p in e since 0 (entry_only)"},
		{"entry only, later", passage.Known{Positions: []passage.Position{in("p", "e", 0)}}, 14 * 60, "p in e since 0 (entry_only) exit unknown"},
		{"entry only, last week", passage.Known{Positions: []passage.Position{in("p", "e", 0), in("q", "e", 1), in("r", "a", 0)}}, 7 * 24 * 60, "r in a since 0 (both); q in e since 1 (entry_only) exit unknown"},
		{"an area nobody knows measures nothing", passage.Known{Positions: []passage.Position{in("p", "x", 0)}}, 1, "p in x since 0 (entry_only)"},
		{"by hand, later", passage.Known{Positions: []passage.Position{out("p", "a", 1), byHand(in("p", "a", 2))}}, 2000, "p in a since 2 (hand)"},
		{"out by hand", passage.Known{Positions: []passage.Position{in("p", "a", 1), byHand(out("p", "a", 2))}}, 3, ""},
		{"by hand, and then by the door", passage.Known{Positions: []passage.Position{in("p", "a", 3), byHand(in("p", "a", 2))}}, 4, "p in a since 3 (both)"},
		{"waits for the door", passage.Known{Waiting: []passage.Grant{{Person: "p", Area: "a", In: true, At: nine, From: nine}}}, 0, ""},
		{"waited long enough", passage.Known{Waiting: []passage.Grant{{Person: "p", Area: "a", In: true, At: nine, From: nine}}}, 1, "p in a since 0 (both)"},
		{"waited long enough to go", passage.Known{
			Positions: []passage.Position{in("p", "a", -5)}, Waiting: []passage.Grant{{Person: "p", Area: "a", At: nine, From: nine}},
		}, 1, ""},
		{"doubtful", passage.Known{
			Positions: []passage.Position{in("p", "a", 1), in("q", "a", 3), in("r", "b", 1), byHand(in("s", "a", 1))},
			Marks:     []passage.Mark{{Controller: "ctl-1", Area: "a", Doubt: true, At: minute(2)}},
		}, 4, "p in a since 1 (doubtful); q in a since 3 (both); s in a since 1 (doubtful); r in b since 1 (both)"},
		{"an area is reset", passage.Known{
			Positions: []passage.Position{in("p", "a", 1), in("q", "a", 3), in("r", "b", 1), byHand(in("s", "a", 1))},
			Marks:     []passage.Mark{{Controller: "ctl-1", Area: "a", At: minute(2)}},
		}, 4, "q in a since 3 (both); r in b since 1 (both)"},
		{"a person is reset", passage.Known{
			Positions: []passage.Position{in("p", "a", 1), in("q", "a", 1), in("p", "e", 1)},
			Marks:     []passage.Mark{{Controller: "ctl-1", Person: "p", At: minute(2)}},
		}, 4, "q in a since 1 (both); p in e since 1 (entry_only)"},
		{"a person is reset in an area", passage.Known{
			Positions: []passage.Position{in("p", "a", 1), in("q", "a", 1), in("p", "b", 1)},
			Marks:     []passage.Mark{{Controller: "ctl-1", Person: "p", Area: "a", At: minute(2)}},
		}, 4, "q in a since 1 (both); p in b since 1 (both)"},
		{"all of a controller is reset", passage.Known{
			Positions: []passage.Position{in("p", "a", 1), in("p", "b", 1), in("p", "e", 1)},
			Marks:     []passage.Mark{{Controller: "ctl-2", At: minute(2)}},
		}, 4, "p in a since 1 (both)"},
		{"two places at once", passage.Known{Positions: []passage.Position{in("p", "a", 1), in("p", "b", 2), in("q", "a", 1)}}, 4, "p in a since 1 (both) also b; q in a since 1 (both); p in b since 2 (both) also a"},
		{"one of two is not measured", passage.Known{Positions: []passage.Position{in("p", "a", 1), in("p", "e", 2)}}, 4, "p in a since 1 (both); p in e since 2 (entry_only)"},
		{"one of two is doubtful", passage.Known{
			Positions: []passage.Position{in("p", "a", 1), in("p", "b", 3)}, Marks: []passage.Mark{{Area: "a", Doubt: true, At: minute(2)}},
		}, 4, "p in a since 1 (doubtful); p in b since 3 (both)"},
	} {
		tt.k.Areas = areas
		if got := show(tt.k.Inside(minute(tt.now), 14*time.Hour)); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// Whatever order things became known in, the list is the same.
func TestTheOrderInWhichItBecameKnownDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var k passage.Known
		k.Areas = areas
		for i := range rapid.IntRange(0, 12).Draw(t, "positions") {
			p := in(rapid.SampledFrom([]string{"p", "q"}).Draw(t, "person"), rapid.SampledFrom([]string{"a", "b", "e"}).Draw(t, "area"), i)
			p.In = rapid.Bool().Draw(t, "in")
			k.Positions = append(k.Positions, p)
		}
		for range rapid.IntRange(0, 2).Draw(t, "marks") {
			k.Marks = append(k.Marks, passage.Mark{
				Controller: "ctl-1", Area: rapid.SampledFrom([]string{"a", "b", ""}).Draw(t, "where"), Doubt: rapid.Bool().Draw(t, "doubt"),
				At: nine.Add(time.Duration(rapid.IntRange(0, 12).Draw(t, "when"))*time.Minute + time.Second),
			})
		}
		want := show(k.Inside(nine.Add(time.Hour), 14*time.Hour))
		k.Positions = rapid.Permutation(k.Positions).Draw(t, "order")
		slices.Reverse(k.Marks)
		if got := show(k.Inside(nine.Add(time.Hour), 14*time.Hour)); got != want {
			t.Fatalf("%s, in another order %s", want, got)
		}
	})
}
