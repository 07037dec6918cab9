package decide

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"kanmon/internal/access"

	"kanmon/internal/access/timetable"
)

// zone is an area as a decision reads it.
type zone struct {
	rules    access.Rules
	factors  access.Factors
	scope    string // of PINs that alone open it
	trust    int    // least rank
	record   access.RecordMode
	grade    int
	lockdown bool
	unlock   int // schedule plus one; 0: none
	recovery []string
}

func (c *compiler) addAreas(s access.Spec) error {
	for _, a := range s.Areas {
		if a.Record != access.Strict && a.Record != access.BestEffort {
			return fmt.Errorf("area %q: record mode %q", a.ID, a.Record)
		}
		if err := number(c.areas, "area", a.ID); err != nil {
			return err
		}
		if err := a.Validate(); err != nil {
			return fmt.Errorf("area %q: %w", a.ID, err)
		}
		c.zones = append(c.zones, &zone{
			rules: a.Rules, factors: a.Factors, scope: access.AreaScope(strings.Clone(a.ID)), trust: a.Trust.Rank(), record: a.Record, grade: a.Grade,
			lockdown: a.Lockdown, recovery: a.Recovery,
		})
	}
	c.policy.zones = make(map[string]*zone, len(s.Areas))
	for id, n := range c.areas {
		z := c.zones[n]
		if z.factors == "" {
			z.factors = access.FactorsCard
		}
		c.policy.zones[id] = z
	}
	c.policy.areas = slices.Sorted(maps.Keys(c.areas))
	return nil
}

// addReferences checks what rules refer to, when everything is there.
func (c *compiler) addReferences(s access.Spec) error {
	for i, a := range s.Areas {
		if a.Unlock != "" {
			n, there := c.schedules[a.Unlock]
			if !there {
				return fmt.Errorf("area %q: no schedule %q", a.ID, a.Unlock)
			}
			c.zones[i].unlock = n + 1
			if a.Grade > 1 {
				return fmt.Errorf("area %q of grade %d: its doors do not stand unlocked", a.ID, a.Grade)
			}
		}
		for _, person := range a.Recovery {
			if _, there := c.people[person]; !there {
				return fmt.Errorf("area %q: no recovery holder %q", a.ID, person)
			}
		}
	}
	groups := map[string][]string{}
	for _, d := range s.Doors {
		if c.zones[c.areas[d.Area]].rules.InOut && len(d.ExitReads) == 0 {
			return fmt.Errorf("door %q: no exit reader, and its area counts on one", d.ID)
		}
		if d.Interlock != "" {
			groups[d.Interlock] = append(groups[d.Interlock], d.ID)
		}
	}
	c.policy.interlocks = groups
	return nil
}

// Rules of an area; the zero Rules for one that the policy does not know.
func (p *Policy) Rules(area string) access.Rules {
	if p == nil || p.zones[area] == nil {
		return access.Rules{}
	}
	return p.zones[area].rules
}

// Lockdown reports whether an area is locked down.
func (p *Policy) Lockdown(area string) bool {
	return p != nil && p.zones[area] != nil && p.zones[area].lockdown
}

// Interlock lists the doors of a door's group, itself too; nil for a door of none.
func (p *Policy) Interlock(door string) []string {
	d, _ := p.Door(door)
	if d.Interlock == "" {
		return nil
	}
	return p.interlocks[d.Interlock]
}

// Unlocked reports whether the doors of an area stand unlocked by its schedule at a time; never at an unknown one, nor in a lockdown.
func (p *Policy) Unlocked(area string, now time.Time) bool {
	if p == nil || now.IsZero() {
		return false
	}
	z := p.zones[area]
	return z != nil && z.unlock != 0 && !z.lockdown && p.schedules[z.unlock-1].Open(timetable.At(now.Unix()))
}

// TakesNumber reports whether a reader's area asks for the person's number before the PIN.
func (p *Policy) TakesNumber(reader string) bool {
	return p != nil && p.readers[reader] != nil && p.readers[reader].zone.factors == access.FactorsNumber
}

// Profile is what a reader was commissioned with; the zero profile for one that the policy does not know.
func (p *Policy) Profile(reader string) access.Reader {
	if p == nil || p.readers[reader] == nil {
		return access.Reader{}
	}
	return p.readers[reader].profile
}

// DoorAt and AreaAt are what a reader belongs to; empty when it is not known.
func (p *Policy) DoorAt(reader string) string {
	if p == nil || p.readers[reader] == nil {
		return ""
	}
	return p.readers[reader].door
}

// AreaAt is the area a reader leads into or out of; empty when it is not known.
func (p *Policy) AreaAt(reader string) string {
	if p == nil || p.readers[reader] == nil {
		return ""
	}
	return p.readers[reader].area
}

// Areas lists the ids of all areas, sorted. It must not be changed.
func (p *Policy) Areas() []string {
	if p == nil {
		return nil
	}
	return p.areas
}
