package decide

import (
	"fmt"

	"kanmon/internal/access"
)

func (c *compiler) addPeople(s access.Spec) error {
	c.holders = make([]credential, 0, len(s.People))
	for _, p := range s.People {
		if err := number(c.people, "person", p.ID); err != nil {
			return err
		}
		class, ok := access.IndexOf(p.Class)
		if !ok {
			return fmt.Errorf("person %q: class %q", p.ID, p.Class)
		}
		c.names.WriteString(scope) // before the id, so that scopeOf finds the whole scope
		c.holders = append(c.holders, credential{person: c.name(p.ID), personSpan: c.span(p.From, p.Until), class: class})
	}
	return nil
}

// addRights sorts the rights by person, keeping their order.
func (c *compiler) addRights(s access.Spec) error {
	whose := make([]int, len(s.Rights))
	for i, r := range s.Rights {
		who, ok := c.people[r.Person]
		if !ok {
			return fmt.Errorf("right: no person %q", r.Person)
		}
		whose[i] = who
		c.holders[who].rights++
	}
	first := uint32(0)
	for i := range c.holders {
		h := &c.holders[i]
		h.firstRight, first = first, first+h.rights
		h.rights = 0 // counted again while filling
	}
	c.policy.rights = make([]right, len(s.Rights))
	for i, r := range s.Rights {
		compiled, err := c.right(r)
		if err != nil {
			return err
		}
		h := &c.holders[whose[i]]
		c.policy.rights[h.firstRight+h.rights] = compiled
		h.rights++
	}
	return nil
}

func (c *compiler) right(r access.Right) (right, error) {
	area, ok := c.areas[r.Area]
	if !ok {
		return right{}, fmt.Errorf("right: no area %q", r.Area)
	}
	schedule := 0
	if r.Schedule != "" {
		n, ok := c.schedules[r.Schedule]
		if !ok {
			return right{}, fmt.Errorf("right: no schedule %q", r.Schedule)
		}
		schedule = n + 1
	}
	if r.Escort && c.holders[c.people[r.Person]].class != access.StaffIndex {
		return right{}, fmt.Errorf("right: %q may not bring visitors: escorts are staff", r.Person)
	}
	may := privilege(0)
	for p, given := range map[privilege]bool{mayEscort: r.Escort, mayFirst: r.First, mayPass: r.Lockdown} {
		if given {
			may |= p
		}
	}
	return right{area: uint16(area), schedule: uint16(schedule), span: c.span(r.From, r.Until) | uint32(may)}, nil
}

func (c *compiler) addCredentials(s access.Spec) error {
	p := c.policy
	p.credentials = make([]credential, 0, len(s.Credentials))
	for _, cr := range s.Credentials {
		who, ok := c.people[cr.Person]
		if !ok {
			return fmt.Errorf("card %q: no person %q", cr.Card, cr.Person)
		}
		if err := access.CheckID("card", cr.Card); err != nil {
			return err
		}
		compiled := c.holders[who]
		compiled.key, compiled.card, compiled.cardSpan = cr.Key, c.name(cr.Card), c.span(cr.From, cr.Until)
		compiled.state = standingOf(cr.State)
		p.credentials = append(p.credentials, compiled)
		if !p.index.add(p.credentials) {
			return fmt.Errorf("card %q: its credential is another card's too", cr.Card)
		}
	}
	return nil
}

func standingOf(s access.CredentialState) standing { return standing(s.Leniency()) }
