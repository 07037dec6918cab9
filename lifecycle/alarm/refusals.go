package alarm

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/event"
)

// try is a card shown at a door: granted, or refused.
type try struct {
	entry   int64
	at      time.Time
	card    string // empty: nobody knows it, and no door lets it in
	door    string
	area    string
	granted bool
}

// refused reports whether an event is a refusal that counts. Who waits for a second card or person, or for another door to close, was not refused.
func refused(k event.Kind, r access.Reason) bool {
	switch r {
	case access.PINRequired, access.CardRequired, access.PersonRequired, access.EscortRequired, access.Interlocked:
		return false
	default:
		return k == event.AccessDenied
	}
}

// hits looks through tries at one door, or of one card, and returns the refusals of every window that reaches the limit with a refusal from the
// entry fresh on, by their ids. A window is the time Within up to a refusal, with both ends; a refusal before which is made good by a
// grant of the same card in it does not count.
func (r Repeat) hits(tries []try, fresh int64) []int64 {
	slices.SortFunc(tries, func(a, b try) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.entry, b.entry)) })
	hit := map[int64]bool{}
	for i, t := range tries {
		if t.granted || t.entry < fresh {
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
func (r Repeat) window(tries []try) []int64 {
	granted := map[string]bool{}
	end := tries[len(tries)-1].at
	var in []int64
	for _, t := range slices.Backward(tries) {
		switch {
		case end.Sub(t.at) > r.Within:
			return in
		case t.granted:
			granted[t.card] = true
		case t.card == "" || !granted[t.card]:
			in = append(in, t.entry)
		}
	}
	return in
}
