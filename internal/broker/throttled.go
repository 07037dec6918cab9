package broker

import (
	"log/slog"
	"sync"
	"time"
)

// What strangers can cause is logged at most burst times in each period.
const (
	burst  = 20
	period = 10 * time.Second
)

type throttled struct {
	log *slog.Logger

	mu         sync.Mutex
	since      time.Time
	lines      int
	suppressed int
}

func newThrottled(log *slog.Logger) *throttled { return &throttled{log: log} }

func (t *throttled) warn(message string, attrs ...any) {
	if suppressed, ok := t.take(time.Now()); ok {
		if suppressed > 0 {
			attrs = append(attrs, slog.Int("suppressed_before", suppressed))
		}
		t.log.Warn(message, attrs...) //nolint:sloglint // the callers' messages are constants
	}
}

func (t *throttled) take(now time.Time) (suppressed int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.since) >= period {
		suppressed, t.since, t.lines, t.suppressed = t.suppressed, now, 0, 0
	}
	if t.lines >= burst {
		t.suppressed++
		return 0, false
	}
	t.lines++
	return suppressed, true
}
