package live

import (
	"context"
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

// counter keeps the last figure for everybody who watches, so that a hundred open pages count once.
type counter struct {
	mu   sync.Mutex
	last count
	at   time.Time
	upTo int64 // the newest entry it knew
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
	upTo, err := p.config.Entries.Newest(ctx)
	if err != nil {
		return count{}, err
	}
	entries, err := p.older(ctx, actor, filter{Show: showAlarm}, countMost)
	if err != nil {
		return count{}, err
	}
	n := 0
	for _, e := range entries {
		if e.Received.After(now.Add(-countSpan)) {
			n++
		}
	}
	c.last, c.at, c.upTo = count{N: n, More: n == countMost}, now, upTo
	return c.last, nil
}
