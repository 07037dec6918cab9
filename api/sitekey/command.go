package sitekey

import (
	"crypto/ed25519"

	"kanmon/internal/pki"
)

func (k *Keys) openCommandKey() error {
	b, err := k.vault.LoadOrMake(commandKeys, func() ([]byte, error) { return pki.NewSigningKey().Seed(), nil })
	if err != nil {
		return err
	}
	r, err := parseRing(b)
	if err != nil {
		return err
	}
	return k.install(r)
}

// install has a ring serve.
func (k *Keys) install(r ring) error {
	now, _ := r.at(present)
	key, err := now.signing()
	if err != nil {
		return err
	}
	words, err := r.words(k.cfg.Site)
	if err != nil {
		return err
	}
	k.command, k.ring, k.words = key, func() ring { return r }, words
	return nil
}

// Command signs what the centre sends.
func (k *Keys) Command() pki.SigningKey { return k.command }

// CommandKeys are the public parts of all command keys there ever were, the present one first, to check what was signed years ago. What still counts
// is signed by those that are Believed.
func (k *Keys) CommandKeys() []ed25519.PublicKey { return k.ring().all() }

// Believed are the command keys that controllers are to believe, oldest first, and the words by which those that know older ones get there.
func (k *Keys) Believed() ([]ed25519.PublicKey, []pki.Announcement) {
	return k.ring().believed(), k.words
}

// Announced is the id of the command key that is announced; false when none is.
func (k *Keys) Announced() (string, bool) { return k.id(announced) }

// Leaving is the id of the command key before the present one while controllers still believe it; false when there is none.
func (k *Keys) Leaving() (string, bool) { return k.id(leaving) }

func (k *Keys) id(s stage) (string, bool) {
	c, ok := k.ring().at(s)
	if !ok {
		return "", false
	}
	return pki.KeyID(c.Public), true
}

// The three steps of a new command key. Each is one file written, so that after a crash it was taken or not. They are for a centre that is
// not running: a running one goes on with the keys it started with.

// AnnounceCommandKey makes a key and announces it under the present one.
func (k *Keys) AnnounceCommandKey(a Act) error {
	return k.turn(a, func(r ring) (ring, error) { return r.announce(pki.NewSigningKey(), a) })
}

// UseCommandKey has the announced key sign from the next start on.
func (k *Keys) UseCommandKey(a Act) error {
	return k.turn(a, func(r ring) (ring, error) { return r.use(a) })
}

// RetireCommandKey ends the belief in the key before, and destroys it.
func (k *Keys) RetireCommandKey(a Act) error {
	return k.turn(a, func(r ring) (ring, error) { return r.retire(k.cfg.Site, a) })
}

func (k *Keys) turn(a Act, step func(ring) (ring, error)) error {
	if err := a.check(); err != nil {
		return err
	}
	next, err := step(k.ring())
	if err != nil {
		return err
	}
	b, err := next.bytes()
	if err != nil {
		return err
	}
	if err := k.vault.Save(commandKeys, b); err != nil {
		return err
	}
	return k.install(next)
}
