package terminal

import (
	"fmt"
	"maps"
	"time"

	"kanmon/internal/fault"
)

// Fresh is how far the time of a message may be from the controller's: who is at the terminal now, not who was.
const Fresh = 10 * time.Second

// once takes each message once, and only while it is fresh. What it forgets it will not take again either, also when the clock is set back.
type once struct {
	since time.Time // nothing older: what came before is not known any more
	seen  map[string]time.Time
}

func newOnce(since time.Time) *once { return &once{since: since, seen: map[string]time.Time{}} }

// take returns Denied "terminal.stale" or Conflict "terminal.repeated".
func (o *once) take(m Message, now time.Time) error {
	if away := now.Sub(m.At); away > Fresh || away < -Fresh || m.At.Before(o.since) {
		return fault.New(fault.Denied, "terminal.stale", fmt.Sprintf("made %.0f s before it came, by the two clocks", away.Seconds()))
	}
	if _, again := o.seen[m.ID]; again {
		return fault.New(fault.Conflict, "terminal.repeated", "this message came before")
	}
	o.seen[m.ID] = m.At
	o.forget(m.At.Add(-2 * Fresh))
	return nil
}

// forget lets go of what was made before a moment.
func (o *once) forget(before time.Time) {
	if !before.After(o.since) {
		return
	}
	o.since = before
	maps.DeleteFunc(o.seen, func(_ string, at time.Time) bool { return at.Before(before) })
}
