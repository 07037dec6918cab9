package broker

// unacked is what a client has been sent and has not acknowledged.
type unacked struct {
	size  map[uint16]int // bytes, by packet id
	bytes int
}

// awaits notes a message that the client has to acknowledge, and ends the connection when too much is waiting. A
// packet id used again stands for the new message only.
func (c *conn) awaits(id uint16, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unacked.bytes += size - c.unacked.size[id]
	c.unacked.size[id] = size
	if c.unacked.bytes > maxUnread {
		c.slow = true
		c.shut()
	}
}

func (c *conn) acknowledged(id uint16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unacked.bytes -= c.unacked.size[id]
	delete(c.unacked.size, id)
}
