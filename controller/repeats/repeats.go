// Package repeats tells a card that is still held to a reader from one that is shown again. It is pure.
package repeats

import (
	"time"

	"kanmon/internal/access"
)

// Window is how soon the same card at the same reader is the same presentation, counted anew by each; refusals never are.
const Window = time.Second

// Table is what was shown last, by reader.
type Table map[string]Shown

// Shown is one presentation and what became of it.
type Shown struct {
	Key            access.Key
	At             time.Duration
	Door           string
	Allowed, Waits bool
}

// Same reports whether a card is the last one again, soon enough; busy says whether what the last one earned is still under way.
func (t Table) Same(reader string, key access.Key, now time.Duration, busy func(Shown) bool) bool {
	last, seen := t[reader]
	if !seen || last.Key != key || now-last.At >= Window || !last.Allowed && !last.Waits || !busy(last) {
		return false
	}
	last.At = now
	t[reader] = last
	return true
}

// Failures is when a read last failed, by reader.
type Failures map[string]time.Duration

// Again reports whether a read failed at a reader less than Window ago; one that did not is remembered.
func (f Failures) Again(reader string, now time.Duration) bool {
	if last, seen := f[reader]; seen && now-last < Window {
		return true
	}
	f[reader] = now
	return false
}
