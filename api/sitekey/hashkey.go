package sitekey

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/lifecycle/key"
	"kanmon/reader/credential"
)

// The credential hash key is replaced by a further layer on top (credential.HashKey). None is ever retired: cards are known by their hash under
// the first, and the others stand on it.

// inUse is the stage of a layer under which cards are hashed; one that is announced is known to controllers already.
const inUse stage = "in use"

// layer of the credential hash key.
type layer struct {
	Key   []byte `json:"key"`
	Stage stage  `json:"stage"`
	Act   Act    `json:"act"` // that brought it to this stage; none for the first
}

func (l layer) fingerprint() string { return pki.HashKeyFingerprint(l.Key) }

func newLayer(s stage, a Act) layer {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // crypto/rand never fails: it ends the program first
	return layer{b, s, a}
}

// layers are those of the credential hash key, oldest first. The last one alone may be announced.
type layers struct {
	Layers []layer `json:"layers"`
}

func (l layers) bytes() ([]byte, error) {
	b, err := json.Marshal(l)
	return b, fault.Wrap(fault.Internal, err, "write the credential hash key")
}

// parseLayers reads what bytes gave, or the 64 hex digits of a key that was never replaced.
func parseLayers(b []byte) (layers, error) {
	if !bytes.HasPrefix(b, []byte("{")) {
		first, err := hex.DecodeString(string(b))
		if err != nil || len(first) != 32 {
			return layers{}, fault.New(fault.Invalid, "", "the credential hash key is not 64 hex digits")
		}
		return layers{[]layer{{Key: first, Stage: inUse}}}, nil
	}
	var l layers
	if err := json.Unmarshal(b, &l); err != nil {
		return layers{}, fault.New(fault.Invalid, "sitekey.layers", "what is kept as the credential hash key is none")
	}
	return l, l.check()
}

func (l layers) check() error {
	for i, one := range l.Layers {
		if one.Stage != inUse && (one.Stage != announced || i == 0 || i != len(l.Layers)-1) {
			return fault.New(fault.Invalid, "sitekey.layers", fmt.Sprintf("layer %d of the credential hash key is %q", i+1, one.Stage))
		}
	}
	_, err := credential.NewHashKeys(l.keys())
	return err
}

// keys are the bytes of all layers.
func (l layers) keys() [][]byte {
	keys := make([][]byte, len(l.Layers))
	for i, one := range l.Layers {
		keys[i] = one.Key
	}
	return keys
}

// used are the layers in use, one at least.
func (l layers) used() layers {
	if _, ok := l.next(); ok {
		return layers{l.Layers[:len(l.Layers)-1]}
	}
	return l
}

// newest layer, announced or in use.
func (l layers) newest() layer { return l.Layers[len(l.Layers)-1] }

// next is the announced layer; false when none is.
func (l layers) next() (layer, bool) { return l.newest(), l.newest().Stage == announced }

// openHashKey keeps a key that was never replaced as 64 hex digits, as it always was.
func (k *Keys) openHashKey() error {
	fresh := func() ([]byte, error) { return []byte(hex.EncodeToString(newLayer(inUse, Act{}).Key)), nil }
	return open(k.vault, hashKey, fresh, parseLayers, k.installHashKey)
}

// installHashKey has layers serve.
func (k *Keys) installHashKey(l layers) (err error) {
	k.hash = func() layers { return l }
	k.cards, err = credential.NewHashKeys(l.used().keys())
	return err
}

// HashKey makes keys of card numbers, and has the layers in use.
func (k *Keys) HashKey() credential.HashKey { return k.cards }

// SealHashKey seals all layers of the credential hash key to a controller's box key, one after the other, oldest first. The announced one is
// among them: a controller has it before anything is hashed under it.
func (k *Keys) SealHashKey(controller string, box []byte) ([]byte, error) {
	return pki.SealTo(box, pki.HashKeyInfo(k.cfg.Site, controller), bytes.Join(k.hash().keys(), nil))
}

// HashKeys are the fingerprints of all layers of the credential hash key, oldest first, the announced one among them.
func (k *Keys) HashKeys() []string {
	var ids []string
	for _, l := range k.hash().Layers {
		ids = append(ids, l.fingerprint())
	}
	return ids
}

// HashKeyRotation is how the credential hash key is replaced: by the first two steps, since none is ever retired.
func (k *Keys) HashKeyRotation() Rotation { return layering{k.hash(), k} }

// layering is the Rotation of the layers.
type layering struct {
	layers
	keys *Keys
}

// Take is Rotation.Take.
func (l layering) Take(s Step, a Act) error {
	next, err := turn(l.keys.vault, hashKey, l.layers, a, func(now layers) (layers, error) {
		switch s { //nolint:exhaustive // it has no others
		case Announce:
			return now.announce(a)
		case Use:
			return now.use(a)
		}
		return now, noStep("credential hash key", s)
	})
	if err != nil {
		return err
	}
	return l.keys.installHashKey(next)
}

// announce adds a layer that controllers are given.
func (l layers) announce(a Act) (layers, error) {
	if next, ok := l.next(); ok {
		return l, fault.New(fault.Conflict, "sitekey.step", "the credential hash key "+next.fingerprint()+" is announced: end that change first")
	}
	if len(l.Layers) == credential.MaxLayers {
		return l, fault.New(fault.Conflict, "sitekey.layers", fmt.Sprintf("the credential hash key has %d layers, and can have no more", len(l.Layers)))
	}
	return layers{append(l.Layers[:len(l.Layers):len(l.Layers)], newLayer(announced, a))}, nil
}

// use has cards hashed under the announced layer too.
func (l layers) use(a Act) (layers, error) {
	next, ok := l.next()
	if !ok {
		return l, fault.New(fault.Conflict, "sitekey.step", "no credential hash key is announced")
	}
	used := l.used().Layers
	return layers{append(used[:len(used):len(used)], layer{next.Key, inUse, a})}, nil
}

// Believed is Rotation.Believed.
func (l layering) Believed() []string { return l.keys.HashKeys() }

// All is Rotation.All.
func (l layering) All() []string { return l.keys.HashKeys() }

// Announced is Rotation.Announced.
func (l layering) Announced() (string, bool) {
	next, ok := l.next()
	if !ok {
		return "", false
	}
	return next.fingerprint(), true
}

// Leaving is Rotation.Leaving: none ever is.
func (layering) Leaving() (string, bool) { return "", false }

// Since is Rotation.Since.
func (l layering) Since() time.Time {
	next, ok := l.next()
	if !ok {
		return time.Time{}
	}
	return next.Act.At
}

// hashEntries are which layer is in use, and which is announced or was the last one to be. An announced one is never taken back.
func (k *Keys) hashEntries() []Entry {
	as := func(purpose string, l layer, s key.State) Entry {
		return Entry{Key: key.Key{Purpose: purpose, Algorithm: "HMAC-SHA256", Fingerprint: l.fingerprint(), State: s}, Why: l.Act.Why()}
	}
	newest := k.hash().used().newest()
	now, next := as(key.CredentialHash, newest, key.Active), as(key.CredentialHashNext, newest, key.Retired) // it was the next one, and serves now
	switch announced, ok := k.hash().next(); {
	case ok:
		next = as(key.CredentialHashNext, announced, key.Active)
	case newest.Act.At.IsZero():
		next.Fingerprint = ""
	}
	now.Known, next.Known, next.Optional = k.HashKeys()[:len(k.hash().used().Layers)], k.HashKeys(), true
	return []Entry{now, next}
}
