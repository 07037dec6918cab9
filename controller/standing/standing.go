// Package standing follows what stands for a time in the areas of a controller: lockdowns, and doors that a schedule has stand unlocked. It is pure.
package standing

import (
	"time"

	"kanmon/internal/access/decide"
	"kanmon/internal/event"
)

// State by area; a started program knows nothing yet, so that a lockdown which stands is told of again.
type State map[string]area

type area struct {
	lockdown bool
	open     bool // its unlocking schedule is
	first    bool // somebody who may be the first has come in since it is
}

// Follow takes the policy and the time (zero: not known, and no door stands unlocked) and returns what began or ended.
func (s State) Follow(p *decide.Policy, now time.Time) (events []event.Event) {
	for _, id := range p.Areas() {
		a := s[id]
		if locked := p.Lockdown(id); locked != a.lockdown {
			a.lockdown = locked
			kind := event.LockdownLifted
			if locked {
				kind = event.LockdownBegun
			}
			events = append(events, event.Event{Kind: kind, Area: id})
		}
		if a.open = p.Unlocked(id, now); !a.open {
			a.first = false
		}
		s[id] = a
	}
	return events
}

// Came says that somebody who may be the first has come into an area.
func (s State) Came(id string) {
	a := s[id]
	a.first = a.open
	s[id] = a
}

// Unlocked reports whether the doors of an area are to stand unlocked.
func (s State) Unlocked(p *decide.Policy, id string) bool {
	a := s[id]
	return id != "" && a.open && (a.first || !p.Rules(id).UnlockBy)
}
