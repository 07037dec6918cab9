package pki

import (
	"crypto/ed25519"
	"encoding/hex"
	"strings"

	"kanmon/internal/fault"
)

// Announcement is the word of one of the centre's command keys for a list of them: a controller that knows the one takes the others.
// Without it, whoever can answer in the centre's name over HTTPS could name a key of his own and open doors.
type Announcement struct {
	Key string `json:"key"` // KeyID of the key that signs
	Sig []byte `json:"sig"`
}

// Announce signs the list of command keys of a site with a key that controllers know already.
func Announce(site string, keys []ed25519.PublicKey, by SigningKey) Announcement {
	return Announcement{by.KeyID(), by.Sign(keysStatement(site, keys))}
}

func keysStatement(site string, keys []ed25519.PublicKey) []byte {
	lines := []string{"kanmon command keys v1", site}
	for _, k := range keys {
		lines = append(lines, hex.EncodeToString(k))
	}
	return []byte(strings.Join(append(lines, ""), "\n"))
}

// Verify checks the announcement of a list, in its order, by one of the keys known. An error is fault.Denied.
func (a Announcement) Verify(site string, keys, known []ed25519.PublicKey) error {
	for _, k := range known {
		if KeyID(k) == a.Key && ed25519.Verify(k, keysStatement(site, keys), a.Sig) {
			return nil
		}
	}
	return fault.New(fault.Denied, "pki.announcement", "the list of command keys is not signed by one that is known")
}
