package device

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/period"
)

// Peer checks that a controller is enrolled with the key, which the caller has seen proved (a TLS handshake, a signature). Errors: NotFound
// for one nobody entered, Denied with code "device.not_enrolled", "device.revoked" or "device.other_key". It has no actor: it is how a
// controller becomes one.
func (r *Register) Peer(ctx context.Context, name string, public ed25519.PublicKey) error {
	kept, err := r.PublicKey(ctx, name)
	if err != nil {
		return err
	}
	if !kept.Equal(public) {
		return fault.New(fault.Denied, "device.other_key", name+" is enrolled with another key")
	}
	return nil
}

// PublicKey returns the key that an enrolled controller signs with; errors as in Peer. It is remembered until it changes.
func (r *Register) PublicKey(ctx context.Context, name string) (ed25519.PublicKey, error) {
	key, generation := r.keys.get(name)
	if key != nil {
		return key, nil
	}
	present, err := r.identity(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("key of %.40q: %w", name, err)
	}
	if key, err = hex.DecodeString(present.PublicKey); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "read a stored key")
	}
	if err := present.is(name, key); err != nil {
		return nil, fmt.Errorf("key of %.40q: %w", name, err)
	}
	r.keys.put(name, key, generation)
	return key, nil
}

// BoxKey returns the X25519 key under which secrets are sealed to an enrolled controller; errors as in Peer.
func (r *Register) BoxKey(ctx context.Context, name string) ([]byte, error) {
	if _, err := r.PublicKey(ctx, name); err != nil {
		return nil, err
	}
	present, err := r.identity(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("box key of %.40q: %w", name, err)
	}
	key, err := hex.DecodeString(present.BoxKey)
	return key, fault.Wrap(fault.Internal, err, "read a stored key")
}

func (r *Register) identity(ctx context.Context, name string) (identity, error) {
	var present identity
	err := r.store.Read(ctx, func(q store.Queryer) error {
		var err error
		present, err = identityOf(ctx, q, name)
		return err
	})
	return present, err
}

// VoidCertificate is one that has not ended and is worth nothing: its key was revoked or replaced.
type VoidCertificate struct {
	Controller, Serial string
	Since, Until       time.Time
}

// VoidCertificates lists them at a moment, for a revocation list, in the order of controllers and times.
func (r *Register) VoidCertificates(ctx context.Context, now time.Time) ([]VoidCertificate, error) {
	var rows []struct{ ID, Serial, Since, NotAfter string }
	err := r.store.Read(ctx, func(q store.Queryer) error {
		return q.Select(ctx, &rows, `SELECT v.id, v.serial, MIN(x.at) AS since, v.not_after AS notafter
			FROM controller_identity_version v JOIN controller_identity i ON i.id = v.id
			JOIN controller_identity_version x ON x.id = v.id AND x.n > v.n AND (x.state <> 'enrolled' OR x.public_key <> v.public_key)
			WHERE v.not_after > ? AND v.not_after <> '' AND (i.state <> 'enrolled' OR i.public_key <> v.public_key)
			GROUP BY v.id, v.serial, v.not_after ORDER BY v.id, since, v.serial`, store.FormatTime(now))
	})
	if err != nil {
		return nil, fmt.Errorf("list void certificates: %w", err)
	}
	list := make([]VoidCertificate, len(rows))
	for i, row := range rows {
		list[i] = VoidCertificate{Controller: row.ID, Serial: row.Serial}
		if list[i].Since, err = period.Time(row.Since); err != nil {
			return nil, err
		}
		if list[i].Until, err = period.Time(row.NotAfter); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// OnRevoked has fn called with the name of a controller whose key is worth nothing any more, after the commit that says so and before the
// call that caused it returns: it was revoked, or another key was enrolled in its place. fn does not block.
func (r *Register) OnRevoked(fn func(name string)) { r.told.add(fn) }

// listeners are functions to call.
type listeners struct {
	mu  sync.Mutex
	all []func(string)
}

func (l *listeners) add(fn func(string)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, fn)
}

func (l *listeners) tell(name string) {
	l.mu.Lock()
	all := l.all
	l.mu.Unlock()
	for _, fn := range all {
		fn(name)
	}
}

// keyring remembers public keys. A key read before a change is not remembered after it: the generation tells.
type keyring struct {
	mu         sync.Mutex
	generation uint64
	keys       map[string]ed25519.PublicKey
}

func (k *keyring) get(name string) (ed25519.PublicKey, uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keys[name], k.generation
}

func (k *keyring) put(name string, key ed25519.PublicKey, generation uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if generation != k.generation {
		return
	}
	if k.keys == nil {
		k.keys = map[string]ed25519.PublicKey{}
	}
	k.keys[name] = key
}

func (k *keyring) forget(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.generation++
	delete(k.keys, name)
}
