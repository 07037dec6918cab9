// Package enrolment has the rules by which the registers of machines know one by its key: a token opens a machine to one key, a key is one machine's for
// ever, and only the key that was enrolled and not revoked counts. The tables are the registers'. It is pure.
package enrolment

import (
	"crypto/ed25519"
	"crypto/subtle"
	"encoding/hex"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/store"
)

// TokenTime is the longest a token may be good.
const TokenTime = 24 * time.Hour

// Machine is a kind of machine: Codes begins the codes of its errors, Word is what it is called in their texts.
type Machine struct{ Codes, Word string }

// Token is an open token as it is kept.
type Token struct {
	Hash, Expires string // Expires as store.FormatTime
	UsedBy        string `db:"used_by"` // hex of the key; empty: not used yet
}

// CheckToken checks a new token.
func CheckToken(hash string, expires, now time.Time) error {
	if hash == "" || !expires.After(now) || expires.After(now.Add(TokenTime)) {
		return fault.New(fault.Invalid, "device.token_time", "a token without a hash, or not good for more than nothing and at most 24 hours")
	}
	return nil
}

// MayUse checks that a key, in hex, may be enrolled with the token that has the hash. The same key may use it again: an answer may have been lost.
func (m Machine) MayUse(open Token, hash, public string, now time.Time) error {
	switch {
	case open.Hash == "" || subtle.ConstantTimeCompare([]byte(open.Hash), []byte(hash)) != 1:
		return fault.New(fault.Unauthenticated, m.Codes+".token", "no such "+m.Word+", or not its token")
	case store.FormatTime(now) >= open.Expires:
		return fault.New(fault.Unauthenticated, m.Codes+".token_expired", "the token ended "+open.Expires)
	case open.UsedBy != "" && open.UsedBy != public:
		return fault.New(fault.Conflict, m.Codes+".token_used", "another key was enrolled with the token")
	}
	return nil
}

// Free refuses a key that is or was another machine's, or was ever revoked: n is how often the register has it so.
func (m Machine) Free(n int64) error {
	if n > 0 {
		return fault.New(fault.Conflict, m.Codes+".key_taken", "the key is or was another "+m.Word+"'s, or was revoked")
	}
	return nil
}

// Known is what a register has of a machine.
type Known struct {
	Enrolled, Revoked bool
	PublicKey         string // hex
}

// Is checks that a key is the one enrolled and in force.
func (m Machine) Is(name string, k Known, public ed25519.PublicKey) error {
	switch {
	case k.Revoked:
		return m.Revoked(name)
	case !k.Enrolled:
		return fault.New(fault.Denied, m.Codes+".not_enrolled", name+" was never enrolled")
	case subtle.ConstantTimeCompare([]byte(k.PublicKey), []byte(hex.EncodeToString(public))) != 1:
		return fault.New(fault.Denied, m.Codes+".other_key", name+" is enrolled with another key")
	}
	return nil
}

// Revoked is the error about a machine that was thrown out.
func (m Machine) Revoked(name string) error {
	return fault.New(fault.Denied, m.Codes+".revoked", name+" was revoked")
}
