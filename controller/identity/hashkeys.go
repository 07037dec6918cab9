package identity

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"

	"kanmon/internal/fault"
	"kanmon/internal/pki"
)

const (
	hashKeySize   = 32
	hashKeyLayers = 8 // at most
)

// parseHashKey takes layers, one after the other.
func parseHashKey(b []byte) (HashKey, error) {
	if len(b) == 0 || len(b)%hashKeySize != 0 || len(b) > hashKeyLayers*hashKeySize {
		return HashKey{}, fault.New(fault.Invalid, "identity.hash_key",
			fmt.Sprintf("a credential hash key of %d bytes, want 1 to %d times %d: enrol again", len(b), hashKeyLayers, hashKeySize))
	}
	k := newHashKey(b)
	for i, l := range k.Layers() {
		if bytes.Contains(b[:i*hashKeySize], l) {
			return HashKey{}, fault.New(fault.Invalid, "identity.hash_key", "a credential hash key with one layer twice: enrol again")
		}
	}
	return k, nil
}

// Layers are the parts of the key, oldest first.
func (k HashKey) Layers() [][]byte { return slices.Collect(slices.Chunk(k.Bytes(), hashKeySize)) }

// fingerprints name the layers to the centre.
func (k HashKey) fingerprints() []string {
	ids := []string{}
	for _, l := range k.Layers() {
		ids = append(ids, pki.HashKeyFingerprint(l))
	}
	return ids
}

// takeHashKey takes further layers of the credential hash key that the centre sent, keeps them, and only then hashes cards under them. It returns
// the identity with them, and whether there were any. What does not hold changes nothing and is said in the log: the rest of the answer may be good.
func (k *Keeper) takeHashKey(ctx context.Context, id Identity, t told) (Identity, bool) {
	if len(t.HashKeys) == 0 {
		return id, false
	}
	next, err := k.longerHashKey(id, t)
	if err != nil {
		k.cfg.Log.ErrorContext(ctx, "credential hash keys not taken", slog.Any("error", err))
		return id, false
	}
	if bytes.Equal(next.Bytes(), id.HashKey.Bytes()) {
		return id, false
	}
	id.HashKey = next
	k.mu.Lock()
	k.id.HashKey = next
	k.mu.Unlock()
	k.cfg.HashKey(next)
	k.cfg.Log.InfoContext(ctx, "the credential hash key has further layers", slog.Int("layers", len(next.Layers())))
	return id, true
}

// longerHashKey checks what the centre sent, by the authority's word for it, and saves it. The layers that are known stay where they are: without
// them cards that doors know by older policies and revocations would be strangers.
func (k *Keeper) longerHashKey(id Identity, t told) (HashKey, error) {
	keys, err := publicKeys(t.CommandKeys)
	if err != nil {
		return HashKey{}, err
	}
	if err := id.vouched(pki.Introduction{Site: id.Site, Controller: id.Key.Public(), CommandKeys: keys, HashKey: t.HashKeys}, t.Introduction); err != nil {
		return HashKey{}, err
	}
	vault, err := pki.NewVault(k.cfg.Dir, k.cfg.Sealer)
	if err != nil {
		return HashKey{}, err
	}
	b, err := openBox(vault, pki.HashKeyInfo(id.Site, id.Controller), t.HashKeys)
	if err != nil {
		return HashKey{}, err
	}
	next, err := parseHashKey(b)
	if err == nil && !bytes.HasPrefix(b, id.HashKey.Bytes()) {
		err = fault.New(fault.Conflict, "identity.hash_key", "the centre sent credential hash keys that do not go on from those known here")
	}
	if err != nil || len(b) == len(id.HashKey.Bytes()) {
		return next, err
	}
	return next, vault.Save(hashKey, b)
}

// vouched checks the word of an authority that is believed.
func (id Identity) vouched(i pki.Introduction, sig []byte) (err error) {
	for _, ca := range id.Authorities {
		if err = i.Verify(ca, sig); err == nil {
			return nil
		}
	}
	return err
}

// openBox opens what was sealed to this controller.
func openBox(vault *pki.Vault, info string, sealed []byte) ([]byte, error) {
	b, err := vault.Load(boxKey)
	if err != nil {
		return nil, err
	}
	box, err := pki.ParseBoxKey(b)
	if err != nil {
		return nil, err
	}
	return box.Open(info, sealed)
}
