package uplink

import (
	"testing"
	"testing/synctest"
	"time"

	"kanmon/internal/wire"
)

// The newest events go ahead while a backlog drains, alarms and all; the ordered lane brings them again, once and in order.
func TestNewEventsGoAheadOfABacklog(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := start(t)
		r.latency = 50 * time.Millisecond
		r.journal.add(t, 20_000)
		r.up()
		added := map[uint64]time.Time{}
		for range 20 {
			pass(100 * time.Millisecond)
			r.journal.add(t, 1)
			added[r.journal.State().Seq] = time.Now()
		}
		pass(time.Second)
		if r.have() >= 20_000 {
			t.Fatal("the backlog was gone before the test began")
		}
		ahead := r.said().liveAt
		for seq, then := range added {
			if at, sent := ahead[seq]; !sent || at.Sub(then) > time.Second {
				t.Errorf("event %d of %v went ahead at %v", seq, then, at)
			}
		}
		pass(10 * time.Second)
		if r.have() != 20_020 || r.journal.State().Acked != 20_020 {
			t.Fatalf("centre has %d, cursor %d", r.have(), r.journal.State().Acked)
		}
		before := r.Counts().Live
		r.journal.add(t, 100)
		pass(time.Second)
		if r.Counts().Live != before {
			t.Fatal("events went ahead though nothing waited")
		}
	})
}

// A flood of new events does not turn the lane into a second backlog.
func TestTheLiveLaneSkipsToTheNewest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := start(t)
		r.set(func() { r.mute = true })
		r.journal.add(t, 10_000)
		r.up()
		pass(time.Second)
		if live := r.said().live; len(live) != wire.MaxLive || live[len(live)-1].Seq != 10_000 {
			t.Fatalf("%d events ahead at first", len(live))
		}
		r.journal.add(t, 5000)
		synctest.Wait()
		if live := r.said().live; len(live) != 2*wire.MaxLive || live[len(live)-1].Seq != 15_000 {
			t.Fatalf("%d events ahead", len(live))
		}
	})
}

// R84-1: A long backlog drains at 2,000/s and more, also where every message takes 100 ms to the broker and the centre as long to
// commit.
func TestABacklogDrainsFastOverASlowLine(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := start(t)
		r.latency, r.commit = 100*time.Millisecond, 100*time.Millisecond
		r.journal.add(t, 50_000)
		began := time.Now()
		r.up()
		for r.have() < 50_000 {
			pass(100 * time.Millisecond)
		}
		took := time.Since(began)
		if rate := 50_000 / took.Seconds(); rate < 2000 {
			t.Fatalf("%.0f events a second", rate)
		}
	})
}
