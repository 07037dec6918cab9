package journal

import (
	"context"
	"fmt"

	"kanmon/internal/db"
	"kanmon/internal/event"
	"kanmon/internal/fault"
)

// Read returns the events behind number after, at most maxEvents and, past the first, at most maxBytes of them.
// It starts later when those are no longer kept. No event is an empty batch.
func (j *Journal) Read(ctx context.Context, after uint64, maxEvents, maxBytes int) (Batch, error) {
	d := j.db.Load()
	if d == nil {
		return Batch{}, errNotOpen()
	}
	var b Batch
	err := d.Read(ctx, func(q db.Queryer) error {
		h, err := loadIn(ctx, q)
		if err != nil {
			return err
		}
		b, err = readIn(ctx, q, h, max(after, h.base), maxEvents)
		return err
	})
	if err != nil {
		return Batch{}, fault.Wrap(fault.KindOf(err), err, "read the journal")
	}
	b.cut(maxBytes)
	return b, nil
}

type eventRow struct {
	Seq   int64  `db:"seq"`
	Bytes []byte `db:"bytes"`
	Hash  []byte `db:"hash"`
}

func readIn(ctx context.Context, q db.Queryer, h head, after uint64, maxEvents int) (Batch, error) {
	b := Batch{Epoch: h.epoch, First: after + 1, Prev: h.baseHash}
	if after >= h.seq {
		return b, nil
	}
	var rows []eventRow
	limit := maxEvents
	if after > h.base {
		limit++ // and the link before
	}
	err := q.Select(ctx, &rows, `SELECT seq, bytes, hash FROM journal_event WHERE seq >= ? ORDER BY seq LIMIT ?`, int64(max(after, h.base+1)), limit)
	if err != nil {
		return Batch{}, err
	}
	if after > h.base && len(rows) > 0 && rows[0].Seq == int64(after) && len(rows[0].Hash) == len(b.Prev) {
		b.Prev, rows = event.Hash(rows[0].Hash), rows[1:]
	}
	for i, r := range rows {
		if r.Seq != int64(b.First)+int64(i) {
			return Batch{}, broken(fmt.Sprintf("event %d stands in place of %d", r.Seq, b.First+uint64(i)))
		}
		b.Events = append(b.Events, r.Bytes)
	}
	return b, nil
}

// cut keeps the first event, and as many more as fit.
func (b *Batch) cut(maxBytes int) {
	size := 0
	for i, e := range b.Events {
		if size += len(e); i > 0 && size > maxBytes {
			b.Events = b.Events[:i]
			return
		}
	}
}
