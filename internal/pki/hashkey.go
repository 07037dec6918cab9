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

// HashKeyInfo binds the credential hash key, as it is sealed to a controller, to its receiver.
func HashKeyInfo(site, controller string) string {
	return "kanmon hash key v1\n" + site + "\n" + controller
}
