package journal

import (
	"context"
	"time"

	"kanmon/internal/db"
	"kanmon/internal/event"
)

// pruneSize bounds the events that one commit removes, so that no decision waits long behind it.
const pruneSize = 2000

// prune is one step of removing what the centre has had for KeepAcked days.
type prune struct {
	today int64
	more  bool // there is more to remove
}

func day(t time.Time) int64 { return t.Unix() / 86400 }

// startPruning queues one step, which queues the next while there is more.
func (j *Journal) startPruning() {
	p := &prune{today: day(j.cfg.Now())}
	j.submit(request{prune: p, done: func(_ Position, err error) {
		if err == nil && p.more {
			j.startPruning()
		}
	}})
}

func (p *prune) apply(ctx context.Context, tx *db.Tx, h *head) error {
	var old int64
	err := tx.Get(ctx, &old, `SELECT COALESCE(MAX(up_to), 0) FROM journal_ack_day WHERE day < ?`, p.today-KeepAcked)
	if err != nil {
		return err
	}
	end := min(uint64(old), h.acked)
	p.more = end > h.base+pruneSize
	if end = min(end, h.base+pruneSize); end <= h.base {
		return nil
	}
	return p.remove(ctx, tx, h, end)
}

// remove moves the base first: the table's trigger lets only what lies below it go.
func (p *prune) remove(ctx context.Context, tx *db.Tx, h *head, end uint64) error {
	var hash []byte
	if err := tx.Get(ctx, &hash, `SELECT hash FROM journal_event WHERE seq = ?`, int64(end)); err != nil {
		return err
	}
	if len(hash) != len(event.Hash{}) {
		return broken("a chain hash has another length")
	}
	h.base, h.baseHash = end, event.Hash(hash)
	if err := save(ctx, tx, *h, nil); err != nil {
		return err
	}
	for _, q := range []string{`DELETE FROM journal_event WHERE seq <= ?`, `DELETE FROM journal_ack_day WHERE up_to <= ?`} {
		if _, err := tx.Exec(ctx, q, int64(end)); err != nil {
			return err
		}
	}
	return nil
}

// saveAck notes how far the centre had acknowledged today.
func saveAck(ctx context.Context, tx *db.Tx, today int64, upTo uint64) error {
	_, err := tx.Exec(ctx, `INSERT INTO journal_ack_day (day, up_to) VALUES (?, ?)
		ON CONFLICT (day) DO UPDATE SET up_to = MAX(up_to, excluded.up_to)`, today, int64(upTo))
	return err
}
