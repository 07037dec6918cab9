package device

import (
	"crypto/ed25519"
	"testing"
)

// Who read a key just before it was revoked, and remembers it just after, would let the revoked one in for ever.
func TestAKeyReadBeforeAChangeIsNotRememberedAfterIt(t *testing.T) {
	var k keyring
	_, before := k.get("ctl-1")
	k.forget("ctl-2") // any change counts
	k.put("ctl-1", make(ed25519.PublicKey, ed25519.PublicKeySize), before)
	kept, now := k.get("ctl-1")
	if kept != nil {
		t.Fatal("remembered")
	}
	k.put("ctl-1", make(ed25519.PublicKey, ed25519.PublicKeySize), now)
	if kept, _ = k.get("ctl-1"); kept == nil {
		t.Fatal("not remembered without a change")
	}
}
