package core

import (
	"kanmon/controller/admission"
	"kanmon/controller/door"
	"kanmon/controller/site"
	"kanmon/internal/event"
)

// Where people are (package site) follows from what doors do. Nothing here refuses anybody.

func (t *turn) siteNow() site.Moment {
	m := site.Moment{Mono: t.mono}
	if t.now.Sure {
		m.Wall = t.now.At
	}
	return m
}

// people ends waits that took too long, and resets positions at the minute that an area names.
func (t *turn) people() {
	for _, e := range admission.Expire(t.s.site, t.around()) {
		t.noteUnder(e)
	}
	if t.now.Sure {
		for _, e := range admission.Reset(t.s.site, t.s.policy, t.now.At) {
			t.note(e)
		}
	}
}

// moved takes people through a door that opened, and doubts where they are when somebody may have left without a card.
func (t *turn) moved(i int, f door.Fact) {
	id := t.core.wiring.Doors[i].ID
	switch f {
	case door.NotEntered:
		t.s.site.NotEntered(id)
		t.s.doors[i].first = false
	case door.DoorOpened:
		if d := t.s.doors[i]; d.grantByExit || d.grant.Person == "" {
			defer t.doubt(id, "a door opened without a card")
		}
		t.came(i)
	case door.DoorFoundOpen, door.DoorForced:
		t.s.site.Opened(id, t.siteNow())
		t.doubt(id, "a door opened without a card")
	default:
	}
}

// came takes people through a door.
func (t *turn) came(i int) {
	id := t.core.wiring.Doors[i].ID
	t.s.site.Opened(id, t.siteNow())
	if d := &t.s.doors[i]; d.first {
		d.first = false
		t.s.areas.Came(t.area(id))
	}
}

func (t *turn) doubt(doorID, why string) {
	area := t.area(doorID)
	if t.s.policy.Rules(area).InOut && t.s.site.Doubt(area) > 0 { // elsewhere no way out is measured, and nothing counts on it
		t.note(event.Event{Kind: event.PlacesDoubtful, Door: doorID, Area: area, Detail: why})
	}
}

// ajar reports whether a door is open, about to be, or not known to be shut. A door of another controller is not known.
func (t *turn) ajar(id string) bool {
	i, wired := t.core.doors[id]
	if !wired {
		return true
	}
	d := &t.s.doors[i]
	return d.Contact() != door.ContactClosed || d.Phase() == door.Released || d.Standing() || t.s.records.Opening(id)
}

// owesSite reports whether the journal is to have something of where people are. Not while it is not known what it has.
func (t *turn) owesSite() bool { return t.s.site.Changed() && !t.s.blind }

// standing follows lockdowns, and doors that a schedule has stand unlocked.
func (t *turn) standing() {
	for _, e := range t.s.areas.Follow(t.s.policy, t.now.DecideAt(), t.s.cabinet.Gas) {
		t.noteUnder(e)
	}
	for i, w := range t.core.wiring.Doors {
		if !t.s.areas.Open(t.area(w.ID)) {
			t.s.doors[i].first = false
		}
		now := t.s.areas.Unlocked(t.s.policy, t.area(w.ID))
		if now == t.s.doors[i].unlocked {
			continue
		}
		t.s.doors[i].unlocked = now
		if now {
			t.stepDoor(i, door.Unlock{})
		} else {
			t.stepDoor(i, door.Secure{})
		}
	}
}
