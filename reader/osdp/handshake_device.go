package osdp

import (
	"crypto/aes"
	"fmt"
	"io"
)

// DeviceHandshake is a device's side of a handshake between its answer to CHLNG and the SCRYPT that must come
// next. Any other command, or OfflineAfter, ends it.
type DeviceHandshake struct {
	keys     sessionKeys
	selector byte
	server   [aes.BlockSize]byte
}

// AnswerChallenge takes a CHLNG command and returns the CCRYPT reply. The key is the device's own, or DefaultKey
// while it is in install mode and has none. ErrKey: the controller asks for the other of the two; this, like
// every error here, is answered with NAK NakNoSession.
func AnswerChallenge(key Key, uid ClientUID, rndB RND, challenge Frame) (DeviceHandshake, Frame, error) {
	if err := expect(challenge, false, CmdChallenge, SCS11, len(RND{})); err != nil {
		return DeviceHandshake{}, Frame{}, err
	}
	if challenge.BlockData[0] != selector(key) {
		return DeviceHandshake{}, Frame{}, fmt.Errorf("controller's key selector 0x%02X: %w", challenge.BlockData[0], ErrKey)
	}
	rndA := RND(challenge.Data)
	keys, err := deriveKeys(key, rndA)
	if err != nil {
		return DeviceHandshake{}, Frame{}, err
	}
	client := keys.cryptogram(rndA, rndB)
	data := append(append(append([]byte(nil), uid[:]...), rndB[:]...), client[:]...)
	reply := challenge.Answer(ReplyClientCryptogram, data)
	reply.Block, reply.BlockData = SCS12, []byte{selector(key)}
	return DeviceHandshake{keys: keys, selector: selector(key), server: keys.cryptogram(rndB, rndA)}, reply, nil
}

// Finish takes the SCRYPT command and returns the device's end of the session and the RMAC_I reply. On an error
// the handshake is to be forgotten and NAK NakNoSession answered.
func (h DeviceHandshake) Finish(command Frame) (*Session, Frame, error) {
	if err := expect(command, false, CmdServerCryptogram, SCS13, aes.BlockSize); err != nil {
		return nil, Frame{}, err
	}
	if command.BlockData[0] != h.selector {
		return nil, Frame{}, fmt.Errorf("controller's key selector 0x%02X: %w", command.BlockData[0], ErrKey)
	}
	if !sameBlock(h.server, command.Data) {
		return nil, Frame{}, fmt.Errorf("controller's cryptogram: %w", ErrCryptogram)
	}
	first := h.keys.initialMAC(h.server)
	reply := command.Answer(ReplyInitialMAC, append([]byte(nil), first[:]...))
	reply.Block, reply.BlockData = SCS14, []byte{rmacAccepted}
	return &Session{keys: h.keys, chain: first}, reply, nil
}

// Format masks the keys in every verb.
func (DeviceHandshake) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, "handshake(masked)") }
