package rest

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"kanmon/internal/fault"
)

// limiter bounds how often callers that nobody knows may try: an address has so many attempts, and gets one back every now and then. It is
// there to spare the machine; what is guessed at is too long for guessing.
type limiter struct {
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

func newLimiter() *limiter { return &limiter{spent: map[string]spending{}} }

// tooOftenError says when the next attempt may come.
type tooOftenError struct{ wait time.Duration }

func (tooOftenError) Error() string               { return "too many attempts from this address" }
func (e tooOftenError) RetryAfter() time.Duration { return e.wait }

// take spends one attempt of an address, or is fault.TooMany.
func (l *limiter) take(from string, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.spent[from].asOf(now)
	if s.attempts >= mostAttempts || len(l.spent) >= mostAddresses && !l.room(from, now) {
		return fault.Wrap(fault.TooMany, tooOftenError{attemptBack}, "enrol")
	}
	s.attempts++
	l.spent[from] = s
	return nil
}

// give returns an attempt that succeeded.
func (l *limiter) give(from string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s, ok := l.spent[from]; ok && s.attempts > 0 {
		s.attempts--
		l.spent[from] = s
	}
}

// room forgets addresses that have all their attempts, and reports whether there is a place for one.
func (l *limiter) room(from string, now time.Time) bool {
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

type addressKey struct{}

// fromAddress keeps the caller's address for the limiter: an IPv6 network of 64 bits counts as one, since one customer has it all.
func fromAddress(r *http.Request) context.Context {
	text := r.RemoteAddr
	if at, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		addr := at.Addr().Unmap().WithZone("")
		text = addr.String()
		if addr.Is6() {
			network, _ := addr.Prefix(64) // 64 bits fit into an IPv6 address
			text = network.String()
		}
	}
	return context.WithValue(r.Context(), addressKey{}, text)
}

func address(ctx context.Context) string {
	from, _ := ctx.Value(addressKey{}).(string)
	return from
}
