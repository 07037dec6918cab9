package centre

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"kanmon/internal/wire"
)

var zeros [1 << 20]byte

func of(controller string, kind wire.Kind, size int) message {
	return message{Address: wire.Address{Site: "demo", Controller: controller, Kind: kind}, payload: zeros[:size]}
}

// Nobody can fill the memory with what waits, and a flood of one kind leaves room for the others.
func TestWhatWaitsIsBoundedInNumberAndInBytes(t *testing.T) {
	l := newLanes()
	taken := 0
	for l.put(of("ctl-1", wire.Events, 1)) {
		taken++
	}
	if taken != eventsEach || !l.put(of("ctl-1", wire.Receipt, 400)) || !l.put(of("ctl-1", wire.Status, 400)) {
		t.Fatalf("%d small batches wait, or others have no room", taken)
	}
	l = newLanes()
	taken = 0
	for i := range 10_000 {
		if l.put(of(fmt.Sprint("ctl-", i), wire.Events, 1<<20)) {
			taken++
		}
	}
	if taken != mostBytes>>20 {
		t.Fatalf("%d megabytes wait", taken)
	}
	l = newLanes()
	for i := range 2 * mostControllers { // names that a lying broker makes up
		l.put(of(fmt.Sprint("ctl-", i), wire.Receipt, 1))
	}
	if len(l.quick.waiting) != mostControllers {
		t.Fatalf("%d controllers have something waiting", len(l.quick.waiting))
	}
}

// turn does one turn of a worker on a lane and says whose message it was.
func turn(l *lanes, lane *lane) (controller string) {
	m := lane.first(<-lane.turns)
	l.give(m)
	lane.later(m.Controller, 0)
	return m.Controller
}

// A controller with a good certificate that sends all it can, of every kind, takes neither room nor turns from another.
func TestAFloodingControllerKeepsNobodyWaiting(t *testing.T) {
	for _, kind := range wire.Ups() {
		for _, size := range []int{1, 400, 1 << 20} {
			l := newLanes()
			flood := func() {
				for range 10_000 {
					if !l.put(of("mad", kind, size)) {
						return
					}
				}
			}
			flood()
			for _, honest := range []message{of("ctl-1", kind, 400), of("ctl-1", kind, 400), of("ctl-2", kind, 400)} {
				if !l.put(honest) {
					t.Fatalf("%s of %d bytes: no room for another controller", kind, size)
				}
			}
			lane := l.lane(of("ctl-1", kind, 400))
			worked := map[string]int{}
			for range 6 { // three controllers, two rounds
				if len(lane.turns) > 0 {
					worked[turn(l, lane)]++
				}
				flood()
			}
			want := 2
			if kind == wire.Status {
				want = 1 // the newer one replaced the other
			}
			if worked["ctl-1"] != want || worked["ctl-2"] != 1 {
				t.Errorf("%s of %d bytes: worked %v", kind, size, worked)
			}
		}
	}
}

// Of statuses that wait only the newest is worked; a copy that the broker kept is no newer one.
func TestANewerStatusReplacesOneThatWaits(t *testing.T) {
	l := newLanes()
	for _, m := range []struct {
		size     int
		retained bool
	}{{1, true}, {2, true}, {3, false}, {4, true}, {5, false}, {6, true}} {
		one := of("ctl-1", wire.Status, m.size)
		one.retained = m.retained
		if !l.put(one) {
			t.Fatal("no room")
		}
	}
	got := l.statuses.first(<-l.statuses.turns)
	if len(got.payload) != 5 || len(l.statuses.waiting["ctl-1"]) != 0 || l.bytes != 5 {
		t.Fatalf("status %d, and %d bytes are counted", len(got.payload), l.bytes)
	}
}

// A controller that sends statuses without end has five a second worked, and in the end the last of them.
func TestFiveStatusesOfAControllerAreWorkedInASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLanes()
		ctx, cancel := context.WithCancel(t.Context())
		var g errgroup.Group
		var mu sync.Mutex
		var sizes []int
		l.run(ctx, &g, func(_ context.Context, m message) {
			mu.Lock()
			defer mu.Unlock()
			sizes = append(sizes, len(m.payload))
		})
		for i := range 3000 {
			l.put(of("mad", wire.Status, i+1))
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		synctest.Wait() // it has rested
		cancel()
		if err := g.Wait(); err != nil || len(sizes) != 16 || sizes[0] != 1 || sizes[15] != 3000 {
			t.Fatalf("worked %v in three seconds, %v", sizes, err)
		}
		if len(l.statuses.waiting) != 0 || l.bytes != 0 || len(l.of) != 0 {
			t.Fatalf("something is left: %v, %d bytes", l.statuses.waiting, l.bytes)
		}
	})
}

func TestWhatWasTakenMakesRoomAndStaysInOrder(t *testing.T) {
	l := newLanes()
	const each = 200
	var mu sync.Mutex
	seen := map[string]int{}
	left := make(chan struct{}, 4*each)
	ctx, cancel := context.WithCancel(t.Context())
	var g errgroup.Group
	l.run(ctx, &g, func(_ context.Context, m message) {
		mu.Lock()
		defer mu.Unlock()
		if len(m.payload) != seen[m.Controller]+1 {
			t.Errorf("%s: %d after %d", m.Controller, len(m.payload), seen[m.Controller])
		}
		seen[m.Controller] = len(m.payload)
		left <- struct{}{}
	})
	for i := range each {
		for c := range 4 {
			for !l.put(of(fmt.Sprint("ctl-", c), wire.Events, i+1)) {
				<-left
			}
		}
	}
	for range 4 * each {
		<-left
	}
	cancel()
	if err := g.Wait(); err != nil || l.bytes != 0 || len(l.of) != 0 {
		t.Fatalf("%d bytes are left, %v", l.bytes, err)
	}
}
