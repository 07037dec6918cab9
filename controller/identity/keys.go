package identity

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"slices"
	"time"

	"kanmon/internal/pki"
)

// The centre is asked which keys it has when the program starts, every KeysEvery, and soon after it has signed with one that is not known,
// at most once in KeysPause.
const (
	KeysEvery = 6 * time.Hour
	KeysPause = time.Minute
)

// asked is what the controller says it knows, signed with its key, so that the centre may count on it.
type asked struct {
	Controller  string   `json:"controller"`
	CommandKeys []string `json:"command_keys"`
	Authorities []string `json:"authorities"`
	Issuer      string   `json:"issuer"`
	HashKeys    []string `json:"hash_keys"`
	Sig         []byte   `json:"sig"`
}

func (id Identity) asked() asked {
	known := pki.Known{Site: id.Site, Controller: id.Controller, Authorities: []string{pki.Pin(id.CA)}, Issuer: pki.Pin(id.CA), HashKeys: id.HashKey.fingerprints()}
	for _, k := range id.CommandKeys {
		known.CommandKeys = append(known.CommandKeys, pki.KeyID(k))
	}
	return asked{known.Controller, known.CommandKeys, known.Authorities, known.Issuer, known.HashKeys, known.Sign(id.Key)}
}

// told is the centre's answer: its command keys, and the words by which who knows older ones gets there; and what is new of the hash key.
type told struct {
	CommandKeys [][]byte           `json:"command_keys"`
	Announced   []pki.Announcement `json:"announced"`
	// HashKeys are all layers of the credential hash key, sealed to this controller; empty when it has them. Introduction is the authority's word.
	HashKeys     []byte `json:"hash_keys"`
	Introduction []byte `json:"introduction"`
}

// follow takes what keys that are known announce. HTTPS alone does not say enough: by way of a proxy it may stand on any authority that the
// machine trusts.
func (k *Keeper) follow(ctx context.Context, id Identity, t told) ([]ed25519.PublicKey, error) {
	named, err := publicKeys(t.CommandKeys)
	if err != nil {
		return nil, err
	}
	keys := pki.FollowKeys(id.Site, id.CommandKeys, t.Announced)
	if !same(keys, named) {
		k.cfg.Log.ErrorContext(ctx, "the centre names other command keys than those that known ones announce; only these are believed")
	}
	return keys, nil
}

func same(a, b []ed25519.PublicKey) bool {
	return slices.EqualFunc(a, b, func(x, y ed25519.PublicKey) bool { return x.Equal(y) })
}

// Ask tells the centre which of its keys are known here, and takes those that are announced. After a change it tells once more.
func (k *Keeper) Ask(ctx context.Context) error {
	k.turn.Lock()
	defer k.turn.Unlock()
	changed, err := k.ask(ctx)
	if err == nil && changed {
		_, err = k.ask(ctx)
	}
	return err
}

func (k *Keeper) ask(ctx context.Context) (changed bool, err error) {
	id := k.Identity()
	c, err := k.client(id)
	if err != nil {
		return false, err
	}
	defer c.close()
	var t told
	if err := c.post(ctx, "/api/v1/enrol/keys", id.asked(), &t); err != nil {
		return false, err
	}
	id, changed = k.takeHashKey(ctx, id, t)
	keys, err := k.follow(ctx, id, t)
	if err != nil || same(keys, id.CommandKeys) {
		return changed, err
	}
	id.CommandKeys = keys
	k.mu.Lock()
	k.id = id
	k.mu.Unlock()
	k.cfg.Log.InfoContext(ctx, "the centre's command keys have changed", slog.Int("keys", len(keys)))
	return true, save(k.cfg.Dir, id)
}

// listen asks until ctx ends.
func (k *Keeper) listen(ctx context.Context) {
	for {
		if err := k.Ask(ctx); err != nil && ctx.Err() == nil {
			k.cfg.Log.WarnContext(ctx, "the centre's keys not asked for", slog.Any("error", err))
		}
		if !pause(ctx, KeysPause, nil) || !pause(ctx, KeysEvery-KeysPause, k.unknown) {
			return
		}
	}
}

// pause waits for a time, or for wake; false when ctx has ended.
func pause(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	case <-wake:
	}
	return true
}

// CommandKey finds a key that the centre may sign with; it is a wire.Keys. One that is not known may be new: the centre is asked soon.
func (k *Keeper) CommandKey(id string) (ed25519.PublicKey, bool) {
	for _, key := range k.Identity().CommandKeys {
		if pki.KeyID(key) == id {
			return key, true
		}
	}
	k.askSoon()
	return nil, false
}

func (k *Keeper) askSoon() {
	select {
	case k.unknown <- struct{}{}:
	default:
	}
}
