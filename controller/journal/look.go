package journal

import (
	"context"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/event"
	"kanmon/internal/fault"
)

// Look reads the newest journal of a folder, also while a program is writing it: every event that is kept, oldest first, and the revocations. It
// changes nothing. A folder without a journal is fault.NotFound.
func Look(ctx context.Context, cfg Config, each func(event.Event) error) (revocations []access.Revocation, err error) {
	w := &writer{Journal: &Journal{cfg: cfg}}
	f, err := w.look()
	if err != nil {
		return nil, err
	}
	if f.current == 0 {
		return nil, fault.New(fault.NotFound, "journal.none", "no journal in "+cfg.Dir)
	}
	d, err := db.Open(ctx, db.Config{Driver: db.SQLite, Path: w.path(f.current), Readers: 1, Log: cfg.Log})
	if err != nil {
		return nil, err
	}
	defer func() { _ = d.Close() }() // nothing was written
	err = d.Read(ctx, func(q db.Queryer) error {
		if revocations, err = revocationsIn(ctx, q); err != nil {
			return err
		}
		return eventsIn(ctx, q, each)
	})
	return revocations, fault.Wrap(fault.KindOf(err), err, "read the journal")
}

func eventsIn(ctx context.Context, q db.Queryer, each func(event.Event) error) error {
	return q.Query(ctx, func(c db.Cursor) error {
		var raw []byte
		if err := c.Scan(&raw); err != nil {
			return err
		}
		e, err := event.Decode(raw)
		if err != nil {
			return err
		}
		return each(e)
	}, `SELECT bytes FROM journal_event ORDER BY seq`)
}
