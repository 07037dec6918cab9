package sitekey

import (
	"bytes"
	"crypto/ed25519"

	"kanmon/internal/fault"
	"kanmon/internal/pki"
)

// commandKind is the keys that sign what the centre sends.
var commandKind = kind{
	name: "command key",
	id:   func(public []byte) string { return pki.KeyID(public) },
	check: func(m member) error {
		key, err := pki.ParseSigningKey(m.Secret)
		if err == nil && !bytes.Equal(key.Public(), m.Public) {
			err = fault.New(fault.Invalid, "sitekey.ring", "a command key and its public part do not belong together")
		}
		return err
	},
	announce: func(by member, site string, list [][]byte) (pki.Announcement, error) {
		key, err := pki.ParseSigningKey(by.Secret)
		if err != nil {
			return pki.Announcement{}, err
		}
		return pki.Announce(site, publicKeys(list), key), nil
	},
}

func publicKeys(list [][]byte) []ed25519.PublicKey {
	keys := make([]ed25519.PublicKey, len(list))
	for i, k := range list {
		keys[i] = k
	}
	return keys
}

func (k *Keys) openCommandKey() error {
	fresh := func() ([]byte, error) { return pki.NewSigningKey().Seed(), nil }
	return open(k.vault, commandKeys, fresh, parseCommandKeys, k.installCommandKeys)
}

// parseCommandKeys reads a ring, or the bare seed of a key that was never replaced.
func parseCommandKeys(b []byte) (ring, error) {
	if len(b) != ed25519.SeedSize {
		return readRing(commandKind, b)
	}
	key, err := pki.ParseSigningKey(b)
	return newRing(commandKind, b, key.Public()), err
}

// installCommandKeys has a ring serve.
func (k *Keys) installCommandKeys(r ring) error {
	now, _ := r.at(present)
	key, err := pki.ParseSigningKey(now.Secret)
	if err != nil {
		return err
	}
	words, err := r.words(k.cfg.Site)
	if err != nil {
		return err
	}
	k.command, k.commands, k.words = key, func() ring { return r }, words
	return nil
}

// Command signs what the centre sends.
func (k *Keys) Command() pki.SigningKey { return k.command }

// Believed are the command keys that controllers are to believe, oldest first, and the words by which those that know older ones get there.
func (k *Keys) Believed() ([]ed25519.PublicKey, []pki.Announcement) {
	return publicKeys(k.commands().believed()), k.words
}

// CommandRotation is how the command key is replaced: a new one is announced under the present one.
func (k *Keys) CommandRotation() Rotation {
	return rotation{
		ring: k.commands(), keys: k, file: commandKeys, serve: k.installCommandKeys,
		fresh: func() (secret, public []byte, err error) {
			key := pki.NewSigningKey()
			return key.Seed(), key.Public(), nil
		},
	}
}

// turn takes a step with the keys of a kind and keeps them.
func turn[T interface{ bytes() ([]byte, error) }](vault *pki.Vault, file string, r T, a Act, step func(T) (T, error)) (T, error) {
	if err := a.Check(); err != nil {
		return r, err
	}
	next, err := step(r)
	if err != nil {
		return r, err
	}
	b, err := next.bytes()
	if err != nil {
		return r, err
	}
	return next, vault.Save(file, b)
}
