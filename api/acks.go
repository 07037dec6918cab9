package api

import (
	"sync"

	"kanmon/internal/wire"
)

// acks holds the last acknowledgement for each controller until it is sent. An acknowledgement is cumulative,
// so a newer one replaces it.
type acks struct {
	wake chan struct{}

	mu      sync.Mutex
	waiting map[string]wire.AckUpTo
}

func newAcks() *acks {
	return &acks{wake: make(chan struct{}, 1), waiting: map[string]wire.AckUpTo{}}
}

func (a *acks) put(controller string, ack wire.AckUpTo) {
	a.mu.Lock()
	a.waiting[controller] = ack
	a.mu.Unlock()
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

func (a *acks) take() map[string]wire.AckUpTo {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := a.waiting
	a.waiting = map[string]wire.AckUpTo{}
	return all
}
