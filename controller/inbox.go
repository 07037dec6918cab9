package controller

import "sync"

// inboxSize bounds what waits for the controller's goroutine. Only a device gone mad fills it.
const inboxSize = 4096

// inbox hands inputs to the controller's goroutine. Putting never waits.
type inbox struct {
	wake chan struct{}

	mu      sync.Mutex
	waiting []Input
	dropped uint64
}

func newInbox() *inbox { return &inbox{wake: make(chan struct{}, 1)} }

// put adds an input. The journal's answers always find room: there are never more than maxPending of them.
func (b *inbox) put(in Input) bool {
	b.mu.Lock()
	_, answer := in.(Recorded)
	ok := answer || len(b.waiting) < inboxSize
	if ok {
		b.waiting = append(b.waiting, in)
	} else {
		b.dropped++
	}
	b.mu.Unlock()
	poke(b.wake)
	return ok
}

func (b *inbox) take() []Input {
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
