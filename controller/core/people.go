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
		t.noteDecision(e)
	}
	if !t.now.Sure {
		return
	}
	for _, area := range t.s.policy.Areas() {
		minute := t.s.policy.Rules(area).ResetAt
		if minute == 0 || !t.s.site.Stale(area, site.LastReset(minute, t.now.At)) {
			continue
		}
		t.s.site.Reset(area, "")
		t.note(event.Event{Kind: event.PlacesReset, Area: area, Detail: "daily"})
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
	}
}

// came takes people through a door.
func (t *turn) came(i int) {
	id := t.core.wiring.Doors[i].ID
	t.s.site.Opened(id, t.siteNow())
	if d := &t.s.doors[i]; d.first {
		a := t.s.areas[t.area(id)]
		a.first, d.first = true, false
		t.s.areas[t.area(id)] = a
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
	return d.Contact() != door.ContactClosed || d.Phase() == door.Released || d.Standing() || t.s.records.opening(id)
}

// owesSite reports whether the journal is to have something of where people are. Not while it is not known what it has.
func (t *turn) owesSite() bool { return t.s.site.Changed() && !t.s.blind }

// areaState is how an area stands.
type areaState struct {
	lockdown bool
	open     bool // its unlocking schedule is
	first    bool // somebody who may be the first has come in since it is
}

// standing follows what stands for a time: lockdowns, and doors unlocked by a schedule. With the time unknown no door stands unlocked.
func (t *turn) standing() {
	for _, id := range t.s.policy.Areas() {
		a := t.s.areas[id]
		if now := t.s.policy.Lockdown(id); now != a.lockdown {
			a.lockdown = now
			kind := event.LockdownLifted
			if now {
				kind = event.LockdownBegun
			}
			t.note(event.Event{Kind: kind, Area: id, Policy: t.version()})
		}
		if a.open = t.s.policy.Unlocked(id, t.now.DecideAt()); !a.open {
			a.first = false
		}
		t.s.areas[id] = a
	}
	for i, w := range t.core.wiring.Doors {
		area := t.area(w.ID)
		a := t.s.areas[area]
		if now := area != "" && a.open && (a.first || !t.s.policy.Rules(area).UnlockBy); now != t.s.doors[i].unlocked {
			t.s.doors[i].unlocked = now
			if now {
				t.stepDoor(i, door.Unlock{})
			} else {
				t.stepDoor(i, door.Secure{})
			}
		}
	}
}
