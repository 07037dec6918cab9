package entrylog

import (
	"context"
	"fmt"
	"sync"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/store"
)

// Bounds of what one controller can make the quarantine write. Each write is synced to the disk, and who sends rubbish can send it without end.
const (
	atOnce  = 20              // are looked at and written down one by one
	oneBack = 5 * time.Second // until one more is
)

// SettleEvery is how often Settle wants to be called.
const SettleEvery = time.Minute

// countedBy is what suspects are counted by.
type countedBy struct {
	controller string
	reason     access.Reason
}

// tally counts what is over the bounds until it is written as a sum. Its size is that of the register of controllers: suspects of unknown
// ones have no name.
type tally struct {
	mu    sync.Mutex
	spent map[string]spending
	over  map[countedBy]int64
}

type spending struct {
	n  int
	at time.Time // as of when
}

func newTally() *tally { return &tally{spent: map[string]spending{}, over: map[countedBy]int64{}} }

// allow reports whether a suspect may be written down; else it is counted.
func (t *tally) allow(s Suspect, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	is, known := t.spent[s.Controller]
	if !known {
		is.at = now
	}
	if back := int(max(0, now.Sub(is.at)/oneBack)); back > 0 {
		is.n, is.at = max(0, is.n-back), is.at.Add(time.Duration(back)*oneBack)
	}
	if is.n >= atOnce {
		t.over[countedBy{s.Controller, s.Reason}]++
		return false
	}
	is.n++
	t.spent[s.Controller] = is
	return true
}

func (t *tally) take() map[countedBy]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	sums := t.over
	t.over = map[countedBy]int64{}
	return sums
}

func (t *tally) giveBack(sums map[countedBy]int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, n := range sums {
		t.over[key] += n
	}
}

// Settle writes down how many suspects came that were only counted, in one transaction.
func (r *Register) Settle(ctx context.Context) error {
	sums := r.tally.take()
	if len(sums) == 0 {
		return nil
	}
	err := r.store.WriteDerived(ctx, "sums of quarantined messages", func(tx *store.Tx) error {
		for key, n := range sums {
			if err := addCount(ctx, tx, key, n); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		r.tally.giveBack(sums)
		return fmt.Errorf("settle the quarantine: %w", err)
	}
	return nil
}

func addCount(ctx context.Context, tx *store.Tx, by countedBy, n int64) error {
	_, err := tx.Exec(ctx, `INSERT INTO quarantine_count (controller, reason, n, last) VALUES (?, ?, ?, ?)
		ON CONFLICT (controller, reason) DO UPDATE SET n = quarantine_count.n + excluded.n, last = excluded.last`,
		by.controller, string(by.reason), n, store.FormatTime(tx.Now()))
	return err
}
