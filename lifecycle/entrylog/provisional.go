package entrylog

import (
	"context"
	"fmt"
	"math"

	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/field"
)

// mostProvisional is how many events a controller may have shown before their turn; the oldest go first.
const mostProvisional = 512

// KeepLive keeps events that a controller showed before their turn, with the bytes they came in, and reports how many were new. What the
// log has already, and what was shown before, is left out. The caller has checked that the controller signed them.
func (r *Register) KeepLive(ctx context.Context, controller string, events []event.Event, raws [][]byte) (fresh int, err error) {
	err = r.store.WriteDerived(ctx, "events before their turn", func(tx *store.Tx) error {
		fresh = 0
		for i, e := range events {
			added, err := keepLive(ctx, tx, controller, e, raws[i])
			if err != nil {
				return err
			}
			fresh += added
		}
		return forgetOldest(ctx, tx, controller)
	})
	if err != nil {
		return 0, fmt.Errorf("keep live events: %w", err)
	}
	return fresh, nil
}

func keepLive(ctx context.Context, tx *store.Tx, controller string, e event.Event, raw []byte) (int, error) {
	if e.Epoch > math.MaxInt64 || e.Seq > math.MaxInt64 {
		return 0, fault.New(fault.Invalid, "entry.number", "an event's number is out of range")
	}
	head, err := HeadOf(ctx, tx, controller, e.Epoch)
	if err != nil || e.Seq <= head.Seq {
		return 0, err
	}
	n, err := tx.Exec(ctx, `INSERT INTO event_live (controller, epoch, seq, received, door, area, person, card, body)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (controller, epoch, seq) DO NOTHING`,
		controller, int64(e.Epoch), int64(e.Seq), store.FormatTime(tx.Now()), plain(e.Door), plain(e.Area), plain(e.Person), plain(e.Card), raw)
	return int(n), err
}

func forgetOldest(ctx context.Context, tx *store.Tx, controller string) error {
	_, err := tx.Exec(ctx, `DELETE FROM event_live WHERE controller = ? AND (epoch, seq) NOT IN
		(SELECT epoch, seq FROM event_live WHERE controller = ? ORDER BY epoch DESC, seq DESC LIMIT ?)`, controller, controller, mostProvisional)
	return err
}

// settle forgets the provisional events whose turn has come.
func settle(ctx context.Context, tx *store.Tx, controller string, epoch, upTo uint64) error {
	_, err := tx.Exec(ctx, `DELETE FROM event_live WHERE controller = ? AND epoch = ? AND seq <= ?`,
		controller, int64(epoch), int64(upTo)) // ingest takes no number over 2^63
	return err
}

// Provisional returns the events shown before their turn, newest first, at most limit (field.Limit).
func (r *Register) Provisional(ctx context.Context, actor store.Actor, limit int) ([]Entry, error) {
	var rows []liveRow
	err := r.read(ctx, actor, func(q store.Queryer) error {
		return q.Select(ctx, &rows, `SELECT 0 AS id, controller, received, body, door_name, area_name, person_name, card_label
			FROM v_entrylog_provisional ORDER BY received DESC, controller, epoch DESC, seq DESC LIMIT ?`, field.Limit(limit))
	})
	if err != nil {
		return nil, err
	}
	list, err := entriesOf(rows)
	for i := range list {
		list[i].Provisional = true
	}
	return list, err
}
