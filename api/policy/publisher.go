package policy

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/device"
)

// Publish hands one payload to the broker and returns when the broker has it.
type Publish func(ctx context.Context, topic string, payload []byte) error

// PublisherConfig of a Publisher. All fields but Lease, Hold and Look are required.
type PublisherConfig struct {
	Store   *store.Store
	Site    string
	Signer  wire.Signer // the centre's
	Seals   *wire.Sealer
	Lease   access.Lease
	Forms   access.Forms // in which cards go out
	Publish Publish
	// Hold waits while something more urgent is under way; it is called before each policy.
	Hold func(ctx context.Context)
	Log  *slog.Logger
	Look time.Duration // how often to look for work; 0: 250 ms
}

// Publisher brings every controller that is online to its wanted policy.
type Publisher struct {
	cfg      PublisherConfig
	compiler *Compiler
	known    map[string]progress // only Run touches it
	shelf    *shelf              // only Run touches it
	made     made                // only Run touches it

	mu    sync.Mutex
	count Stats
}

// Stats counts since the start.
type Stats struct {
	Snapshots uint64 // policies sent whole
	Deltas    uint64 // policies sent as a difference
	Repaired  uint64 // controllers that had the right version with another content
}

// NewPublisher prepares a publisher; Run starts it.
func NewPublisher(cfg PublisherConfig) *Publisher {
	if cfg.Look <= 0 {
		cfg.Look = 250 * time.Millisecond
	}
	if cfg.Hold == nil {
		cfg.Hold = func(context.Context) {}
	}
	return &Publisher{cfg: cfg, compiler: New(cfg.Store, cfg.Lease, cfg.Seals, cfg.Forms), known: map[string]progress{}, shelf: newShelf(shelfSize)}
}

// Stats returns the counters.
func (p *Publisher) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}

func (p *Publisher) counted(n *uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*n++
}

// Run works until ctx ends and then returns nil. What fails is logged and tried again: the wanted versions are
// in the database, so nothing is forgotten.
func (p *Publisher) Run(ctx context.Context) error {
	look := time.NewTicker(p.cfg.Look)
	defer look.Stop()
	for {
		if err := p.serve(ctx, time.Now()); err != nil && ctx.Err() == nil {
			p.cfg.Log.ErrorContext(ctx, "policy publisher cannot read the registers", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
	}
}

// serve does one step for every controller.
func (p *Publisher) serve(ctx context.Context, now time.Time) error {
	targets, err := p.targets(ctx)
	if err != nil {
		return err
	}
	seen := make(map[string]progress, len(targets))
	for _, t := range targets {
		do, next := plan(t, p.known[t.Controller], now)
		if do != rest {
			p.cfg.Hold(ctx)
			var err error
			if next, err = p.act(ctx, do, t, next, now); err != nil {
				p.complain(ctx, t.Controller, err)
				next = next.failed(now)
			}
		}
		seen[t.Controller] = next
	}
	p.known = seen
	return p.keepMade(ctx)
}

func (p *Publisher) complain(ctx context.Context, controller string, err error) {
	if ctx.Err() == nil {
		p.cfg.Log.WarnContext(ctx, "policy not sent", slog.String("controller", controller), slog.Any("error", err))
	}
}

func (p *Publisher) targets(ctx context.Context) ([]target, error) {
	var rows []struct {
		Controller   string
		Online       bool
		WantedEpoch  uint64 `db:"wanted_epoch"`
		WantedN      uint64 `db:"wanted_n"`
		AppliedEpoch uint64 `db:"policy_epoch"`
		AppliedN     uint64 `db:"policy_n"`
		Hash         string `db:"policy_hash"`
	}
	err := p.cfg.Store.Read(ctx, func(q store.Queryer) error {
		return q.Select(ctx, &rows, `SELECT controller, online, wanted_epoch, wanted_n, policy_epoch, policy_n, policy_hash
			FROM v_policy_target`)
	})
	targets := make([]target, len(rows))
	for i, r := range rows {
		targets[i] = target{
			Controller: r.Controller, Online: r.Online, Hash: r.Hash,
			Wanted:  access.Version{Epoch: r.WantedEpoch, N: r.WantedN},
			Applied: access.Version{Epoch: r.AppliedEpoch, N: r.AppliedN},
		}
	}
	return targets, fault.Wrap(fault.KindOf(err), err, "read which policies are wanted")
}

// act does a step and returns what to remember of it.
func (p *Publisher) act(ctx context.Context, do step, t target, next progress, now time.Time) (progress, error) {
	if do == raise {
		return next, p.raise(ctx, t)
	}
	if do == goOn {
		done, err := next.rest.send(ctx, p.cfg.Publish)
		if done {
			next.rest = nil
		}
		return next, err
	}
	spec, size, err := p.compiler.compileAt(ctx, t.Controller)
	if err != nil {
		return next, err
	}
	p.made.add(t.Controller, spec.Version, size)
	// The registers may have moved on since the look: what was compiled counts.
	next.wanted = spec.Version
	if do == inspect {
		if next.hash, err = wire.PolicyHash(spec); err == nil && next.hash == t.Hash && spec.Version == t.Applied {
			p.shelf.put(t.Controller, next.hash, spec, now)
		}
		return next, err
	}
	return p.send(ctx, t, spec, next, now)
}

// raise gives the policy a controller should have a higher version, because the controller has this one with other content.
func (p *Publisher) raise(ctx context.Context, t target) error {
	p.cfg.Log.WarnContext(ctx, "a controller has the right version of its policy with other content: it is sent again under a higher one",
		slog.String("controller", t.Controller), slog.Any("version", t.Wanted), slog.String("hash", t.Hash))
	p.counted(&p.count.Repaired)
	return p.cfg.Store.WriteDerived(ctx, "another policy under the wanted version", func(tx *store.Tx) error {
		return device.Want(ctx, tx, t.Controller)
	})
}

// send signs a policy and sends the difference to the one that the controller has, or the first parts of the whole.
func (p *Publisher) send(ctx context.Context, t target, spec access.Spec, next progress, now time.Time) (progress, error) {
	at := wire.Address{Site: p.cfg.Site, Controller: t.Controller, Kind: wire.Policy}
	signed, err := wire.SignPolicy(at, spec, now, p.cfg.Signer)
	if err != nil {
		return next, err
	}
	var m wire.Manifest
	if err := json.Unmarshal(signed.Body, &m); err != nil {
		return next, fault.Wrap(fault.Internal, err, "read the manifest just made")
	}
	next.hash = m.Hash
	attrs := []any{slog.String("controller", t.Controller), slog.Uint64("epoch", spec.Version.Epoch), slog.Uint64("n", spec.Version.N)}
	if delta, ok := p.delta(t, spec, signed, m, now); ok {
		if err := p.cfg.Publish(ctx, at.Topic(), delta); err != nil {
			return next, err
		}
		p.counted(&p.count.Deltas)
		p.cfg.Log.InfoContext(ctx, "policy sent as a difference", append(attrs, slog.Int("bytes", len(delta)))...)
	} else {
		if next.rest, err = newTransfer(at, spec, signed); err != nil {
			return next, err
		}
		parts := len(next.rest.parts)
		done, err := next.rest.send(ctx, p.cfg.Publish)
		if err != nil {
			return next, err
		}
		if done {
			next.rest = nil
		}
		p.counted(&p.count.Snapshots)
		p.cfg.Log.InfoContext(ctx, "policy sent", append(attrs, slog.Int("parts", parts))...)
	}
	p.shelf.put(t.Controller, m.Hash, spec, now)
	return next, nil
}

// smaller is how much smaller than the whole a difference must be to be sent.
const smaller = 4

// delta is the payload with the difference, if there is one worth sending. What was sent takes the place of its base on the shelf, so a
// difference that had no effect is followed by the whole: the controller may have another policy than it says.
func (p *Publisher) delta(t target, spec access.Spec, signed wire.Signed, m wire.Manifest, now time.Time) ([]byte, bool) {
	base, ok := p.shelf.get(t.Controller, t.Hash, now)
	if !ok || !base.Version.Less(spec.Version) {
		return nil, false
	}
	payload, err := wire.Encode(wire.NewDelta(base, t.Hash, spec, signed))
	if err != nil || int64(len(payload))*smaller > max(m.Size, worthwhile) {
		return nil, false
	}
	return payload, true
}

// worthwhile: below this size a difference is sent even if it is hardly smaller than the whole, which may be one payload too.
const worthwhile = 64 << 10
