package revoke

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"kanmon/internal/access"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/revocation"
)

// Heard takes what a controller says of itself in a status that was believed. Offline is said by its last will, or when it fell silent.
func (p *Publisher) Heard(controller string, online bool, revoked access.Version, hash string) {
	p.mu.Lock()
	at := p.peers[controller]
	if at == nil {
		at = &peer{}
		p.peers[controller] = at
	}
	at.fresh = at.fresh || (online && !at.online)
	at.online = online
	if online {
		at.said, at.hash = revoked, hash
	}
	urgent := online && (at.said.Less(p.sent) || at.fresh)
	p.mu.Unlock()
	if urgent {
		select {
		case p.nudge <- struct{}{}:
		default:
		}
	}
}

// PublishedAt is when the set up to a version was last sent to a controller; zero when that was before the start.
func (p *Publisher) PublishedAt(controller string, upto access.Version) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	var at time.Time
	for i := len(p.sentAt) - 1; i >= 0 && !p.sentAt[i].upto.Less(upto); i-- {
		at = p.sentAt[i].at // the oldest broadcast that covers it
	}
	if peer := p.peers[controller]; peer != nil && !peer.last.upto.Less(upto) && peer.last.at.After(at) {
		at = peer.last.at
	}
	return at
}

// Repaired counts the whole sets sent because the one in force at a controller was another.
func (p *Publisher) Repaired() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.repaired
}

// catchUps serves those who are behind, every second and when one of them speaks.
func (p *Publisher) catchUps(ctx context.Context) {
	tick := time.NewTicker(resendEvery)
	defer tick.Stop()
	for whole := true; ; {
		if err := p.catchUp(ctx, time.Now(), whole); err != nil {
			p.complain(ctx, "controllers behind with revocations not served", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			whole = true
		case <-p.nudge:
			whole = false
		}
	}
}

// job is what one controller is to be sent: everything after what it has.
type job struct {
	controller string
	have       access.Version
}

// catchUp serves those who lack something. Who has everything and whose receipt is missing is read from the register only for a whole round:
// when hundreds come back in one moment, each of them causes one that is not.
func (p *Publisher) catchUp(ctx context.Context, now time.Time, whole bool) error {
	s, err := p.present(ctx)
	if err != nil {
		return err
	}
	unconfirmed := map[string]bool{}
	if whole && !s.empty {
		behind, err := p.cfg.Revocations.Behind(ctx)
		if err != nil {
			return err
		}
		for _, b := range behind {
			unconfirmed[b.Controller] = true
		}
	}
	jobs := p.jobs(ctx, unconfirmed, s, now)
	if len(jobs) == 0 {
		return nil
	}
	runs, err := p.runs(ctx, jobs)
	if err != nil {
		return err
	}
	var group errgroup.Group
	group.SetLimit(parallel)
	for _, j := range jobs {
		group.Go(func() error {
			if err := p.send(ctx, j.controller, runs[j.have]); err != nil {
				p.complain(ctx, "revocations not sent", err, slog.String("controller", j.controller))
			}
			return nil
		})
	}
	return group.Wait()
}

// jobs picks those to be served now, and notes that they are.
func (p *Publisher) jobs(ctx context.Context, unconfirmed map[string]bool, s standing, now time.Time) []job {
	p.mu.Lock()
	defer p.mu.Unlock()
	var jobs []job
	for name, at := range p.peers {
		have, why := at.needs(s, unconfirmed[name])
		if why == nothing || !at.online {
			at.fresh, at.tries = false, 0
			continue
		}
		if !at.due(why, p.lastBroadcast(), now) {
			continue
		}
		if why == another {
			p.repaired++
			p.cfg.Log.WarnContext(ctx, "another revocation set is in force at a controller: it is sent the whole set",
				slog.String("controller", name), slog.Any("version", s.latest))
		}
		at.fresh, at.tries, at.tried = false, at.tries+1, now
		jobs = append(jobs, job{name, have})
	}
	return jobs
}

// lastBroadcast wants mu held.
func (p *Publisher) lastBroadcast() time.Time {
	if len(p.sentAt) == 0 {
		return time.Time{}
	}
	return p.sentAt[len(p.sentAt)-1].at
}

// need is why a controller has to be sent something.
type need uint8

const (
	nothing     need = iota
	lacking          // entries
	unconfirmed      // it has all, and its receipt has not come
	another          // it has all by number, and another set
)

// needs compares a controller with the register.
func (at *peer) needs(s standing, waiting bool) (have access.Version, why need) {
	switch {
	case s.empty:
		return have, nothing
	case at.said.Less(s.latest):
		return at.said, lacking
	case at.said == s.latest && at.hash != "" && at.hash != s.hash:
		return access.Version{}, another
	case !waiting:
		return have, nothing
	case s.latest.N > 0: // the last entry again: its receipt stands for all before it
		return access.Version{Epoch: s.latest.Epoch, N: s.latest.N - 1}, unconfirmed
	default:
		return access.Version{}, unconfirmed
	}
}

// due spaces the attempts: at once for one that has just come, then ever more rarely, for one that does not take what it is sent.
func (at *peer) due(why need, broadcast, now time.Time) bool {
	if at.fresh {
		return true
	}
	pause := min(resendEvery<<min(at.tries, 10), mostPause)
	if why == another {
		pause = repairEvery
	}
	last := at.tried
	if why != another && broadcast.After(last) {
		last = broadcast
	}
	return now.Sub(last) >= pause
}

// runs collects what each of the jobs needs, from one snapshot.
func (p *Publisher) runs(ctx context.Context, jobs []job) (map[access.Version][]wire.RevokedSet, error) {
	runs := map[access.Version][]wire.RevokedSet{}
	err := p.cfg.Store.Read(ctx, func(q store.Queryer) error {
		latest, err := revocation.Latest(ctx, q)
		if err != nil {
			return err
		}
		for _, j := range jobs {
			if _, there := runs[j.have]; there {
				continue
			}
			if runs[j.have], err = p.collect(ctx, q, j.have, latest); err != nil {
				return err
			}
		}
		return nil
	})
	return runs, err
}

func (p *Publisher) send(ctx context.Context, controller string, sets []wire.RevokedSet) error {
	for _, set := range sets {
		p.mu.Lock()
		at := p.peers[controller]
		before := at.last
		at.last = sending{set.Upto, time.Now()} // its receipt may be quicker than the broker's word
		p.mu.Unlock()
		if err := p.publish(ctx, controller, set); err != nil {
			p.mu.Lock()
			at.last = before
			p.mu.Unlock()
			return err
		}
	}
	return nil
}
