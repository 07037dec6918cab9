package osdp

import (
	"crypto/aes"
	"fmt"
	"io"
)

// ControllerHandshake is a controller's side of the handshake. It has no state: Challenge goes out, Prove takes
// the answer and gives what goes out next, Finish takes the last answer and gives the session. A failure at any
// step means to wait, draw a new RND.A and start again; never to go on in clear or with the default key.
type ControllerHandshake struct {
	key  Key
	keys sessionKeys
	rndA RND
}

// NewControllerHandshake prepares a handshake under the device's key with a fresh random number.
func NewControllerHandshake(key Key, rndA RND) (ControllerHandshake, error) {
	keys, err := deriveKeys(key, rndA)
	if err != nil {
		return ControllerHandshake{}, err
	}
	return ControllerHandshake{key: key, keys: keys, rndA: rndA}, nil
}

// Challenge returns the CHLNG command; address, number and mark are the caller's to fill in.
func (h ControllerHandshake) Challenge() Frame {
	return Frame{Block: SCS11, BlockData: []byte{selector(h.key)}, Code: CmdChallenge, Data: append([]byte(nil), h.rndA[:]...)}
}

// ControllerProof is a handshake in which the device has proved that it holds the key.
type ControllerProof struct {
	handshake ControllerHandshake
	uid       ClientUID
	server    [aes.BlockSize]byte
}

// Prove checks the device's answer to the challenge. ErrKey: it speaks of another key than the one asked for;
// ErrCryptogram: it does not hold the key. Either deserves an alarm.
func (h ControllerHandshake) Prove(reply Frame) (ControllerProof, error) {
	if err := expect(reply, true, ReplyClientCryptogram, SCS12, 32); err != nil {
		return ControllerProof{}, err
	}
	if reply.BlockData[0] != selector(h.key) {
		return ControllerProof{}, fmt.Errorf("device's key selector 0x%02X: %w", reply.BlockData[0], ErrKey)
	}
	rndB := RND(reply.Data[8:16])
	if !sameBlock(h.keys.cryptogram(h.rndA, rndB), reply.Data[16:]) {
		return ControllerProof{}, fmt.Errorf("device's cryptogram: %w", ErrCryptogram)
	}
	return ControllerProof{handshake: h, uid: ClientUID(reply.Data[:8]), server: h.keys.cryptogram(rndB, h.rndA)}, nil
}

// ClientUID returns what the device calls itself.
func (p ControllerProof) ClientUID() ClientUID { return p.uid }

// Command returns the SCRYPT command, which follows CHLNG with no other command between.
func (p ControllerProof) Command() Frame {
	return Frame{
		Block: SCS13, BlockData: []byte{selector(p.handshake.key)}, Code: CmdServerCryptogram,
		Data: append([]byte(nil), p.server[:]...),
	}
}

// Finish checks the device's last answer, its R-MAC-I included, and opens the session.
func (p ControllerProof) Finish(reply Frame) (*Session, error) {
	if err := expect(reply, true, ReplyInitialMAC, SCS14, aes.BlockSize); err != nil {
		return nil, err
	}
	if s := reply.BlockData[0]; s != rmacAccepted && s != rmacAccepted0 {
		return nil, fmt.Errorf("device refuses, status 0x%02X: %w", s, ErrKey)
	}
	first := p.handshake.keys.initialMAC(p.server)
	if !sameBlock(first, reply.Data) {
		return nil, fmt.Errorf("device's R-MAC-I: %w", ErrCryptogram)
	}
	return &Session{keys: p.handshake.keys, chain: first, controller: true}, nil
}

// Format masks the keys in every verb.
func (ControllerHandshake) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, "handshake(masked)") }

// Format masks the keys in every verb.
func (ControllerProof) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, "handshake(masked)") }
