package identity

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/pki"
)

// The centre is asked which keys it has when the program starts, every KeysEvery, and within KeysSoon after a new connection, which the centre's
// new start may have caused, or after it has signed with a key that is not known; at most once in KeysPause.
const (
	KeysEvery = 6 * time.Hour
	KeysPause = time.Minute
	KeysSoon  = 5 * time.Second
)

// asked is what the controller says it knows, signed with its key, so that the centre may count on it.
type asked struct {
	Controller  string   `json:"controller"`
	CommandKeys []string `json:"command_keys"`
	Authorities []string `json:"authorities"`
	Issuer      string   `json:"issuer"`
	HashKeys    []string `json:"hash_keys"`
	Challenge   string   `json:"challenge"`
	Sig         []byte   `json:"sig"`
}

func (id Identity) asked(challenge string) asked {
	known := pki.Known{Site: id.Site, Controller: id.Controller, Authorities: pins(id.Authorities), Issuer: id.issuer(), HashKeys: id.HashKey.fingerprints(), Challenge: challenge}
	for _, k := range id.CommandKeys {
		known.CommandKeys = append(known.CommandKeys, pki.KeyID(k))
	}
	return asked{known.Controller, known.CommandKeys, known.Authorities, known.Issuer, known.HashKeys, challenge, known.Sign(id.Key)}
}

// told is the centre's answer: its keys, and the words by which who knows older ones gets there.
type told struct {
	CommandKeys          [][]byte           `json:"command_keys"`
	Announced            []pki.Announcement `json:"announced"`
	Authorities          [][]byte           `json:"authorities"`
	AnnouncedAuthorities []pki.Announcement `json:"announced_authorities"`
	Issuer               string             `json:"issuer"`
	// HashKeys are all layers of the credential hash key, sealed to this controller; empty when it has them. Introduction is the authority's word.
	HashKeys     []byte `json:"hash_keys"`
	Introduction []byte `json:"introduction"`
	Challenge    string `json:"challenge"`
	Heard        bool   `json:"heard"`
}

// follow takes what keys that are known announce. HTTPS alone does not say enough: by way of a proxy it may stand on any authority that the
// machine trusts.
func (k *Keeper) follow(ctx context.Context, id Identity, t told) (Identity, error) {
	named, err := publicKeys(t.CommandKeys)
	if err != nil {
		return id, err
	}
	id.CommandKeys = pki.FollowKeys(id.Site, id.CommandKeys, t.Announced)
	if !same(id.CommandKeys, named) {
		k.cfg.Log.ErrorContext(ctx, "the centre names other command keys than those that known ones announce; only these are believed")
	}
	return k.followAuthorities(ctx, id, t), nil
}

func same(a, b []ed25519.PublicKey) bool {
	return slices.EqualFunc(a, b, func(x, y ed25519.PublicKey) bool { return x.Equal(y) })
}

// Ask tells the centre which of its keys are known here, takes those that are announced, and has a certificate made by the authority that issues
// them now. After a change it tells once more.
func (k *Keeper) Ask(ctx context.Context) error {
	k.turn.Lock()
	defer k.turn.Unlock()
	for range mostAsked {
		if settled, err := k.ask(ctx); err != nil || settled {
			return err
		}
	}
	return fault.New(fault.Unavailable, "identity.unheard", "the centre does not keep what this controller says of its keys")
}

// mostAsked bounds one round: the challenge, the keys, what came of a new certificate, and once more where an answer was lost.
const mostAsked = 5

// ask is settled when the centre has heard what is believed here, and has nothing new.
func (k *Keeper) ask(ctx context.Context) (settled bool, err error) {
	if err := k.write(); err != nil {
		return false, err // what is not on disk is not said to the centre: it may be gone after a restart
	}
	id := k.Identity()
	c, err := k.client(id)
	if err != nil {
		return false, err
	}
	defer c.close()
	var t told
	if err := c.post(ctx, "/api/v1/enrol/keys", id.asked(k.challenge), &t); err != nil {
		return false, err
	}
	k.challenge = t.Challenge
	next, err := k.follow(ctx, id, t)
	if err != nil {
		return false, err
	}
	if err := k.take(ctx, next); err != nil {
		return false, err
	}
	next, more := k.takeHashKey(ctx, next, t)
	if !next.outdated(t.Issuer) {
		return t.Heard && !more && next.believesAs(id), nil
	}
	if err := k.renew(ctx); err != nil {
		return false, err
	}
	if k.Identity().issuer() != t.Issuer {
		return false, fault.New(fault.Invalid, "identity.issuer", "the centre names an authority that does not issue certificates")
	}
	return false, nil
}

func (id Identity) believesAs(other Identity) bool {
	return same(id.CommandKeys, other.CommandKeys) && slices.EqualFunc(id.Authorities, other.Authorities, (*x509.Certificate).Equal)
}

// take has the centre's keys believed from now on: first on disk.
func (k *Keeper) take(ctx context.Context, id Identity) error {
	before := k.Identity()
	if id.believesAs(before) {
		return nil
	}
	if err := save(k.cfg.Dir, id); err != nil {
		return err
	}
	k.mu.Lock()
	k.id = id
	k.mu.Unlock()
	k.cfg.Log.InfoContext(ctx, "the centre's keys have changed", slog.Int("command_keys", len(id.CommandKeys)), slog.Int("authorities", len(id.Authorities)))
	if k.cfg.Distrusted != nil && slices.ContainsFunc(before.Authorities, func(c *x509.Certificate) bool { return !slices.ContainsFunc(id.Authorities, c.Equal) }) {
		k.cfg.Distrusted()
	}
	return nil
}

// listen asks until ctx ends.
func (k *Keeper) listen(ctx context.Context) {
	failed := time.Duration(0)
	for {
		if err := k.Ask(ctx); err != nil && ctx.Err() == nil {
			failed = min(max(2*failed, KeysPause), KeysEvery)
			k.cfg.Log.WarnContext(ctx, "the centre's keys not asked for", slog.Any("error", err), slog.Duration("retry_in", failed))
		} else {
			failed = 0
		}
		rest := cmp.Or(failed, KeysEvery) - KeysPause
		if !pause(ctx, KeysPause, nil) || !pause(ctx, rest, k.wake) || !pause(ctx, rand.N(KeysSoon), nil) { //nolint:gosec // jitter needs no secrecy
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
	k.Look()
	return nil, false
}

// Look has the centre asked for its keys soon. It never waits.
func (k *Keeper) Look() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}
