package passage

import (
	"cmp"
	"slices"
	"time"
)

// Evidence is how far "inside" can be believed.
type Evidence string

// Evidences.
const (
	BothWays  Evidence = "both"       // the area's doors measure both ways
	EntryOnly Evidence = "entry_only" // the way out is not measured
	ByHand    Evidence = "hand"       // a person said so
	Doubtful  Evidence = "doubtful"   // since then somebody may have left unmeasured
)

// Forgotten is how long an entry is shown whose exit is not measured.
const Forgotten = 7 * 24 * time.Hour

// Area is what must be known of an area to say who is inside.
type Area struct {
	BothWays    bool     // every door of it has readers on both sides
	Controllers []string // that its doors are on
}

// Inside is a person inside an area.
type Inside struct {
	Position
	Evidence    Evidence
	ExitUnknown bool     // entered so long ago that they have probably left, where leaving is not measured
	Also        []string // other areas in which the same person is inside for certain as well; sorted
}

// Known is all that is known of where people are.
type Known struct {
	Positions []Position // any number for a person and an area: the latest counts
	Waiting   []Grant    // of all controllers
	Marks     []Mark
	Areas     map[string]Area
}

// Inside says who is inside which area, by area and person. After lasts an entry to an area whose exits are not measured no longer means inside,
// and when it is Forgotten it is left out.
func (k Known) Inside(now time.Time, lasts time.Duration) []Inside {
	var list []Inside
	for _, p := range k.latest(now) {
		if !p.In || k.marked(p, false) {
			continue
		}
		if in := k.inside(p, now, lasts); !in.ExitUnknown || now.Sub(p.At) < Forgotten {
			list = append(list, in)
		}
	}
	slices.SortFunc(list, func(a, b Inside) int { return cmp.Or(cmp.Compare(a.Area, b.Area), cmp.Compare(a.Person, b.Person)) })
	atOnce(list)
	return list
}

// latest returns the last position of each person in each area. Who waits for a door longer than anything can last has passed, though no later
// event has come yet to say so.
func (k Known) latest(now time.Time) map[[2]string]Position {
	last := map[[2]string]Position{}
	see := func(p Position) {
		at := [2]string{p.Person, p.Area}
		if was, known := last[at]; !known || !p.At.Before(was.At) {
			last[at] = p
		}
	}
	for _, p := range k.Positions {
		see(p)
	}
	for _, g := range k.Waiting {
		if now.Sub(g.From) >= Waits {
			see(g.position(Granted))
		}
	}
	return last
}

// marked reports whether a later mark is about the position.
func (k Known) marked(p Position, doubt bool) bool {
	return slices.ContainsFunc(k.Marks, func(m Mark) bool {
		return m.Doubt == doubt && !p.At.After(m.At) && (m.Person == "" || m.Person == p.Person) &&
			(m.Area == p.Area || (m.Area == "" && slices.Contains(k.Areas[p.Area].Controllers, m.Controller)))
	})
}

func (k Known) inside(p Position, now time.Time, lasts time.Duration) Inside {
	in := Inside{Position: p, Evidence: EntryOnly}
	both := k.Areas[p.Area].BothWays
	switch {
	case k.marked(p, true):
		in.Evidence = Doubtful
	case p.Proof == Hand:
		in.Evidence = ByHand
	case both:
		in.Evidence = BothWays
	}
	in.ExitUnknown = !both && p.Proof != Hand && now.Sub(p.At) >= lasts
	return in
}

// atOnce notes who is for certain inside two areas. An area may lie inside another, so this is a sign and no proof.
func atOnce(list []Inside) {
	where := map[string][]string{}
	for _, in := range list {
		if in.Evidence == BothWays {
			where[in.Person] = append(where[in.Person], in.Area)
		}
	}
	for i, in := range list {
		if all := where[in.Person]; in.Evidence == BothWays && len(all) > 1 {
			list[i].Also = slices.DeleteFunc(slices.Clone(all), func(a string) bool { return a == in.Area })
		}
	}
}
