package db

import "time"

// Waiting is how many wait to write.
func (d *DB) Waiting() int {
	d.group.mu.Lock()
	defer d.group.mu.Unlock()
	return len(d.group.queue)
}

// Patient has groups take followers for as long as a busy machine needs.
func (d *DB) Patient() { d.group.time = time.Minute }
