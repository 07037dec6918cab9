package device

import (
	"context"
	"fmt"

	"kanmon/internal/fault"
	"kanmon/internal/store"
)

// Epoch returns the centre's epoch, which every version of a policy and of a revocation begins with.
func Epoch(ctx context.Context, q store.Queryer) (uint64, error) {
	var epoch uint64
	if err := q.Get(ctx, &epoch, `SELECT epoch FROM centre_epoch WHERE id = 1`); err != nil {
		return 0, fmt.Errorf("read the centre's epoch: %w", err)
	}
	return epoch, nil
}

// farthestEpoch bounds how many epochs one opening may pass over, so that a single lie cannot use them up.
const farthestEpoch = 1 << 20

// OpenEpoch opens a new epoch of the centre and returns it: the next one, or atLeast when that is higher. The database was put back to an
// older state, and versions given out since then must not be given out again. The wanted policies of all controllers begin at 1 again:
// versions are ordered by epoch first. What is far beyond the present epoch is Invalid with code "device.epoch".
func (r *Register) OpenEpoch(ctx context.Context, atLeast uint64, why string) (uint64, error) {
	var epoch uint64
	err := r.store.Write(ctx, store.System("epoch"), why, func(tx *store.Tx) error {
		present, err := Epoch(ctx, tx)
		if err != nil {
			return err
		}
		if atLeast > present+farthestEpoch {
			return fault.New(fault.Invalid, "device.epoch", fmt.Sprintf("epoch %d is far beyond the present %d", atLeast, present))
		}
		epoch = max(present+1, atLeast)
		return openEpoch(ctx, tx, int64(present), int64(epoch)) // the first was stored, the second is not far from it
	})
	if err != nil {
		return 0, fmt.Errorf("open epoch: %w", err)
	}
	return epoch, nil
}

func openEpoch(ctx context.Context, tx *store.Tx, present, epoch int64) error {
	_, err := tx.Append(ctx, "centre_epoch_opened", store.Row{
		{Name: "actor", Value: tx.Actor().String()},
		{Name: "at", Value: store.FormatTime(tx.Now())},
		{Name: "epoch", Value: epoch},
		{Name: "previous", Value: present},
		{Name: "reason", Value: tx.Reason()},
	})
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE centre_epoch SET epoch = ? WHERE id = 1`, epoch); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE controller_policy SET n = 1`)
	return err
}
