package entrylog

import (
	"context"
	"fmt"
	"math"

	"kanmon/internal/fault"
	"kanmon/internal/store"
)

// Batch is what a controller signed when it sent events First to Last of an epoch: the chain began at Prev and ends at Head (hex), which
// stands for every one of them. With the events (Bodies) the signature can be checked for as long as they are kept.
type Batch struct {
	First, Last uint64
	Prev, Head  string
	Key         string // id of the key
	Sig         []byte
}

// AppendBatch keeps the statement under which events came, in the transaction that appends them. A batch of which only the end was new is
// kept whole. Its last event must be new: a statement is kept once.
func AppendBatch(ctx context.Context, tx *store.Tx, controller string, epoch uint64, b Batch) error {
	_, err := tx.Append(ctx, "event_batch", store.Row{
		{Name: "controller", Value: controller},
		{Name: "epoch", Value: int64(epoch)},       // ingest takes no number over 2^63
		{Name: "first_seq", Value: int64(b.First)}, // ingest takes no number over 2^63
		{Name: "head", Value: b.Head},
		{Name: "key_id", Value: b.Key},
		{Name: "last_seq", Value: int64(b.Last)}, // ingest takes no number over 2^63
		{Name: "prev", Value: b.Prev},
		{Name: "sig", Value: append([]byte{}, b.Sig...)},
	})
	if err != nil {
		return fmt.Errorf("keep the signature of a batch: %w", err)
	}
	return nil
}

// BatchOf returns the statement under which an event came; NotFound for an event that came without, or not at all.
func BatchOf(ctx context.Context, q store.Queryer, controller string, epoch, seq uint64) (Batch, error) {
	if epoch > math.MaxInt64 || seq > math.MaxInt64 {
		return Batch{}, fault.New(fault.NotFound, "entry.no_batch", "no such event")
	}
	var row struct {
		First      uint64 `db:"first_seq"`
		Last       uint64 `db:"last_seq"`
		Prev, Head string
		Key        string `db:"key_id"`
		Sig        []byte
	}
	err := q.Get(ctx, &row, `SELECT first_seq, last_seq, prev, head, key_id, sig FROM event_batch
		WHERE controller = ? AND epoch = ? AND last_seq >= ? ORDER BY last_seq LIMIT 1`, controller, int64(epoch), int64(seq))
	if err == nil && row.First > seq {
		err = fault.New(fault.NotFound, "entry.no_batch", "the event came without a signature")
	}
	return Batch(row), err
}
