package ingest

import (
	"sync"
	"time"
)

// limiter bounds how often forged messages are looked at: each costs writes to the database, and whoever holds the broker can send any
// number. What is over the limit is refused all the same. The zero value is ready.
type limiter struct {
	mu    sync.Mutex
	since time.Time
	n     int
}

// mostForged is how many are quarantined in one second.
const mostForged = 20

func (l *limiter) allow(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.since) >= time.Second {
		l.since, l.n = now, 0
	}
	l.n++
	return l.n <= mostForged
}
