package osdp

import (
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
)

// Sizes in bytes, counted from the start byte to the last check byte; a mark is not counted.
const (
	MinFrame = 7    // a checksum frame without data
	MaxFrame = 1440 // nothing longer may be on the wire
	// SafeFrame is what every device takes; assume it until its capabilities say more.
	SafeFrame = 128
)

// Broadcast is the address every device takes and answers. Use it only with a single device on the line.
const Broadcast = 0x7F

// MaxAddress is the highest address of a device.
const MaxAddress = 0x7E

const (
	mark      = 0xFF
	som       = 0x53
	replyBit  = 0x80
	ctrlSeq   = 0x03
	ctrlCRC   = 0x04
	ctrlBlock = 0x08
	headLen   = 5 // start, address, length, control
)

// Frame is one message. Data is what stands between code and check bytes without the MAC; in a sealed frame it
// is encrypted. A Frame is masked when formatted: an opened one may hold a card number.
type Frame struct {
	Mark      bool   // a 0xFF went before it; a device answers with one when the command had one
	Address   byte   // 0 to 0x7F, without the reply bit
	Reply     bool   // device to controller
	Seq       uint8  // 0 to 3; 0 means start over
	Checksum  bool   // ends in the one-byte checksum instead of the CRC
	Block     Block  // NoBlock for a clear frame
	BlockData []byte // the block's own data: key selector or status, in handshake blocks only
	Code      Code
	Data      []byte
	MAC       [4]byte // on the wire only when Block.Secured()
}

// Size returns the number of bytes from the start byte to the last check byte.
func (f Frame) Size() int {
	n := headLen + 1 + len(f.Data) + f.checkLen()
	if f.Block != NoBlock {
		n += 2 + len(f.BlockData)
	}
	if f.Block.Secured() {
		n += len(f.MAC)
	}
	return n
}

func (f Frame) checkLen() int {
	if f.Checksum {
		return 1
	}
	return 2
}

// Append writes the frame as it goes on the wire behind dst. It fails, leaving dst as it was, with ErrLength over
// MaxFrame and with ErrValue for an address, number or block that cannot be written.
func (f Frame) Append(dst []byte) ([]byte, error) {
	if err := f.check(); err != nil {
		return dst, err
	}
	if f.Mark {
		dst = append(dst, mark)
	}
	start := len(dst)
	dst = f.appendAuthenticated(dst)
	if f.Block.Secured() {
		dst = append(dst, f.MAC[:]...)
	}
	if f.Checksum {
		return append(dst, Checksum(dst[start:])), nil
	}
	return binary.LittleEndian.AppendUint16(dst, CRC(dst[start:])), nil
}

func (f Frame) check() error {
	if n := f.Size(); n > MaxFrame {
		return fmt.Errorf("%w: frame of %d bytes, at most %d", ErrLength, n, MaxFrame)
	}
	if f.Address > Broadcast || f.Seq > ctrlSeq {
		return fmt.Errorf("%w: address 0x%02X sequence %d", ErrValue, f.Address, f.Seq)
	}
	if len(f.BlockData) > 0xFF-2 || f.Block == NoBlock && len(f.BlockData) > 0 {
		return fmt.Errorf("%w: block 0x%02X with %d bytes", ErrValue, byte(f.Block), len(f.BlockData))
	}
	return nil
}

// appendAuthenticated writes what a MAC covers: the start byte to the last byte of data, with the final length.
func (f Frame) appendAuthenticated(dst []byte) []byte {
	address, ctrl := f.Address, f.Seq
	if f.Reply {
		address |= replyBit
	}
	if !f.Checksum {
		ctrl |= ctrlCRC
	}
	if f.Block != NoBlock {
		ctrl |= ctrlBlock
	}
	dst = append(dst, som, address)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(f.Size()))
	dst = append(dst, ctrl)
	if f.Block != NoBlock {
		dst = append(dst, byte(2+len(f.BlockData)), byte(f.Block))
		dst = append(dst, f.BlockData...)
	}
	dst = append(dst, byte(f.Code))
	return append(dst, f.Data...)
}

// Answer returns the clear reply to a command: same address, sequence number, mark and kind of check bytes.
func (f Frame) Answer(code Code, data []byte) Frame {
	return Frame{Mark: f.Mark, Address: f.Address, Reply: true, Seq: f.Seq, Checksum: f.Checksum, Code: code, Data: data}
}

// AnswerBusy returns the BUSY reply to a command. It is always clear and has number 0, also inside a session, and
// it changes nothing: a device decides on it before it opens the command or remembers it.
func (f Frame) AnswerBusy() Frame {
	b := f.Answer(ReplyBusy, nil)
	b.Seq = 0
	return b
}

// MayBeClear reports whether a frame of this code may go without a session when the device has a key of its own:
// only what leads to a session, and what refuses one.
func (f Frame) MayBeClear() bool {
	if !f.Reply {
		switch f.Code {
		case CmdID, CmdCapabilities, CmdChallenge, CmdServerCryptogram:
			return true
		default:
			return false
		}
	}
	switch f.Code {
	case ReplyID, ReplyCapabilities, ReplyClientCryptogram, ReplyInitialMAC, ReplyNak, ReplyBusy:
		return true
	default:
		return false
	}
}

// String names the frame without its data: "RAW address 1 sequence 2 block 0x18, 16 bytes".
func (f Frame) String() string {
	s := fmt.Sprintf("%s address %d sequence %d", f.Code.Name(f.Reply), f.Address, f.Seq)
	if f.Block != NoBlock {
		s += fmt.Sprintf(" block 0x%02X", byte(f.Block))
	}
	return fmt.Sprintf("%s, %d bytes", s, len(f.Data))
}

// Format masks the data in every verb.
func (f Frame) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, f.String()) }

// LogValue masks the data in logs.
func (f Frame) LogValue() slog.Value { return slog.StringValue(f.String()) }
