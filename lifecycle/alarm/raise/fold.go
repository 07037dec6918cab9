package raise

import (
	"time"

	"kanmon/internal/event"
)

// Change is what happened to one alarm since it was looked at last.
type Change struct {
	Key
	Severity   Severity
	Controller string // where it came from
	Door, Area string // where it was first
	Count      int
	Entries    []int64 // ids in the entry log, rising
	First      time.Time
	Last       time.Time
	Over       time.Time // ended by itself after the last; zero: lasts
}

// Fold brings a batch of a controller's events together, by alarm and in the order in which alarms are first touched. The ids of the entries
// are consecutive from first on. A change without a count only ends what may be open.
func Fold(controller string, first int64, events []event.Event) []*Change {
	by := map[Key]*Change{}
	var list []*Change
	touch := func(k Key) *Change {
		c, known := by[k]
		if !known {
			c = &Change{Key: k, Controller: controller}
			by[k], list = c, append(list, c)
		}
		return c
	}
	for i, e := range events {
		if key, severity, is := raises(controller, e); is {
			touch(key).add(e, severity, first+int64(i))
		}
		for _, key := range over(controller, e) {
			touch(key).Over = e.At
		}
	}
	return list
}

func (c *Change) add(e event.Event, s Severity, entry int64) {
	if c.Count == 0 {
		c.Severity, c.Door, c.Area, c.First = s, Plain(e.Door), Plain(e.Area), e.At
	}
	c.Count++
	c.Entries = append(c.Entries, entry)
	c.Last, c.Over = e.At, time.Time{}
}
