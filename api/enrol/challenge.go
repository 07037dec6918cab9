package enrol

import (
	"crypto/rand"
	"sync"
)

// challenges are those that controllers have not met yet, one each. After a start there are others.
type challenges struct {
	mu sync.Mutex
	by map[string]string
}

// of is a controller's challenge. It stays until it is met: who shows the controller's older words does not take it away.
func (c *challenges) of(controller string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil {
		c.by = map[string]string{}
	}
	if c.by[controller] == "" {
		c.by[controller] = rand.Text()
	}
	return c.by[controller]
}

// met reports whether a controller has said its challenge, which ends with that.
func (c *challenges) met(controller, said string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if said == "" || c.by[controller] != said {
		return false
	}
	delete(c.by, controller)
	return true
}
