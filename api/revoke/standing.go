package revoke

import (
	"context"

	"kanmon/internal/access"
	"kanmon/internal/store"
	"kanmon/lifecycle/revocation"
)

// standing is how the set stands in the register.
type standing struct {
	known  bool
	latest access.Version
	empty  bool   // nothing was ever revoked
	hash   string // access.Revocations.Hash of the whole set
}

// present reads it, and remembers it until an entry is made (forget) or the epoch changes.
func (p *Publisher) present(ctx context.Context) (standing, error) {
	p.mu.Lock()
	s, changes := p.standing, p.changes
	p.mu.Unlock()
	err := p.cfg.Store.Read(ctx, func(q store.Queryer) error {
		latest, err := revocation.Latest(ctx, q)
		if err != nil || (s.known && s.latest == latest) {
			return err
		}
		list, err := revocation.Set(ctx, q)
		if err != nil {
			return err
		}
		set := access.NewRevocations(list...)
		s = standing{known: true, latest: latest, empty: len(list) == 0, hash: set.Hash()}
		return nil
	})
	if err != nil {
		return standing{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.changes == changes {
		p.standing = s
	}
	return s, nil
}

// forget has the set read again: an entry was made, perhaps one of an earlier epoch, which moves no number.
func (p *Publisher) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.standing, p.changes = standing{}, p.changes+1
}
