package ingest

import "sync"

// Broadcaster tells listeners in this process that there is something new, by the id of the newest row.
//
// It carries no rows: a listener reads them from the log itself, from where it stopped. So nothing queues up
// for a slow one; it holds at most one wake-up, and the ids in between are folded into it. The zero value is
// ready.
type Broadcaster struct {
	mu        sync.Mutex
	newest    int64
	listeners map[*Listener]struct{}
}

// Listener is one subscription.
type Listener struct {
	from *Broadcaster
	wake chan struct{}
}

// Subscribe starts to listen. Close it when done.
func (b *Broadcaster) Subscribe() *Listener {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := &Listener{from: b, wake: make(chan struct{}, 1)}
	if b.listeners == nil {
		b.listeners = map[*Listener]struct{}{}
	}
	b.listeners[l] = struct{}{}
	return l
}

// Tell wakes every listener. It never blocks. An id below the newest told so far still wakes.
func (b *Broadcaster) Tell(id int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.newest = max(b.newest, id)
	for l := range b.listeners {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// Newest is the highest id told so far.
func (b *Broadcaster) Newest() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.newest
}

// Listeners counts the subscriptions.
func (b *Broadcaster) Listeners() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.listeners)
}

// Wake delivers when something was told since the last delivery.
func (l *Listener) Wake() <-chan struct{} { return l.wake }

// Close ends the subscription. Wake then delivers no more; it is not closed.
func (l *Listener) Close() {
	l.from.mu.Lock()
	defer l.from.mu.Unlock()
	delete(l.from.listeners, l)
}
