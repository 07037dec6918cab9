package centre

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	"kanmon/internal/wire"
)

func of(controller string, kind wire.Kind, size int) message {
	return message{Address: wire.Address{Site: "demo", Controller: controller, Kind: kind}, payload: make([]byte, size)}
}

// Nobody can fill the memory with what waits, and a flood of one kind leaves room for the others.
func TestWhatWaitsIsBoundedInNumberAndInBytes(t *testing.T) {
	l := newLanes()
	taken := 0
	for l.put(of("ctl-1", wire.Events, 1)) {
		taken++
	}
	if taken != laneDepth || !l.put(of("ctl-1", wire.Receipt, 400)) || !l.put(of("ctl-1", wire.Status, 400)) {
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
	if err := g.Wait(); err != nil || l.bytes.Load() != 0 {
		t.Fatalf("%d bytes are left, %v", l.bytes.Load(), err)
	}
}
