package pki

import (
	"crypto/sha256"
	"encoding/hex"
)

// HashKeyFingerprint names a layer of the credential hash key without giving it away: it is 256 random bits.
func HashKeyFingerprint(layer []byte) string {
	h := sha256.Sum256(append([]byte("kanmon credential hash key fingerprint v1\n"), layer...))
	return hex.EncodeToString(h[:])
}
