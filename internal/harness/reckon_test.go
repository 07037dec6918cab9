package harness

import (
	"slices"
	"testing"
	"time"

	"kanmon/firmware-sim/outlog"
)

// The kill tests are worth what this reckoning is worth: each case but the first two would be a door that opened without a
// record.
func TestReckoningMissesNoStrikeWithoutAnEvent(t *testing.T) {
	start := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	grant := func(ms int) Event { return Event{Kind: "access_granted", Door: "D-1", At: at(ms)} }
	strike := func(n uint64, ms int) outlog.Row { return outlog.Row{N: n, Door: "D-1", At: at(ms)} }
	for name, c := range map[string]struct {
		strikes []outlog.Row
		events  []Event
		lives   []time.Time
		want    []uint64
	}{
		"each has its event": {
			[]outlog.Row{strike(1, 10), strike(2, 30)}, []Event{grant(20), grant(0)}, nil, nil,
		},
		"a grant that was not carried out": {
			[]outlog.Row{strike(1, 10), strike(2, 110)}, []Event{grant(0), grant(20), grant(100)}, []time.Time{at(25)}, nil,
		},
		"an event less":                {[]outlog.Row{strike(1, 10), strike(2, 30)}, []Event{grant(0)}, nil, []uint64{2}},
		"no event at all":              {[]outlog.Row{strike(1, 10)}, nil, nil, []uint64{1}},
		"recorded after it opened":     {[]outlog.Row{strike(1, 10)}, []Event{grant(11)}, nil, []uint64{1}},
		"recorded long before":         {[]outlog.Row{strike(1, 5010)}, []Event{grant(0)}, nil, []uint64{1}},
		"a grant before the last kill": {[]outlog.Row{strike(1, 110)}, []Event{grant(20)}, []time.Time{at(25)}, []uint64{1}},
		"the other door's": {
			[]outlog.Row{{N: 1, Door: "D-2", At: at(10)}}, []Event{grant(0)}, nil, []uint64{1},
		},
		"a refusal": {
			[]outlog.Row{strike(1, 10)}, []Event{{Kind: "access_denied", Door: "D-1", At: at(0)}}, nil, []uint64{1},
		},
		"one event for two": {
			[]outlog.Row{strike(1, 10), strike(2, 12), strike(3, 60)}, []Event{grant(0), grant(50)}, nil, []uint64{2},
		},
	} {
		var got []uint64
		for _, s := range Unaccounted(c.strikes, c.events, c.lives) {
			got = append(got, s.N)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: without an event are %v, want %v", name, got, c.want)
		}
	}
}

func TestReckoningSeesNumbersTwiceAndLeftOut(t *testing.T) {
	e := func(controller string, epoch, seq uint64) Event {
		return Event{Controller: controller, Epoch: epoch, Seq: seq}
	}
	good := []Event{e("a", 1, 1), e("b", 1, 1), e("", 0, 0), e("a", 1, 2), e("a", 5, 1), e("b", 1, 2)}
	if wrong := Twice(good); len(wrong) != 0 {
		t.Errorf("numbers that are right: %q", wrong)
	}
	for name, bad := range map[string][]Event{
		"twice": {e("a", 1, 1), e("a", 1, 1)}, "left out": {e("a", 1, 1), e("a", 1, 3)}, "not from the start": {e("a", 1, 2)},
		"out of turn": {e("a", 1, 1), e("a", 1, 3), e("a", 1, 2), e("a", 1, 4)},
	} {
		if len(Twice(bad)) == 0 {
			t.Errorf("%s: nothing found", name)
		}
	}
}
