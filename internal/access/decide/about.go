package decide

import (
	"maps"
	"slices"

	"kanmon/internal/access"
)

// Grade is that of the area behind a door, 1–3; 0 for a door that the policy does not know.
func (p *Policy) Grade(door string) int {
	d, ok := p.Door(door)
	if !ok {
		return 0
	}
	return p.zones[d.Area].grade
}

// Readers gives the names of all readers of the policy, sorted.
func (p *Policy) Readers() []string {
	if p == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(p.readers))
}

// Lease of the policy; the defaults for nil.
func (p *Policy) Lease() access.Lease {
	if p == nil {
		return access.Lease{}
	}
	return p.lease
}
