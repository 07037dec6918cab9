package pin

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"kanmon/internal/authz"
	"kanmon/internal/store"
	"kanmon/lifecycle/account"
	"kanmon/lifecycle/notice"
	"kanmon/lifecycle/period"
)

// EndingNotice is the kind of the notices about PINs near their age limit: one for each warning, its subject. Its parameters are days (of the warning),
// count (of the PINs in force that stand at it) and first (when the first of them ends, RFC 3339).
const EndingNotice = "pins_ending"

// stage is what is said of the PINs that stand at one warning.
type stage struct {
	count int
	first time.Time
	fresh []string // ids of those of which nobody was told yet
}

// Remind tells the managers of PINs near their age limit, of each once at every warning, and returns of how many. While there is no manager it waits. A warning that was not given while
// the centre was away is left out when a later one is due.
func (r *Register) Remind(ctx context.Context) (warned int, err error) {
	now := r.store.Now()
	var due int
	err = r.store.Read(ctx, func(q store.Queryer) error {
		stages, err := stagesOf(ctx, q, now)
		for _, s := range stages {
			due += len(s.fresh)
		}
		return err
	})
	if err != nil || due == 0 {
		return 0, err
	}
	err = r.store.WriteDerived(ctx, "PINs near their age limit", func(tx *store.Tx) error {
		warned, err = remind(ctx, tx)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("remind of PINs: %w", err)
	}
	return warned, nil
}

func remind(ctx context.Context, tx *store.Tx) (warned int, err error) {
	stages, err := stagesOf(ctx, tx, tx.Now())
	if err != nil {
		return 0, err
	}
	managers, err := account.Holders(ctx, tx, authz.SecurityManager, authz.SystemManager)
	if err != nil || len(managers) == 0 {
		return 0, err
	}
	for _, days := range Warnings() {
		s := stages[days]
		if s == nil || len(s.fresh) == 0 {
			continue
		}
		if err := s.tell(ctx, tx, days, managers); err != nil {
			return 0, err
		}
		warned += len(s.fresh)
	}
	return warned, nil
}

// tell sends one warning and notes of which PINs.
func (s *stage) tell(ctx context.Context, tx *store.Tx, days int, managers []string) error {
	for _, to := range managers {
		err := notice.Send(ctx, tx, notice.Message{
			To: to, Kind: EndingNotice, Subject: strconv.Itoa(days), Link: "/pins", Params: map[string]string{
				"days": strconv.Itoa(days), "count": strconv.Itoa(s.count), "first": s.first.UTC().Format(time.RFC3339),
			},
		})
		if err != nil {
			return err
		}
	}
	for _, id := range s.fresh {
		if _, err := tx.Exec(ctx, `UPDATE pin SET warned = ? WHERE id = ?`, days, id); err != nil {
			return err
		}
	}
	return nil
}

// stagesOf sorts the PINs in force near their age limit by the last warning that is due for them.
func stagesOf(ctx context.Context, q store.Queryer, now time.Time) (map[int]*stage, error) {
	var rows []struct {
		ID, Expires string
		Warned      int
	}
	err := q.Select(ctx, &rows, `SELECT id, expires, COALESCE(warned, 0) AS warned FROM pin WHERE state = 'set' AND expires > ? AND expires <= ? ORDER BY expires`,
		period.Text(now), warnedFrom(now))
	if err != nil {
		return nil, err
	}
	stages := map[int]*stage{}
	for _, row := range rows {
		ends, err := period.Time(row.Expires)
		if err != nil {
			return nil, err
		}
		days, due := Warning(ends, now)
		if !due {
			continue
		}
		s := stages[days]
		if s == nil {
			s = &stage{first: ends}
			stages[days] = s
		}
		s.count++
		if row.Warned == 0 || row.Warned > days {
			s.fresh = append(s.fresh, row.ID)
		}
	}
	return stages, nil
}
