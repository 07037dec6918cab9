package centre

import "sync"

// outbox holds the last of something for each controller until it is sent: an acknowledgement, which is cumulative, or a lease, which
// answers the newest status. A newer one replaces it.
type outbox[T any] struct {
	wake chan struct{}

	mu      sync.Mutex
	waiting map[string]T
}

func newOutbox[T any]() *outbox[T] {
	return &outbox[T]{wake: make(chan struct{}, 1), waiting: map[string]T{}}
}

func (o *outbox[T]) put(controller string, v T) {
	o.mu.Lock()
	o.waiting[controller] = v
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *outbox[T]) take() map[string]T {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := o.waiting
	o.waiting = map[string]T{}
	return all
}
