package entrylog

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// However suspects come, a controller has no more of them written down than the bound, every other one is counted, and what one does takes
// nothing from another.
func TestSuspectsOverTheBoundAreCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y, began := newTally(), time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)
		now, wrote, came := began, 0, 0
		for range rapid.IntRange(1, 300).Draw(t, "suspects") {
			now = now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms")) * time.Millisecond)
			came++
			if y.allow(Suspect{Controller: "mad", Reason: BadPayload}, now) {
				wrote++
			}
		}
		if most := atOnce + int(now.Sub(began)/oneBack); wrote > most || wrote < min(came, atOnce) {
			t.Fatalf("%d of %d written in %v", wrote, came, now.Sub(began))
		}
		if !y.allow(Suspect{Controller: "ctl-1", Reason: BadPayload}, now) {
			t.Fatal("another controller has nothing left")
		}
		if sums := y.take(); sums[countedBy{"mad", BadPayload}] != int64(came-wrote) || len(y.over) != 0 {
			t.Fatalf("%d came, %d were written, counted %v", came, wrote, sums)
		}
	})
}
