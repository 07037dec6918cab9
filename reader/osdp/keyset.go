package osdp

import "fmt"

// KeySet is a KEYSET command: the base key that a device is to use from the next handshake on. It goes only inside a session
// under a key of the device's own, and so always encrypted: Session seals it in SCS_17 and opens it from nothing else.
type KeySet struct {
	Key Key
}

const (
	keySetSCBK = 1 // the only type of key there is
	keySetHead = 2
)

// Append writes the payload of a KEYSET command. The zero KeySet writes one without a key, which every parser refuses.
func (k KeySet) Append(dst []byte) []byte {
	b := k.Key.Reveal()
	return append(append(dst, keySetSCBK, byte(len(b))), b...)
}

// ParseKeySet reads a KEYSET command. A key that could be guessed, SCBK-D among them, is ErrWeakKey. No error repeats a byte of
// the key.
func ParseKeySet(data []byte) (KeySet, error) {
	if err := wantLen("KEYSET", data, keySetHead+KeySize); err != nil {
		return KeySet{}, err
	}
	switch {
	case data[0] != keySetSCBK:
		return KeySet{}, fmt.Errorf("KEYSET: %w: type %d", ErrValue, data[0])
	case data[1] != KeySize:
		return KeySet{}, fmt.Errorf("KEYSET: %w: key of %d bytes", ErrLength, data[1])
	}
	key, err := NewKey(data[keySetHead:])
	return KeySet{Key: key}, err
}
