package access

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"kanmon/internal/access/timetable"
)

// zone is an area as a decision reads it.
type zone struct {
	rules    Rules
	factors  Factors
	scope    string // of PINs that alone open it
	trust    int    // least rank
	record   RecordMode
	grade    int
	lockdown bool
	unlock   int // schedule plus one; 0: none
	recovery []string
}

// DefaultWindow is how soon the second person, card, PIN or escort has to follow when the rules do not say.
const DefaultWindow = 5 * time.Second

// MostVisitors and others bound the numbers in Rules.
const (
	mostPeople   = 10_000
	mostWindow   = 60
	mostPassback = 86_400
	mostRecovery = 50
)

// Window is how soon the second person, card, PIN or escort has to follow.
func (r Rules) Window() time.Duration {
	if r.WindowS == 0 {
		return DefaultWindow
	}
	return time.Duration(r.WindowS) * time.Second
}

// NeedExit names the first rule that counts who is inside, for which every door must have readers on both sides; empty when there is none.
func (r Rules) NeedExit() string {
	for _, need := range []struct {
		name  string
		there bool
	}{
		{"passback", r.Passback == PassbackHard || r.Passback == PassbackSoft},
		{"two_person", r.TwoPerson},
		{"most", r.Most > 0},
		{"first", r.First},
		{"reset_at", r.ResetAt > 0},
	} {
		if need.there {
			return need.name
		}
	}
	return ""
}

// Validate checks the values by themselves. What they refer to is checked with the whole policy.
func (r Rules) Validate() error {
	switch {
	case !slices.Contains([]Factors{"", FactorsCard, FactorsCardPIN, FactorsPIN, FactorsNumber, FactorsTwoCards}, r.Factors):
		return fmt.Errorf("factors %.20q", r.Factors)
	case !slices.Contains([]Trust{"", TrustNumber, TrustMemory, TrustMutual}, r.Trust):
		return fmt.Errorf("trust %.20q", r.Trust)
	case !slices.Contains([]Passback{"", PassbackSoft, PassbackHard, PassbackTimed}, r.Passback):
		return fmt.Errorf("anti-passback %.20q", r.Passback)
	case (r.Passback == PassbackTimed) != (r.PassbackS > 0) || r.PassbackS < 0 || r.PassbackS > mostPassback:
		return fmt.Errorf("anti-passback %q of %d s", r.Passback, r.PassbackS)
	case r.ResetAt < 0 || r.ResetAt > timetable.MinutesOfDay:
		return fmt.Errorf("reset at minute %d", r.ResetAt)
	case r.WindowS < 0 || r.WindowS > mostWindow:
		return fmt.Errorf("window of %d s", r.WindowS)
	case r.Visitors < 0 || r.Visitors > mostPeople || r.Most < 0 || r.Most > mostPeople:
		return fmt.Errorf("%d visitors, %d people at most", r.Visitors, r.Most)
	case r.TwoPerson && r.Most == 1:
		return errors.New("two people in an area for one")
	case r.NeedExit() != "" && !r.InOut:
		return fmt.Errorf("%s needs readers on both sides", r.NeedExit())
	case r.UnlockBy && r.Unlock == "":
		return errors.New("unlocking by the first person without a schedule")
	case r.Unlock != "" && (r.TwoPerson || r.Passback == PassbackHard || r.Most > 0):
		return errors.New("doors that stand unlocked in an area that counts who is inside")
	case len(r.Recovery) > mostRecovery || len(r.Recovery) == 1 || len(slices.Compact(slices.Sorted(slices.Values(r.Recovery)))) != len(r.Recovery):
		return fmt.Errorf("%d recovery holders, want none or 2–%d different ones", len(r.Recovery), mostRecovery)
	}
	return nil
}

func (c *compiler) addAreas(s Spec) error {
	for _, a := range s.Areas {
		if a.Record != Strict && a.Record != BestEffort {
			return fmt.Errorf("area %q: record mode %q", a.ID, a.Record)
		}
		if err := number(c.areas, "area", a.ID); err != nil {
			return err
		}
		if err := a.Validate(); err != nil {
			return fmt.Errorf("area %q: %w", a.ID, err)
		}
		c.zones = append(c.zones, &zone{
			rules: a.Rules, factors: a.Factors, scope: AreaScope(strings.Clone(a.ID)), trust: a.Trust.rank(), record: a.Record, grade: a.Grade,
			lockdown: a.Lockdown, recovery: a.Recovery,
		})
	}
	c.policy.zones = make(map[string]*zone, len(s.Areas))
	for id, n := range c.areas {
		z := c.zones[n]
		if z.factors == "" {
			z.factors = FactorsCard
		}
		c.policy.zones[id] = z
	}
	c.policy.areas = slices.Sorted(maps.Keys(c.areas))
	return nil
}

// addReferences checks what rules refer to, when everything is there.
func (c *compiler) addReferences(s Spec) error {
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
func (p *Policy) Rules(area string) Rules {
	if p == nil || p.zones[area] == nil {
		return Rules{}
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
	return p != nil && p.readers[reader] != nil && p.readers[reader].zone.factors == FactorsNumber
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
