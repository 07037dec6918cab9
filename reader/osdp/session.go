package osdp

import (
	"crypto/aes"
	"crypto/subtle"
	"fmt"
	"io"
)

// Session is the secured part of a conversation, at one end of it. The controller's end seals commands and opens
// replies, the device's end opens commands and seals replies, strictly in turn: each MAC continues from the
// MAC of the frame before it, which went the other way.
//
// A Session moves only when a frame was sealed or opened. Seal is called once for each command or reply; to
// repeat, send the same bytes. When Open refuses a frame the session is over (there is no second guess at a
// short MAC) and everything after that fails with ErrEnded; ErrTurn alone leaves it as it was. It is for one
// goroutine, and masked when formatted.
type Session struct {
	keys       sessionKeys
	chain      chain
	controller bool
	replyNext  bool
	over       bool
}

// Seal turns a clear frame into a secured one: it chooses the block, encrypts the data and computes the MAC.
func (s *Session) Seal(f Frame) (Frame, error) {
	if err := s.turn(f, s.controller); err != nil {
		return Frame{}, err
	}
	if f.Block != NoBlock || f.Reply && f.Code == ReplyBusy {
		return Frame{}, fmt.Errorf("seal %v: %w", f, ErrBlock)
	}
	f.Block = sealedBlock(f.Reply, len(f.Data) > 0)
	if len(f.Data) > 0 {
		f.Data = s.keys.encrypt(s.chain, f.Data)
	}
	if err := f.check(); err != nil {
		return Frame{}, fmt.Errorf("seal %v: %w", f, err)
	}
	full := s.mac(f)
	copy(f.MAC[:], full[:])
	s.step(full)
	return f, nil
}

// Open checks and decrypts a secured frame from the other end and returns it clear, with Block as received so
// that a reply may be judged by it. Nothing of a frame that Open refuses may be used.
//
// The caller has already judged the sequence number. A clear BUSY must not come here: it changes nothing. A clear
// NAK means that the device has no session any more; like every clear frame it ends this one.
func (s *Session) Open(f Frame) (Frame, error) {
	if err := s.turn(f, !s.controller); err != nil {
		return Frame{}, err
	}
	full := s.mac(f)
	clear, err := s.open(f, full)
	if err != nil {
		s.over = true
		return Frame{}, fmt.Errorf("open %v: %w", f, err)
	}
	s.step(full)
	f.Data = clear
	return f, nil
}

func (s *Session) open(f Frame, full chain) ([]byte, error) {
	if !f.Block.Secured() || len(f.BlockData) > 0 {
		return nil, ErrBlock
	}
	if subtle.ConstantTimeCompare(full[:len(f.MAC)], f.MAC[:]) != 1 {
		return nil, ErrMAC
	}
	if clearInSession(f) {
		return f.Data, nil
	}
	if f.Block != sealedBlock(f.Reply, len(f.Data) > 0) || needsEncryption(f) {
		return nil, ErrBlock
	}
	if len(f.Data) == 0 {
		return nil, nil
	}
	if len(f.Data)%aes.BlockSize != 0 {
		return nil, ErrLength
	}
	clear, err := s.keys.decrypt(s.chain, f.Data)
	if err == nil && len(clear) == 0 {
		return nil, ErrBlock // nothing was encrypted: that is what the other block type is for
	}
	return clear, err
}

// turn refuses a frame that is not this end's to seal or open now. commands says which direction the caller is
// about to handle.
func (s *Session) turn(f Frame, commands bool) error {
	switch {
	case s.over:
		return ErrEnded
	case f.Reply == commands, f.Reply != s.replyNext:
		return ErrTurn
	}
	return nil
}

func (s *Session) step(full chain) { s.chain, s.replyNext = full, !s.replyNext }

func (s *Session) mac(f Frame) chain {
	return s.keys.mac(s.chain, f.appendAuthenticated(make([]byte, 0, f.Size())))
}

// End closes the session from this side, as number 0, a clear frame or a long silence demand.
func (s *Session) End() { s.over = true }

// Ended reports whether the session is over.
func (s *Session) Ended() bool { return s.over }

// Format masks keys and chain in every verb.
func (s *Session) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, "session(masked)") }

func sealedBlock(reply, data bool) Block {
	switch {
	case reply && data:
		return SCS18
	case reply:
		return SCS16
	case data:
		return SCS17
	default:
		return SCS15
	}
}

// clearInSession names the one deviation accepted: libosdp's reader answers a status command with an authentic
// frame of the command's block type and unencrypted data. No other code, and never a card or a key press.
func clearInSession(f Frame) bool {
	if !f.Reply || f.Block != SCS15 || len(f.Data) == 0 {
		return false
	}
	switch f.Code {
	case ReplyLocalStatus, ReplyInputStatus, ReplyOutputStatus, ReplyReaderStatus:
		return true
	default:
		return false
	}
}

// needsEncryption reports a reply whose data is secret and that came without any.
func needsEncryption(f Frame) bool {
	return f.Reply && (f.Code == ReplyRaw || f.Code == ReplyKeypad) && f.Block != SCS18
}
