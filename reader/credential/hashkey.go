package credential

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"kanmon/internal/access"
	"kanmon/internal/fault"
)

// MaxLayers bounds how often a site's credential hash key is replaced.
const MaxLayers = 8

// HashKey is the site's credential hash key (docs/architecture.md, Keys). Nobody keeps card numbers, so a new key cannot take the place of the
// one before: it is a further layer, under which the hash by the layer before is hashed again. The zero HashKey is no key: hashing under it
// panics rather than let everybody guess.
type HashKey struct {
	layers func() [][32]byte // oldest first; a function is printed as an address
}

// NewHashKey takes 32 bytes from the key store: a key that was never replaced.
func NewHashKey(b []byte) (HashKey, error) { return NewHashKeys([][]byte{b}) }

// NewHashKeys takes 1 to MaxLayers layers of 32 bytes, oldest first. No two are the same.
func NewHashKeys(list [][]byte) (HashKey, error) {
	if len(list) == 0 || len(list) > MaxLayers {
		return HashKey{}, fault.New(fault.Invalid, "key.layers", fmt.Sprintf("credential hash key of %d layers, want 1 to %d", len(list), MaxLayers))
	}
	layers := make([][32]byte, 0, len(list))
	for _, b := range list {
		if len(b) != 32 {
			return HashKey{}, fault.New(fault.Invalid, "key.length", fmt.Sprintf("credential hash key of %d bytes, want 32", len(b)))
		}
		if slices.Contains(layers, [32]byte(b)) {
			return HashKey{}, fault.New(fault.Invalid, "key.layers", "a credential hash key with one layer twice")
		}
		layers = append(layers, [32]byte(b))
	}
	return HashKey{func() [][32]byte { return layers }}, nil
}

// first is the layer under which numbers are hashed.
func (k HashKey) first() []byte {
	if k.layers == nil {
		panic("credential: hashed without a key")
	}
	first := k.layers()[0]
	return first[:]
}

const rehash = "kanmon credential re-hash v1\n"

// Forms are all forms of a credential of which only the first is known (Credential.Key), newest first. Under each further layer it is
// HMAC-SHA256(layer, "kanmon credential re-hash v1\n" || the form before).
func (k HashKey) Forms(base access.Key) []access.Key {
	if k.layers == nil {
		panic("credential: hashed without a key")
	}
	layers := k.layers()
	forms := make([]access.Key, len(layers))
	last := len(forms) - 1
	forms[last] = base
	for i, layer := range layers[1:] {
		m := hmac.New(sha256.New, layer[:])
		m.Write([]byte(rehash))
		m.Write(forms[last-i][:])
		forms[last-i-1] = access.Key(m.Sum(nil))
	}
	return forms
}

const keyMask = "key(masked)"

// String masks the key.
func (HashKey) String() string { return keyMask }

// Format masks the key under every verb of package fmt.
func (HashKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, keyMask) }

// LogValue masks the key.
func (HashKey) LogValue() slog.Value { return slog.StringValue(keyMask) }

// MarshalText refuses.
func (HashKey) MarshalText() ([]byte, error) { return nil, errors.New("a key is not marshalled") }
