package pki

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"slices"
	"strings"

	"kanmon/internal/fault"
)

// Announcement is the word of one of a site's command keys, or of its authority, for a list of them: a controller that knows the one takes
// the others. Without it, whoever can answer in the centre's name over HTTPS could name a key of his own and open doors.
//
// Lists are in the order in which their members came. A key never signs a list with a key that came before the ones it replaced, so no old
// announcement brings back what was retired.
type Announcement struct {
	Keys [][]byte `json:"keys"` // public keys; of authorities: their certificates, DER
	Key  string   `json:"key"`  // KeyID of the key that signs; of an authority: its pin
	Sig  []byte   `json:"sig"`
}

// Announce signs the list of command keys of a site with a key that controllers know already.
func Announce(site string, keys []ed25519.PublicKey, by SigningKey) Announcement {
	list := RawKeys(keys)
	return Announcement{list, by.KeyID(), by.Sign(statement(keysDomain, site, list))}
}

// FollowKeys is what a controller believes that knew some command keys, oldest first, once it has heard announcements in their order. What is
// not signed by a key known at its turn, or takes away one that came after the key that signs, changes nothing.
func FollowKeys(site string, known []ed25519.PublicKey, words []Announcement) []ed25519.PublicKey {
	list := follow(RawKeys(known), words, member{
		id:    func(k []byte) string { return KeyID(k) },
		whole: func(k []byte) bool { return len(k) == ed25519.PublicKeySize },
		signed: func(k []byte, a Announcement) bool {
			return ed25519.Verify(k, statement(keysDomain, site, a.Keys), a.Sig)
		},
	})
	keys := make([]ed25519.PublicKey, len(list))
	for i, k := range list {
		keys[i] = k
	}
	return keys
}

const keysDomain = "kanmon command keys v1"

// statement is what is signed of a list.
func statement(domain, site string, list [][]byte) []byte {
	lines := []string{domain, site}
	for _, k := range list {
		lines = append(lines, hex.EncodeToString(k))
	}
	return []byte(strings.Join(append(lines, ""), "\n"))
}

// member is how to deal with one kind of members of lists.
type member struct {
	id     func(m []byte) string
	whole  func(m []byte) bool                  // it has the form of one
	signed func(by []byte, a Announcement) bool // a member signed it
}

func follow(list [][]byte, words []Announcement, m member) [][]byte {
	for _, a := range words {
		by := slices.IndexFunc(list, func(k []byte) bool { return m.id(k) == a.Key })
		if by >= 0 && a.holds(list[by+1:], m.whole) && m.signed(list[by], a) {
			list = a.Keys
		}
	}
	return list
}

// maxAnnounced bounds a list; a site has two at most, while one replaces the other.
const maxAnnounced = 8

// holds checks the form of an announced list, and that it keeps the members that came after the one that signs.
func (a Announcement) holds(newer [][]byte, whole func([]byte) bool) bool {
	if len(a.Keys) == 0 || len(a.Keys) > maxAnnounced {
		return false
	}
	for _, k := range a.Keys {
		if !whole(k) {
			return false
		}
	}
	for _, n := range newer {
		if !slices.ContainsFunc(a.Keys, func(k []byte) bool { return bytes.Equal(k, n) }) {
			return false
		}
	}
	return true
}

// RawKeys are the bytes of public keys.
func RawKeys(keys []ed25519.PublicKey) [][]byte {
	list := make([][]byte, len(keys))
	for i, k := range keys {
		list[i] = k
	}
	return list
}

// Known is what a controller says it knows of the centre: which of the site's keys it has, and who issued its certificate. It signs that with
// its own key, and with it the challenge of the centre's last answer: one that is shown again says only what was true once.
type Known struct {
	Site, Controller string
	CommandKeys      []string // KeyID
	Authorities      []string // Pin
	Issuer           string   // Pin of the authority of its own certificate
	HashKeys         []string // fingerprints of its credential hash keys
	Challenge        string   // empty before the first answer
}

func (k Known) statement() []byte {
	return []byte(strings.Join([]string{
		"kanmon known keys v2", k.Site, k.Controller, strings.Join(k.CommandKeys, " "), strings.Join(k.Authorities, " "), k.Issuer,
		strings.Join(k.HashKeys, " "), k.Challenge, "",
	}, "\n"))
}

// Sign signs it with the controller's key.
func (k Known) Sign(by SigningKey) []byte { return by.Sign(k.statement()) }

// Verify checks the signature by the key the controller is enrolled with. An error is fault.Denied.
func (k Known) Verify(public ed25519.PublicKey, sig []byte) error {
	if len(public) != ed25519.PublicKeySize || !ed25519.Verify(public, k.statement(), sig) {
		return fault.New(fault.Denied, "pki.known", "what a controller says it knows is not signed by its key")
	}
	return nil
}
