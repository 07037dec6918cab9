package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"

	"golang.org/x/crypto/argon2"
)

// Cost is the work of one argon2id hash.
type Cost struct {
	MemoryKiB uint32
	Passes    uint32
	Lanes     uint8
}

// DefaultCost is the second recommended choice of RFC 9106 §4: 64 MiB, 3 passes, 4 lanes, 16 byte salt, 32 byte
// tag.
func DefaultCost() Cost { return Cost{MemoryKiB: 64 * 1024, Passes: 3, Lanes: 4} }

const (
	saltLen = 16
	tagLen  = 32
)

// maxCost bounds what a stored hash may ask of this machine: a row edited to 4 TiB must not stop the centre.
var maxCost = Cost{MemoryKiB: 1 << 20, Passes: 16, Lanes: 16}

// hasher makes and checks password hashes, a few at a time: each takes the memory of its cost.
type hasher struct {
	cost  Cost
	slots chan struct{}
	dummy string // checked when there is no account, so that both answers take as long
}

const maxHashes = 2 // at once

func newHasher(cost Cost) *hasher {
	h := &hasher{cost: cost, slots: make(chan struct{}, maxHashes)}
	h.dummy = h.encode(NewPassword(rand.Text()), randomSalt())
	return h
}

// apart is a hasher of the same cost with places of its own.
func (h *hasher) apart() *hasher {
	return &hasher{cost: h.cost, slots: make(chan struct{}, maxHashes), dummy: h.dummy}
}

func randomSalt() []byte {
	salt := make([]byte, saltLen)
	_, _ = rand.Read(salt) // crypto/rand never fails: it ends the program first
	return salt
}

// hash returns the PHC string of p: $argon2id$v=19$m=65536,t=3,p=4$salt$tag.
func (h *hasher) hash(ctx context.Context, p Password) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	return h.encode(p, randomSalt()), nil
}

// matches reports whether p gives the PHC string phc. An empty or broken phc costs as much and never matches.
func (h *hasher) matches(ctx context.Context, p Password, phc string) (bool, error) {
	cost, salt, tag, err := parsePHC(phc)
	known := err == nil
	if !known {
		cost, salt, tag, _ = parsePHC(h.dummy)
	}
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer h.leave()
	got := argon2.IDKey([]byte(p.text()), salt, cost.Passes, cost.MemoryKiB, cost.Lanes, tagLen)
	return subtle.ConstantTimeCompare(got, tag) == 1 && known, nil
}

func (h *hasher) enter(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (h *hasher) leave() { <-h.slots }

func (h *hasher) encode(p Password, salt []byte) string {
	c := h.cost
	tag := argon2.IDKey([]byte(p.text()), salt, c.Passes, c.MemoryKiB, c.Lanes, tagLen)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, c.MemoryKiB, c.Passes, c.Lanes, b64.EncodeToString(salt), b64.EncodeToString(tag))
}

// digest is what a version row holds of a password hash.
func digest(phc string) string {
	sum := sha256.Sum256([]byte(phc))
	return hex.EncodeToString(sum[:])
}
