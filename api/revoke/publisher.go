// Package revoke brings the revocation set to every controller, ahead of everything else.
//
// A new entry is broadcast at once, signed once, to all. Who has not confirmed it is sent what it lacks on its own topic: as soon as a
// status shows that it is behind, and again every second while it is connected. What there is to send and who has confirmed what stand in
// the registers alone, so a stop of the centre at any point loses nothing: the next start sees who is behind.
//
// The same statuses say which set is in force at a controller. One whose set differs although its number is right is sent the whole set.
package revoke

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/revocation"
)

// Config of a Publisher. All fields are required.
type Config struct {
	Site        string
	Store       *store.Store
	Revocations *revocation.Register
	Signer      wire.Signer // the centre's
	Seals       *wire.Sealer
	// Publish hands one payload to the broker and returns when the broker has it.
	Publish func(ctx context.Context, topic string, payload []byte) error
	Log     *slog.Logger
}

const (
	resendEvery = time.Second      // to a controller that is connected and has not confirmed
	repairEvery = time.Minute      // whole sets, to a controller whose set differs
	parallel    = 8                // controllers caught up at once
	mostPause   = 30 * time.Second // between attempts to one that does not take them
	mostHold    = 2 * time.Second  // that other traffic waits for the receipts after a broadcast
	retryAfter  = 250 * time.Millisecond
)

// Publisher of the revocation set. It is safe for concurrent use.
type Publisher struct {
	cfg      Config
	nudge    chan struct{} // one place: a controller may have to be caught up now
	sentHash string        // of the whole set at the last broadcast; only broadcasts touches it

	mu       sync.Mutex
	sent     access.Version // everything up to here was broadcast
	sentAt   []sending      // the newest broadcasts, oldest first
	peers    map[string]*peer
	repaired uint64
	standing standing
	changes  uint64 // entries made since the start, as far as they were noticed
	rush     *rush
}

// sending is that the set up to a version was sent.
type sending struct {
	upto access.Version
	at   time.Time
}

// mostSendings is how many broadcasts are remembered, for the times in receipts.
const mostSendings = 1024

// peer is what is known of a controller since the start.
type peer struct {
	online bool
	said   access.Version // how far it is, by its last status
	hash   string         // of the set in force there
	fresh  bool           // it has just come back: do not wait for the second to pass
	last   sending        // on its own topic
	tries  int            // since it last had everything
	tried  time.Time
}

// New prepares a publisher; Run starts it.
func New(cfg Config) *Publisher {
	return &Publisher{cfg: cfg, nudge: make(chan struct{}, 1), peers: map[string]*peer{}}
}

// Run works until ctx ends and then returns nil. What fails is logged and tried again.
func (p *Publisher) Run(ctx context.Context) error {
	wake, cancel := p.cfg.Revocations.Subscribe()
	defer cancel()
	if err := p.start(ctx); err != nil {
		return err
	}
	var group errgroup.Group
	group.Go(func() error { p.broadcasts(ctx, wake); return nil })
	group.Go(func() error { p.catchUps(ctx); return nil })
	return group.Wait()
}

// start takes what there is for sent: who lacks some of it is behind, and is caught up. It was subscribed before, so nothing falls between.
func (p *Publisher) start(ctx context.Context) error {
	for {
		latest, err := p.latest(ctx)
		if err == nil {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.sent = latest
			return nil
		}
		p.complain(ctx, "the revocation set cannot be read", err)
		if !wait(ctx, time.After(retryAfter)) {
			return nil
		}
	}
}

// broadcasts sends what is new, as soon as it is committed.
func (p *Publisher) broadcasts(ctx context.Context, wake <-chan struct{}) {
	tick := time.NewTicker(resendEvery) // a broker that was away, or a new epoch
	defer tick.Stop()
	for {
		if err := p.broadcast(ctx); err != nil {
			p.complain(ctx, "revocations not broadcast", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-wake:
			p.forget()
		case <-tick.C:
		}
	}
}

func (p *Publisher) broadcast(ctx context.Context) error {
	sets, err := p.news(ctx)
	if err != nil {
		return err
	}
	if err := p.toAll(ctx, sets); err != nil {
		return err
	}
	now, err := p.present(ctx)
	if err != nil {
		return err
	}
	if p.sentHash != "" && p.sentHash != now.hash && len(sets) == 0 { // an entry of an earlier epoch was found again
		if sets, err = p.whole(ctx); err == nil {
			err = p.toAll(ctx, sets)
		}
	}
	if err == nil {
		p.mu.Lock()
		p.sentHash = now.hash
		p.mu.Unlock()
	}
	return err
}

func (p *Publisher) toAll(ctx context.Context, sets []wire.RevokedSet) error {
	for _, set := range sets {
		p.sends(sending{set.Upto, time.Now()}) // the first receipt may be quicker than the broker's word
		if err := p.publish(ctx, wire.All, set); err != nil {
			p.unsent()
			return err
		}
		p.broadcasted(set.Upto)
	}
	return nil
}

// whole is the whole set.
func (p *Publisher) whole(ctx context.Context) ([]wire.RevokedSet, error) {
	runs, err := p.runs(ctx, []job{{}})
	return runs[access.Version{}], err
}

// news is what has not been broadcast, in order.
func (p *Publisher) news(ctx context.Context) ([]wire.RevokedSet, error) {
	p.mu.Lock()
	sent := p.sent
	p.mu.Unlock()
	var sets []wire.RevokedSet
	err := p.cfg.Store.Read(ctx, func(q store.Queryer) error {
		latest, err := revocation.Latest(ctx, q)
		if err != nil || latest == sent {
			return err
		}
		sets, err = p.collect(ctx, q, sent, latest)
		return err
	})
	return sets, err
}

func (p *Publisher) sends(s sending) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sentAt = append(p.sentAt, s)
	if len(p.sentAt) > mostSendings {
		p.sentAt = p.sentAt[len(p.sentAt)-mostSendings/2:]
	}
	p.hurry(s.upto)
}

// unsent takes the last one back: the broker did not have it.
func (p *Publisher) unsent() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sentAt = p.sentAt[:len(p.sentAt)-1]
}

func (p *Publisher) broadcasted(upto access.Version) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = upto
}

func (p *Publisher) publish(ctx context.Context, to string, set wire.RevokedSet) error {
	at := wire.Address{Site: p.cfg.Site, Controller: to, Kind: wire.Revoked}
	payload, err := wire.Seal(at, set, p.cfg.Signer)
	if err != nil {
		return err
	}
	return p.cfg.Publish(ctx, at.Topic(), payload)
}

func (p *Publisher) latest(ctx context.Context) (access.Version, error) {
	var latest access.Version
	err := p.cfg.Store.Read(ctx, func(q store.Queryer) error {
		var err error
		latest, err = revocation.Latest(ctx, q)
		return err
	})
	return latest, fault.Wrap(fault.KindOf(err), err, "read the newest revocation")
}

func (p *Publisher) complain(ctx context.Context, what string, err error, attrs ...any) {
	if ctx.Err() == nil {
		p.cfg.Log.WarnContext(ctx, what, append(attrs, slog.Any("error", err))...) //nolint:sloglint // the callers' messages are constants
	}
}

// wait returns false when ctx ends first.
func wait(ctx context.Context, c <-chan time.Time) bool {
	select {
	case <-ctx.Done():
		return false
	case <-c:
		return true
	}
}
