package decide

import "kanmon/internal/access"

// Lease of the policy; the defaults for nil.
func (p *Policy) Lease() access.Lease {
	if p == nil {
		return access.Lease{}
	}
	return p.lease
}

func (c *compiler) addLease(s access.Spec) error {
	c.policy.lease = s.Lease
	return s.Lease.Validate()
}
