package controller

import (
	"context"
	"log/slog"
	"sync"

	"kanmon/controller/policystore"
	"kanmon/internal/access"
	"kanmon/internal/fault"
)

// PolicyStore keeps policies on disk; *policystore.Store is one.
type PolicyStore interface {
	Save(spec access.Spec, hash string) (policystore.Stored, error)
}

// PolicyKeeper takes policies from the centre: to the disk first, then into force.
type PolicyKeeper struct {
	store PolicyStore
	post  func(Input) bool
	log   *slog.Logger
	wake  chan struct{}

	mu      sync.Mutex
	waiting *offer
	refused string // the last thing refused: the centre sends it again and again, one event is enough
	version access.Version
	hash    string // of the policy in force
}

type offer struct {
	spec access.Spec
	hash string
}

// NewPolicyKeeper makes a keeper that hands what it stored to post. inForce is what the start found on disk.
func NewPolicyKeeper(store PolicyStore, inForce policystore.Stored, post func(Input) bool, log *slog.Logger) *PolicyKeeper {
	return &PolicyKeeper{
		store: store, post: post, log: log, wake: make(chan struct{}, 1),
		version: inForce.Policy.Version(), hash: inForce.Hash,
	}
}

// Offer takes a policy and does not wait. The one in force is ignored; one that waits is replaced.
func (k *PolicyKeeper) Offer(spec access.Spec, hash string) {
	k.mu.Lock()
	if hash != k.hash || spec.Version != k.version {
		k.waiting = &offer{spec, hash}
	}
	k.mu.Unlock()
	poke(k.wake)
}

// Refuse makes an event of a policy that came in pieces that do not fit.
func (k *PolicyKeeper) Refuse(detail string) {
	k.mu.Lock()
	again := k.refused == detail
	k.refused = detail
	k.mu.Unlock()
	if !again {
		k.post(PolicyRejected{Detail: detail})
	}
}

// Run stores and hands on what is offered until ctx ends, and returns nil then.
func (k *PolicyKeeper) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-k.wake:
			if o := k.take(); o != nil {
				k.apply(ctx, *o)
			}
		}
	}
}

func (k *PolicyKeeper) take() *offer {
	k.mu.Lock()
	defer k.mu.Unlock()
	o := k.waiting
	k.waiting = nil
	return o
}

func (k *PolicyKeeper) apply(ctx context.Context, o offer) {
	stored, err := k.store.Save(o.spec, o.hash)
	if err != nil {
		k.log.WarnContext(ctx, "policy not taken", slog.Any("error", err))
		if fault.KindOf(err) != fault.Unavailable { // a full disk is not the policy's fault: the centre sends it again
			k.Refuse(err.Error())
		}
		return
	}
	k.mu.Lock()
	k.version, k.hash, k.refused = o.spec.Version, o.hash, ""
	k.mu.Unlock()
	k.post(PolicyReady{Policy: stored.Policy, Hash: stored.Hash})
}
