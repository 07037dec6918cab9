package osdp

import "bytes"

// NextSeq returns the number that follows one: 0, 1, 2, 3, 1, 2, 3 and so on. Zero is not in the cycle; a
// controller starts with it, and goes back to it, to say "start over".
func NextSeq(seq uint8) uint8 { return seq%3 + 1 }

// Match says what a received frame is to a controller that waits for the reply to a command.
type Match uint8

// Matches.
const (
	MatchReply   Match = iota + 1 // the reply; with a session up, open it before believing it
	MatchBusy                     // the device asks for a repeat of the same bytes later; nothing moves
	MatchForeign                  // own echo, another device, or an old reply: discard it and keep waiting
	MatchLost                     // the device lost its place: start over with number 0 and a new handshake
)

// JudgeReply says what got is to a controller that sent command and waits.
func JudgeReply(command, got Frame) Match {
	if !got.Reply || got.Address != command.Address && command.Address != Broadcast {
		return MatchForeign
	}
	clearCode := got.Block == NoBlock
	switch {
	case clearCode && got.Code == ReplyBusy && (got.Seq == 0 || got.Seq == command.Seq):
		return MatchBusy
	case clearCode && got.Code == ReplyNak && len(got.Data) > 0 && NakCode(got.Data[0]) == NakSequence:
		return MatchLost // some devices put their own number into this one
	case got.Seq == command.Seq:
		return MatchReply
	case got.Seq == 0:
		return MatchLost
	}
	return MatchForeign
}

// Place says what a device does with a command, by its sequence number.
type Place uint8

// Places.
const (
	PlaceFresh   Place = iota + 1 // the next one: what the last reply delivered has arrived; process
	PlaceRestart                  // number 0: end the session, deliver the last event again, process
	PlaceRepeat                   // the last one again: send Reply() once more and do nothing else
	PlaceWrong                    // answer NAK NakSequence and change nothing
)

// DeviceSequence is a device's memory of the last exchange. The zero value is a device that has just started: it
// takes nothing before a command with number 0.
type DeviceSequence struct {
	started bool
	last    uint8
	command []byte
	reply   []byte
}

// Judge says what to do with a command. It changes nothing, so a device may still answer BUSY and forget it.
func (s *DeviceSequence) Judge(command Frame) Place {
	switch {
	case command.Seq == 0:
		return PlaceRestart
	case !s.started:
		return PlaceWrong
	case command.Seq == NextSeq(s.last):
		return PlaceFresh
	case command.Seq == s.last && s.reply != nil && bytes.Equal(s.command, commandBytes(command)):
		return PlaceRepeat
	}
	return PlaceWrong
}

// Answered records a processed command and the exact bytes of the reply to it, mark included.
func (s *DeviceSequence) Answered(command Frame, reply []byte) {
	s.started, s.last = true, command.Seq
	s.command = commandBytes(command)
	s.reply = append([]byte(nil), reply...)
}

// Reply returns the bytes of the last reply, to be sent again unchanged.
func (s *DeviceSequence) Reply() []byte { return s.reply }

// commandBytes is the command as received; a frame that was parsed can always be written.
func commandBytes(f Frame) []byte {
	f.Mark = false
	b, _ := f.Append(nil)
	return b
}
