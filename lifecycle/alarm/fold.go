package alarm

import (
	"time"

	"kanmon/internal/event"
)

// change is what happened to one alarm since it was looked at last.
type change struct {
	Key
	severity   Severity
	controller string // where it came from
	door, area string // where it was first
	count      int
	entries    []int64 // ids in the entry log, rising
	first      time.Time
	last       time.Time
	over       time.Time // ended by itself after the last; zero: lasts
}

// fold brings a batch of a controller's events together, by alarm and in the order in which alarms are first touched. The ids of the entries
// are consecutive from first on. A change without a count only ends what may be open.
func fold(controller string, first int64, events []event.Event) []*change {
	by := map[Key]*change{}
	var list []*change
	touch := func(k Key) *change {
		c, known := by[k]
		if !known {
			c = &change{Key: k, controller: controller}
			by[k], list = c, append(list, c)
		}
		return c
	}
	for i, e := range events {
		if key, severity, is := raises(controller, e); is {
			touch(key).add(e, severity, first+int64(i))
		}
		for _, key := range over(controller, e) {
			touch(key).over = e.At
		}
	}
	return list
}

func (c *change) add(e event.Event, s Severity, entry int64) {
	if c.count == 0 {
		c.severity, c.door, c.area, c.first = s, plain(e.Door), plain(e.Area), e.At
	}
	c.count++
	c.entries = append(c.entries, entry)
	c.last, c.over = e.At, time.Time{}
}
