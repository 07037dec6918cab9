package pin

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/field"
	"kanmon/lifecycle/period"
)

// Withdraw ends a PIN at once, as when it has leaked; area is empty for the person's own. It needs authz.PINWrite. What is not there is NotFound "pin.unknown",
// what has ended Conflict "pin.withdrawn".
func (r *Register) Withdraw(ctx context.Context, actor store.Actor, person, area, reason string) (PIN, error) {
	reason, err := field.Text("reason", reason, 200)
	if err != nil {
		return PIN{}, fmt.Errorf("withdraw PIN: %w", err)
	}
	var p PIN
	err = r.store.Write(ctx, actor, reason, func(tx *store.Tx) error {
		if err := actor.May(authz.PINWrite); err != nil {
			return err
		}
		id := idOf(person, area)
		if err := withdraw(ctx, tx, id); err != nil {
			return err
		}
		p, err = get(ctx, tx, id)
		return err
	})
	if err != nil {
		return PIN{}, fmt.Errorf("withdraw PIN: %w", err)
	}
	return p, nil
}

func withdraw(ctx context.Context, tx *store.Tx, id string) error {
	k, err := keptOf(ctx, tx, id)
	switch {
	case err != nil:
		return err
	case k.N == 0:
		return fault.New(fault.NotFound, "pin.unknown", fmt.Sprintf("no PIN of %.80q", id))
	case k.State != Set:
		return fault.New(fault.Conflict, "pin.withdrawn", "the PIN is withdrawn already")
	}
	k.State = Withdrawn
	return k.keep(ctx, tx)
}

// atOnce is how many PINs end in one transaction.
const atOnce = 200

// EndWithPeople withdraws PINs of people whose validity is over, and returns how many: should one come back later, they are given another PIN.
func (r *Register) EndWithPeople(ctx context.Context) (ended int, err error) {
	for {
		ids, err := r.outlived(ctx)
		if err != nil || len(ids) == 0 {
			return ended, err
		}
		n := 0
		err = r.store.Write(ctx, store.System("pins"), "the person's validity is over", func(tx *store.Tx) error {
			n, err = endAll(ctx, tx, ids)
			return err
		})
		if err != nil {
			return ended, fmt.Errorf("end PINs with their people: %w", err)
		}
		ended += n
	}
}

// outlived names some PINs whose people's validity is over.
func (r *Register) outlived(ctx context.Context) (ids []string, err error) {
	err = r.store.Read(ctx, func(q store.Queryer) error {
		return q.Select(ctx, &ids, overdue+` ORDER BY id LIMIT ?`, period.Text(r.store.Now()), atOnce)
	})
	return ids, err
}

const overdue = `SELECT id FROM v_pin_pin WHERE state = 'set' AND person_until <> '' AND person_until <= ?`

// endAll withdraws those of the PINs that are still to end.
func endAll(ctx context.Context, tx *store.Tx, ids []string) (n int, err error) {
	for _, id := range ids {
		var still []string
		if err := tx.Select(ctx, &still, overdue+` AND id = ?`, period.Text(tx.Now()), id); err != nil {
			return 0, err
		}
		if len(still) == 0 {
			continue
		}
		if err := withdraw(ctx, tx, id); err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// every is how often Run looks.
const every = time.Hour

// Run ends PINs with their people and warns the managers of those near their age limit, until ctx ends.
func (r *Register) Run(ctx context.Context, log *slog.Logger) error {
	look := time.NewTicker(every)
	defer look.Stop()
	for {
		if err := r.look(ctx, log); err != nil && ctx.Err() == nil {
			log.ErrorContext(ctx, "PINs not looked through", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
	}
}

func (r *Register) look(ctx context.Context, log *slog.Logger) error {
	ended, err := r.EndWithPeople(ctx)
	if ended > 0 {
		log.InfoContext(ctx, "PINs withdrawn with their people", slog.Int("pins", ended))
	}
	if err != nil {
		return err
	}
	warned, err := r.Remind(ctx)
	if warned > 0 {
		log.InfoContext(ctx, "managers warned of PINs near their age limit", slog.Int("pins", warned))
	}
	return err
}

// warnedFrom is the latest end of a PIN that is warned about now.
func warnedFrom(now time.Time) string {
	return period.Text(now.Add(time.Duration(Warnings()[0]) * day))
}
