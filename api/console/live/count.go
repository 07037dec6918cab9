package live

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"kanmon/internal/store"
)

const (
	countSpan = 24 * time.Hour
	countMost = 100       // past it the page says "100+"
	countAge  = heartbeat // how old a figure may be that is shown again
)

// count is the number of alarms in the last day.
type count struct {
	N    int
	More bool
}

// Text is the figure as it is shown.
func (c count) Text() string {
	if c.More {
		return strconv.Itoa(c.N) + "+"
	}
	return strconv.Itoa(c.N)
}

// counter keeps the last figure for everybody who watches, so that a hundred open pages count once, and reads of
// the log only what came since.
type counter struct {
	mu     sync.Mutex
	last   count
	at     time.Time   // when last was made; zero: never
	upTo   int64       // the newest entry it knows
	alarms []time.Time // when the newest countMost alarms were received, oldest first
}

// alarms counts the alarms of the last day. The answer knows every alarm up to the entry known.
func (p *Pages) alarms(ctx context.Context, actor store.Actor, known int64) (count, error) {
	c := &p.count
	c.mu.Lock()
	defer c.mu.Unlock()
	now := p.config.Now()
	if known <= c.upTo && !c.at.IsZero() && now.Sub(c.at) < countAge {
		return c.last, nil
	}
	if err := p.readAlarms(ctx, actor, c); err != nil {
		return count{}, err
	}
	c.alarms = c.alarms[max(0, len(c.alarms)-countMost):]
	n := 0
	for _, came := range c.alarms {
		if came.After(now.Add(-countSpan)) {
			n++
		}
	}
	c.last, c.at = count{N: n, More: n == countMost}, now
	return c.last, nil
}

// readAlarms brings the counter up to the newest entry.
func (p *Pages) readAlarms(ctx context.Context, actor store.Actor, c *counter) error {
	upTo, err := p.config.Entries.Newest(ctx)
	if err != nil {
		return err
	}
	if c.at.IsZero() || upTo < c.upTo { // the first time, or the centre was restored from a backup
		return p.firstAlarms(ctx, actor, c, upTo)
	}
	for c.upTo < upTo {
		entries, complete, err := p.newer(ctx, actor, filter{Show: showAlarm}, c.upTo, upTo, batch)
		if err != nil {
			return err
		}
		for _, e := range entries {
			c.alarms = append(c.alarms, e.Received)
		}
		c.upTo = complete
	}
	return nil
}

func (p *Pages) firstAlarms(ctx context.Context, actor store.Actor, c *counter, upTo int64) error {
	entries, err := p.older(ctx, actor, filter{Show: showAlarm, before: upTo + 1}, countMost)
	if err != nil {
		return err
	}
	c.alarms, c.upTo = nil, upTo
	for _, e := range slices.Backward(entries) {
		c.alarms = append(c.alarms, e.Received)
	}
	return nil
}
