package entrylog

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/entrylog/passage"
	"kanmon/lifecycle/period"
)

// presenceRules is raised when the same events would give another presence.
const presenceRules = 1

// Ready makes the presence again if it was made by other rules than this program's. It is called before the first batch comes.
func (r *Register) Ready(ctx context.Context, log *slog.Logger) error {
	var by int64
	err := r.store.Read(ctx, func(q store.Queryer) error {
		return q.Get(ctx, &by, `SELECT COALESCE(MAX(rules), 0) FROM presence_rules`)
	})
	if err != nil {
		return fmt.Errorf("read presence: %w", err)
	}
	if by == presenceRules {
		return nil
	}
	start := time.Now()
	n, err := r.Rebuild(ctx)
	if err == nil {
		log.InfoContext(ctx, "presence made again from the log", slog.Int64("events", n), slog.Duration("took", time.Since(start)))
	}
	return err
}

// Rebuild makes the presence again from the log, as it came out when the events came one by one. It returns how many events there are.
func (r *Register) Rebuild(ctx context.Context) (events int64, err error) {
	err = r.store.WriteDerived(ctx, "presence again from the log", func(tx *store.Tx) error {
		var all replay
		if err := all.read(ctx, tx); err != nil {
			return err
		}
		events = all.events
		for _, statement := range []string{
			`DELETE FROM presence`, `DELETE FROM presence_waiting`, `DELETE FROM presence_mark`, `DELETE FROM presence_rules`,
		} {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
		for controller, state := range all.states {
			if err := keepWaiting(ctx, tx, controller, passage.State{}, state); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `INSERT INTO presence_rules (id, rules) VALUES (1, ?)`, presenceRules); err != nil {
			return err
		}
		return all.sum.keep(ctx, tx)
	})
	if err != nil {
		return 0, fmt.Errorf("make presence again: %w", err)
	}
	return events, nil
}

// replay is the log read anew. It holds no more than the presence itself.
type replay struct {
	sum    sum
	states map[string]passage.State
	events int64
}

func (a *replay) read(ctx context.Context, q store.Queryer) error {
	a.states = map[string]passage.State{}
	return q.Query(ctx, func(c store.Cursor) error {
		var controller, at, received string
		var e event.Event
		var epoch int64
		var direction string
		if err := c.Scan(&controller, &epoch, &at, &received, &e.Kind, &e.Door, &e.Area, &e.Person, &direction); err != nil {
			return fault.Wrap(fault.Internal, err, "read the log")
		}
		came, err := period.Time(received)
		if err != nil {
			return err
		}
		if e.At, err = period.Time(at); err != nil {
			return err
		}
		e.Epoch, e.Direction = uint64(epoch), access.Direction(direction) // never negative
		after, out := passage.Fold(controller, a.states[controller], []event.Event{asFollowed(e, came)})
		a.states[controller] = after
		a.sum.add(out)
		a.events++
		return nil
	}, `SELECT controller, epoch, at, received, kind, door, area, person, direction FROM event ORDER BY leaf`)
}
