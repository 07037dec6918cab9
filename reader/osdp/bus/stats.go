package bus

import (
	"errors"

	"kanmon/reader/osdp"
	"kanmon/reader/osdp/bus/internal/exchange"
)

// Stats counts what happened on the line. All counters only rise, except that Received starts again with every
// opening of the line.
type Stats struct {
	Exchanges  uint64 // commands sent, repeats included
	Unanswered uint64 // commands without a reply
	Busy       uint64 // BUSY replies
	Foreign    uint64 // whole frames that were no reply to what was asked, an echo among them
	Received   osdp.Stats
}

// Stats returns the counters so far. It may be called from any goroutine.
func (b *Bus) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stats
}

func (b *Bus) count(l *exchange.Line, match osdp.Match, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stats.Exchanges++
	if errors.Is(err, exchange.ErrSilence) {
		b.stats.Unanswered++
	}
	if match == osdp.MatchBusy {
		b.stats.Busy++
	}
	received, foreign := l.Counts()
	b.stats.Received, b.stats.Foreign = received, b.stats.Foreign+foreign
}
