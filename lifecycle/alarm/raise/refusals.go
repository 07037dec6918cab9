package raise

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/event"
)

// Try is a card shown at a door: granted, or refused.
type Try struct {
	Entry   int64
	At      time.Time
	Card    string // empty: nobody knows it, and no door lets it in
	Door    string
	Area    string
	Granted bool
}

// Refused reports whether an event is a refusal that counts. Who waits for a second card or person, or for another door to close, was not refused.
func Refused(k event.Kind, r access.Reason) bool {
	switch r {
	case access.PINRequired, access.CardRequired, access.PersonRequired, access.EscortRequired, access.Interlocked:
		return false
	default:
		return k == event.AccessDenied
	}
}

// Repeat is a number of refusals within a time.
type Repeat struct {
	N      int
	Within time.Duration
}

// Hits looks through tries at one door, or of one card, and returns the refusals of every window that reaches the limit with a refusal from the
// entry fresh on, by their ids. A window is the time Within up to a refusal, with both ends; a refusal before which is made good by a
// grant of the same card in it does not count.
func (r Repeat) Hits(tries []Try, fresh int64) []int64 {
	slices.SortFunc(tries, func(a, b Try) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Entry, b.Entry)) })
	hit := map[int64]bool{}
	for i, t := range tries {
		if t.Granted || t.Entry < fresh {
			continue
		}
		if in := r.window(tries[:i+1]); len(in) >= r.N {
			for _, id := range in {
				hit[id] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(hit))
}

// window returns the refusals that count in the window that ends with the last of the tries.
func (r Repeat) window(tries []Try) []int64 {
	granted := map[string]bool{}
	end := tries[len(tries)-1].At
	var in []int64
	for _, t := range slices.Backward(tries) {
		switch {
		case end.Sub(t.At) > r.Within:
			return in
		case t.Granted:
			granted[t.Card] = true
		case t.Card == "" || !granted[t.Card]:
			in = append(in, t.Entry)
		}
	}
	return in
}
