package controller

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"

	"kanmon/controller/core"
	"kanmon/controller/policystore"
	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/wire"
)

// PolicyStore keeps policies on disk; *policystore.Store is one.
type PolicyStore interface {
	Save(spec access.Spec, manifest wire.Signed) (policystore.Stored, error)
	Spec(hash string) (access.Spec, error)
}

// PolicyKeeper takes policies from the centre: to the disk first, then into force. It is the uplink's Policies.
type PolicyKeeper struct {
	store PolicyStore
	post  func(core.Input) bool
	log   *slog.Logger

	mu      sync.Mutex
	refused string // the last thing refused: the centre sends it again and again, one event is enough
	hash    string // of the policy in force
}

// NewPolicyKeeper makes a keeper that hands what it stored to post. inForce is what the start found on disk.
func NewPolicyKeeper(store PolicyStore, inForce policystore.Stored, post func(core.Input) bool, log *slog.Logger) *PolicyKeeper {
	return &PolicyKeeper{store: store, post: post, log: log, hash: inForce.Hash}
}

// InForce is the hash of the policy in force; "" for none.
func (k *PolicyKeeper) InForce() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.hash
}

// Spec reads the policy in force from the disk.
func (k *PolicyKeeper) Spec() (access.Spec, error) { return k.store.Spec(k.InForce()) }

// Refuse makes an event of a policy that does not hold.
func (k *PolicyKeeper) Refuse(detail string) {
	k.mu.Lock()
	again := k.refused == detail
	k.refused = detail
	k.mu.Unlock()
	if !again {
		k.post(core.PolicyRejected{Detail: detail})
	}
}

// Offer stores a policy and hands it on. It waits for the disk.
func (k *PolicyKeeper) Offer(ctx context.Context, spec access.Spec, manifest wire.Signed) {
	stored, err := k.store.Save(spec, manifest)
	if err != nil {
		k.log.WarnContext(ctx, "policy not taken", slog.Any("error", err))
		if fault.KindOf(err) != fault.Unavailable { // a full disk is not the policy's fault: the centre sends it again
			k.Refuse(err.Error())
		}
		return
	}
	if !k.post(core.PolicyReady{Policy: stored.Policy, Hash: stored.Hash, Made: stored.Made}) {
		k.log.WarnContext(ctx, "policy stored and not put into force, too much waits: it is taken when it comes again")
		return
	}
	k.mu.Lock()
	k.hash, k.refused = stored.Hash, ""
	k.mu.Unlock()
	debug.FreeOSMemory() // reading and compiling a large policy takes several times what it leaves
}
