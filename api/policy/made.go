package policy

import (
	"context"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/store"
)

// made is of which policies it is still to be kept what they were made from. A version names one content, so the first size of the ledger at which it
// was compiled serves for good; one that is lost in a crash is kept when the policy is compiled again after the start.
type made struct {
	kept map[string]access.Version // by controller, the last
	todo []policyMade
}

type policyMade struct {
	controller string
	version    access.Version
	size       int64
}

func (m *made) add(controller string, v access.Version, size int64) {
	if m.kept[controller] != v {
		m.todo = append(m.todo, policyMade{controller, v, size})
	}
}

// keepMade writes down what the round has compiled, in one transaction.
func (p *Publisher) keepMade(ctx context.Context) error {
	m := &p.made
	if len(m.todo) == 0 {
		return nil
	}
	err := p.cfg.Store.WriteDerived(ctx, "what policies were made from", func(tx *store.Tx) error {
		at := store.FormatTime(tx.Now())
		for _, it := range m.todo {
			_, err := tx.Exec(ctx, `INSERT INTO policy_made (controller, epoch, n, size, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (controller, epoch, n) DO NOTHING`,
				it.controller, int64(it.version.Epoch), int64(it.version.N), it.size, at) // as stored
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "keep what policies were made from")
	}
	if m.kept == nil {
		m.kept = map[string]access.Version{}
	}
	for _, it := range m.todo {
		m.kept[it.controller] = it.version
	}
	m.todo = nil
	return nil
}
