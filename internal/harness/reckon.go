package harness

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"kanmon/firmware-sim/outlog"
)

// openers are the kinds of events that a strike is energised for.
var openers = []string{"access_granted", "request_to_exit", "remote_release"}

// strikeTime is the longest way from a decision to its strike: the decision may wait for its record (core.RecordTimeout,
// 2 s) and the command for its device (2.5 s).
const strikeTime = 5 * time.Second

// Unaccounted returns the strikes that no event of the centre accounts for. Each event accounts for one strike: one of its
// door, at most strikeTime after it, in the same life of the controller. lives are the moments at which the controller was
// started again, in order: what it had decided before, it cannot carry out afterwards. An event without a strike is in order (the
// controller died in between), so lives keep such an event from covering for one that is missing later.
//
// All clocks are those of one machine.
func Unaccounted(strikes []outlog.Row, events []Event, lives []time.Time) []outlog.Row {
	life := func(at time.Time) int {
		n, _ := slices.BinarySearchFunc(lives, at, time.Time.Compare)
		return n
	}
	free := slices.DeleteFunc(slices.Clone(events), func(e Event) bool { return !slices.Contains(openers, e.Kind) })
	slices.SortFunc(free, func(a, b Event) int { return a.At.Compare(b.At) })
	strikes = slices.Clone(strikes)
	slices.SortFunc(strikes, func(a, b outlog.Row) int { return cmp.Compare(a.N, b.N) })
	var missing []outlog.Row
	for _, s := range strikes {
		// All windows are of one length, so to give each strike in turn the oldest event it may have is best.
		i := slices.IndexFunc(free, func(e Event) bool {
			return e.Door == s.Door && !e.At.After(s.At) && s.At.Sub(e.At) <= strikeTime && life(e.At) == life(s.At)
		})
		if i < 0 {
			missing = append(missing, s)
			continue
		}
		free = slices.Delete(free, i, i+1)
	}
	return missing
}

// Twice returns what is wrong with the numbers of the events: one that is there twice, one left out, one out of its turn. Events
// without a number are the centre's own.
func Twice(events []Event) []string {
	type controllerEpoch struct {
		controller string
		epoch      uint64
	}
	last := map[controllerEpoch]uint64{}
	var wrong []string
	for _, e := range events {
		if e.Seq == 0 {
			continue
		}
		of := controllerEpoch{e.Controller, e.Epoch}
		if e.Seq != last[of]+1 {
			wrong = append(wrong, fmt.Sprintf("after event %d.%d of %s comes %d.%d", e.Epoch, last[of], e.Controller, e.Epoch, e.Seq))
		}
		last[of] = e.Seq
	}
	return wrong
}

// describe lists strikes for a failed test.
func describe(strikes []outlog.Row) string {
	var b strings.Builder
	for _, s := range strikes {
		fmt.Fprintf(&b, "\n  strike %d of %s at %s", s.N, s.Door, s.At.Format("15:04:05.000000"))
	}
	return b.String()
}
