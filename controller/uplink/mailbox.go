package uplink

import "sync"

// mailbox holds the newest of something.
type mailbox[T any] struct {
	wake chan struct{}
	mu   sync.Mutex
	held *T
}

func newMailbox[T any]() mailbox[T] { return mailbox[T]{wake: make(chan struct{}, 1)} }

func (b *mailbox[T]) put(v T) { b.putUnless(v, func(T) bool { return false }) }

// putUnless keeps what is held where it is better.
func (b *mailbox[T]) putUnless(v T, better func(held T) bool) {
	b.mu.Lock()
	if b.held == nil || !better(*b.held) {
		b.held = &v
	}
	b.mu.Unlock()
	poke(b.wake)
}

func (b *mailbox[T]) take() *T {
	b.mu.Lock()
	defer b.mu.Unlock()
	v := b.held
	b.held = nil
	return v
}

// giveBack returns what could not be sent, unless something newer has come.
func (b *mailbox[T]) giveBack(v *T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held == nil {
		b.held = v
	}
}

// poke leaves a note in a channel of capacity one.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
