package controller

import (
	"sync"

	"kanmon/controller/core"
)

// inboxSize bounds what waits for the controller's goroutine. Only a device gone mad fills it.
const inboxSize = 4096

// inbox hands inputs to the controller's goroutine. Putting never waits.
type inbox struct {
	wake chan struct{}

	mu      sync.Mutex
	waiting []core.Input
	dropped uint64
}

func newInbox() *inbox { return &inbox{wake: make(chan struct{}, 1)} }

// put adds an input. The journal's answers always find room: there are never more than some dozens of them. So do revocations, up
// to a bound, for no device gone mad shall keep a lost card alive.
func (b *inbox) put(in core.Input) bool {
	room := inboxSize
	switch in.(type) {
	case core.Recorded:
		room = 3 * inboxSize
	case core.RevocationsCame:
		room = 2 * inboxSize
	}
	b.mu.Lock()
	ok := len(b.waiting) < room
	if ok {
		b.waiting = append(b.waiting, in)
	} else {
		b.dropped++
	}
	b.mu.Unlock()
	poke(b.wake)
	return ok
}

func (b *inbox) take() []core.Input {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.waiting
	b.waiting = nil
	return all
}

// poke leaves a note in a channel of capacity one.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
