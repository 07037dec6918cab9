package wire

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"kanmon/internal/access"
	"kanmon/internal/fault"
)

// Sealer signs entries of the revocation set one by one, so that each proves by itself, wherever it is kept and however old, that the
// centre made it. A seal is the id of the key, a full stop and the Ed25519 signature in base64 (URL alphabet, no padding), over the lines
//
//	kanmon revocation v1
//	site
//	epoch n key-in-hex state card
//
// It is safe for concurrent use, and remembers what it has sealed: a new controller is sent years of lost cards.
type Sealer struct {
	site string
	by   Signer

	mu   sync.Mutex
	made map[access.Revocation]string
}

// mostSeals bounds the memory of a Sealer.
const mostSeals = 50_000

// NewSealer seals with the centre's key.
func NewSealer(site string, by Signer) *Sealer {
	return &Sealer{site: site, by: by, made: map[access.Revocation]string{}}
}

// Seal fills in the seal of every entry of a list.
func (s *Sealer) Seal(list []access.Revocation) {
	for i, r := range list {
		list[i].Seal = s.seal(r)
	}
}

func (s *Sealer) seal(r access.Revocation) string {
	r.Seal = ""
	s.mu.Lock()
	defer s.mu.Unlock()
	if seal, there := s.made[r]; there {
		return seal
	}
	if len(s.made) >= mostSeals {
		clear(s.made)
	}
	seal := s.by.KeyID() + "." + base64.RawURLEncoding.EncodeToString(s.by.Sign(statement(s.site, r)))
	s.made[r] = seal
	return seal
}

// CheckSeal verifies the seal of an entry of a site. An entry without one, or with another's, is fault.Denied.
func CheckSeal(site string, r access.Revocation, keys Keys) error {
	id, text, _ := strings.Cut(r.Seal, ".")
	sig, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || r.Seal == "" {
		return fault.New(fault.Denied, "wire.seal", fmt.Sprintf("revocation %d.%d without the centre's seal", r.Version.Epoch, r.Version.N))
	}
	return verify(id, sig, statement(site, r), keys)
}

func statement(site string, r access.Revocation) []byte {
	b := append([]byte("kanmon revocation v1\n"), site...)
	b = strconv.AppendUint(append(b, '\n'), r.Version.Epoch, 10)
	b = strconv.AppendUint(append(b, ' '), r.Version.N, 10)
	b = hex.AppendEncode(append(b, ' '), r.Key[:])
	b = append(append(append(b, ' '), r.State...), ' ')
	return append(append(b, r.Card...), '\n')
}
