package policy

import (
	"context"
	"log/slog"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/device"
)

// Publish hands one payload to the broker and returns when the broker has it.
type Publish func(ctx context.Context, topic string, payload []byte) error

// PublisherConfig of a Publisher. All fields but Look are required.
type PublisherConfig struct {
	Store   *store.Store
	Site    string
	Publish Publish
	Log     *slog.Logger
	Look    time.Duration // how often to look for work; 0: 250 ms
}

// Publisher brings every controller that is online to its wanted policy.
type Publisher struct {
	cfg      PublisherConfig
	compiler *Compiler
	known    map[string]progress // only Run touches it
}

// NewPublisher prepares a publisher; Run starts it.
func NewPublisher(cfg PublisherConfig) *Publisher {
	if cfg.Look <= 0 {
		cfg.Look = 250 * time.Millisecond
	}
	return &Publisher{cfg: cfg, compiler: New(cfg.Store), known: map[string]progress{}}
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
		if t.ahead() {
			if err := p.overtake(ctx, t); err != nil {
				return err
			}
			continue // the next look finds the new version
		}
		do, next := plan(t, p.known[t.Controller], now)
		if do != rest {
			version, hash, err := p.act(ctx, do, t.Controller)
			if err != nil {
				p.complain(ctx, t.Controller, err)
				next = next.failed(now)
			} else { // the registers may have moved on since the look: what was compiled counts
				next.wanted, next.hash = version, hash
			}
		}
		seen[t.Controller] = next
	}
	p.known = seen
	return nil
}

func (p *Publisher) overtake(ctx context.Context, t target) error {
	p.cfg.Log.WarnContext(ctx, "controller has a newer policy than was ever wanted: the database was put back",
		slog.String("controller", t.Controller), slog.Uint64("applied", t.Applied.N), slog.Uint64("wanted", t.Wanted.N))
	return p.cfg.Store.WriteDerived(ctx, "wanted policy version after a restore", func(tx *store.Tx) error {
		return device.Overtake(ctx, tx, t.Controller, t.Applied)
	})
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

// act compiles and, when asked, sends. It returns the version and hash of what it compiled.
func (p *Publisher) act(ctx context.Context, do step, controller string) (access.Version, string, error) {
	spec, err := p.compiler.Compile(ctx, controller)
	if err != nil {
		return access.Version{}, "", err
	}
	hash, err := wire.PolicyHash(spec)
	if err == nil && do == send {
		err = p.send(ctx, controller, spec)
	}
	return spec.Version, hash, err
}

func (p *Publisher) send(ctx context.Context, controller string, spec access.Spec) error {
	parts, err := wire.SplitPolicy(spec)
	if err != nil {
		return err
	}
	topic := wire.Topic(p.cfg.Site, controller, wire.Policy)
	for _, part := range parts {
		payload, err := wire.Encode(part)
		if err != nil {
			return err
		}
		if err := p.cfg.Publish(ctx, topic, payload); err != nil {
			return err
		}
	}
	p.cfg.Log.InfoContext(ctx, "policy sent", slog.String("controller", controller),
		slog.Uint64("epoch", spec.Version.Epoch), slog.Uint64("n", spec.Version.N), slog.Int("parts", len(parts)))
	return nil
}
