package lifecycletest

import (
	"crypto/ed25519"
	"crypto/sha256"

	"kanmon/internal/wire"
)

// Signer signs messages; it is a wire.Signer.
type Signer struct{ key ed25519.PrivateKey }

// DeviceSigner signs as a controller does that was enrolled with the key DeviceKey gives.
func DeviceSigner(controller string) Signer { return Signer{DeviceKey(controller)} }

// CentreSigner signs as the centre of a test does.
func CentreSigner() Signer {
	seed := sha256.Sum256([]byte("command key of the centre"))
	return Signer{ed25519.NewKeyFromSeed(seed[:])}
}

// Public is the key that checks what is signed.
func (s Signer) Public() ed25519.PublicKey { return s.key.Public().(ed25519.PublicKey) } //nolint:forcetypeassert // it is

// KeyID names the key.
func (s Signer) KeyID() string { return wire.KeyID(s.Public()) }

// Sign signs.
func (s Signer) Sign(message []byte) []byte { return ed25519.Sign(s.key, message) }

// Seals seals as the centre of a test does.
func Seals() *wire.Sealer { return wire.NewSealer("demo", CentreSigner()) }
