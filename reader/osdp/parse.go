package osdp

import (
	"encoding/binary"
	"fmt"
)

// ParseFrame reads one frame that starts at b[0] and fills b exactly, check bytes included, without a mark. The
// result shares no memory with b. Reserved control bits and a block of type 0 are refused: what is accepted is
// written again byte for byte by Append, which is what a MAC is computed over.
func ParseFrame(b []byte) (Frame, error) {
	if len(b) < MinFrame || len(b) > MaxFrame || b[0] != som || int(binary.LittleEndian.Uint16(b[2:])) != len(b) {
		return Frame{}, fmt.Errorf("%w: %d bytes are not one frame", ErrLength, len(b))
	}
	if !checkOK(b) {
		return Frame{}, ErrCheck
	}
	return parseChecked(b)
}

// checkOK verifies the CRC or checksum of a frame of at least MinFrame bytes.
func checkOK(b []byte) bool {
	if b[4]&ctrlCRC == 0 {
		return Checksum(b) == 0
	}
	n := len(b) - 2
	return CRC(b[:n]) == binary.LittleEndian.Uint16(b[n:])
}

// parseChecked reads a frame whose length and check bytes are known to fit.
func parseChecked(b []byte) (Frame, error) {
	f := Frame{
		Address: b[1] &^ replyBit, Reply: b[1]&replyBit != 0,
		Seq: b[4] & ctrlSeq, Checksum: b[4]&ctrlCRC == 0,
	}
	if b[4]&^(ctrlSeq|ctrlCRC|ctrlBlock) != 0 {
		return Frame{}, fmt.Errorf("%w: reserved control bits 0x%02X", ErrValue, b[4])
	}
	body := append([]byte(nil), b[headLen:len(b)-f.checkLen()]...)
	var err error
	if b[4]&ctrlBlock != 0 {
		if body, err = f.takeBlock(body); err != nil {
			return Frame{}, err
		}
	}
	if f.Block.Secured() {
		if body, err = f.takeMAC(body); err != nil {
			return Frame{}, err
		}
	}
	if len(body) == 0 {
		return Frame{}, fmt.Errorf("%w: no code", ErrLength)
	}
	f.Code, f.Data = Code(body[0]), body[1:]
	return f, nil
}

func (f *Frame) takeBlock(body []byte) ([]byte, error) {
	if len(body) < 2 || body[0] < 2 || int(body[0]) > len(body) {
		return nil, fmt.Errorf("%w: security block does not fit", ErrLength)
	}
	if f.Block = Block(body[1]); f.Block == NoBlock {
		return nil, fmt.Errorf("%w: security block of type 0", ErrValue)
	}
	f.BlockData = body[2:body[0]:body[0]]
	return body[body[0]:], nil
}

func (f *Frame) takeMAC(body []byte) ([]byte, error) {
	n := len(body) - len(f.MAC)
	if n < 1 {
		return nil, fmt.Errorf("%w: no room for the MAC", ErrLength)
	}
	copy(f.MAC[:], body[n:])
	return body[:n:n], nil
}
