package readertest

import (
	"sync"
	"time"

	"kanmon/reader"
	"kanmon/reader/credential"
)

// Fake is a reader in memory for tests of what stands behind readers. It keeps the promises of Run. The zero
// value is not usable; make it with NewFake.
type Fake struct {
	name string
	out  chan reader.Presentation

	mu    sync.Mutex
	cut   bool
	held  []credential.Credential // waiting at the reader while the line is away
	shown []reader.Feedback
	seen  chan struct{} // closed and replaced at every Show
}

// NewFake makes a reader in service. It holds 1,000 presentations for a receiver that is slow.
func NewFake(name string) *Fake {
	return &Fake{name: name, out: make(chan reader.Presentation, 1000), seen: make(chan struct{})}
}

// Presentations is what the reader delivers.
func (f *Fake) Presentations() <-chan reader.Presentation { return f.out }

// Tap holds a card to the reader. While the line is cut the card waits.
func (f *Fake) Tap(c credential.Credential) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cut {
		f.held = append(f.held, c)
		return
	}
	f.present(c)
}

func (f *Fake) present(c credential.Credential) {
	f.out <- reader.Presentation{Reader: f.name, Credential: c, At: time.Now()}
}

// Cut takes the line away.
func (f *Fake) Cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cut = true
}

// Restore brings it back and delivers what waited.
func (f *Fake) Restore() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.held {
		f.present(c)
	}
	f.cut, f.held = false, nil
}

// Show records what a person at the reader would see.
func (f *Fake) Show(s reader.Feedback) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shown = append(f.shown, s)
	close(f.seen)
	f.seen = make(chan struct{})
}

// Shown returns what was shown so far, and a channel that is closed when more is.
func (f *Fake) Shown() ([]reader.Feedback, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]reader.Feedback(nil), f.shown...), f.seen
}
