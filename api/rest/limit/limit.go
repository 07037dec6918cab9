// Package limit bounds how often callers that nobody knows may try something: an address has so many attempts, and gets one back every now
// and then. It is there to spare the machine; what is guessed at must be too long for guessing.
package limit

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	"kanmon/internal/fault"
)

// Limiter bounds the attempts of addresses. It is safe for concurrent use.
type Limiter struct {
	mu    sync.Mutex
	spent map[string]spending
}

type spending struct {
	attempts int
	at       time.Time // as of when
}

const (
	mostAttempts  = 30
	attemptBack   = 2 * time.Second // one attempt comes back
	mostAddresses = 4096            // remembered; who fills them all makes new ones wait
)

// New has no attempt spent.
func New() *Limiter { return &Limiter{spent: map[string]spending{}} }

// tooOftenError says when the next attempt may come.
type tooOftenError struct{ wait time.Duration }

func (tooOftenError) Error() string               { return "too many attempts from this address" }
func (e tooOftenError) RetryAfter() time.Duration { return e.wait }

// Take spends one attempt of an address, or is fault.TooMany.
func (l *Limiter) Take(from string, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.spent[from].asOf(now)
	if s.attempts >= mostAttempts || len(l.spent) >= mostAddresses && !l.room(from, now) {
		return fault.Wrap(fault.TooMany, tooOftenError{attemptBack}, "take an attempt")
	}
	s.attempts++
	l.spent[from] = s
	return nil
}

// Give returns an attempt that succeeded.
func (l *Limiter) Give(from string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s, ok := l.spent[from]; ok && s.attempts > 0 {
		s.attempts--
		l.spent[from] = s
	}
}

// room forgets addresses that have all their attempts, and reports whether there is a place for one.
func (l *Limiter) room(from string, now time.Time) bool {
	if _, known := l.spent[from]; known {
		return true
	}
	for key, s := range l.spent {
		if s.asOf(now).attempts == 0 {
			delete(l.spent, key)
		}
	}
	return len(l.spent) < mostAddresses
}

// asOf gives back what has come back since.
func (s spending) asOf(now time.Time) spending {
	if s.attempts == 0 {
		return spending{at: now}
	}
	back := max(0, now.Sub(s.at)/attemptBack)
	if back >= time.Duration(s.attempts) {
		return spending{at: now}
	}
	return spending{s.attempts - int(back), s.at.Add(back * attemptBack)}
}

// From names the caller of a request: an IPv6 network of 64 bits counts as one, since one customer has it all.
func From(r *http.Request) string {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	addr := at.Addr().Unmap().WithZone("")
	if addr.Is4() {
		return addr.String()
	}
	network, _ := addr.Prefix(64) // 64 bits fit into an IPv6 address
	return network.String()
}
