package revoke

import (
	"context"
	"sync"
	"time"

	"kanmon/internal/access"
)

// rush is the time from a broadcast until everybody who is connected has confirmed it.
type rush struct {
	upto    access.Version
	until   time.Time // longer it does not hold anybody up
	waiting map[string]bool
	over    chan struct{}
	once    sync.Once
}

func (r *rush) end() { r.once.Do(func() { close(r.over) }) }

// hurry begins one, in place of the one before. It wants mu held.
func (p *Publisher) hurry(upto access.Version) {
	if p.rush != nil {
		p.rush.end()
	}
	r := &rush{upto: upto, until: time.Now().Add(mostHold), waiting: map[string]bool{}, over: make(chan struct{})}
	for name, at := range p.peers {
		if at.online {
			r.waiting[name] = true
		}
	}
	p.rush = r
	if len(r.waiting) == 0 {
		r.end()
	}
}

// Confirmed says that a controller's receipt up to a version is committed.
func (p *Publisher) Confirmed(controller string, upto access.Version) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := p.peers[controller]; at != nil && at.said.Less(upto) {
		at.said, at.hash = upto, "" // its next status says more
	}
	r := p.rush
	if r == nil || upto.Less(r.upto) || !r.waiting[controller] {
		return
	}
	delete(r.waiting, controller)
	if len(r.waiting) == 0 {
		r.end()
	}
}

// Hold makes traffic that is less urgent wait while a revocation is on its way: until all who are connected have confirmed it, and at most
// two seconds from its broadcast on.
func (p *Publisher) Hold(ctx context.Context) {
	p.mu.Lock()
	r := p.rush
	p.mu.Unlock()
	if r == nil {
		return
	}
	limit := time.NewTimer(time.Until(r.until))
	defer limit.Stop()
	select {
	case <-r.over:
	case <-limit.C:
	case <-ctx.Done():
	}
}
