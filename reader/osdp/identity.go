package osdp

import (
	"encoding/binary"
	"fmt"
)

// PDID is the answer to ID: what a device says it is. Asked in clear it proves nothing; ask again in the session.
type PDID struct {
	OUI      [3]byte // maker, in wire order
	Model    byte
	Version  byte
	Serial   uint32
	Firmware [3]byte // major, minor, build
}

const pdidSize = 12

// Append writes the payload of a PDID reply.
func (p PDID) Append(dst []byte) []byte {
	dst = append(append(dst, p.OUI[:]...), p.Model, p.Version)
	return append(binary.LittleEndian.AppendUint32(dst, p.Serial), p.Firmware[:]...)
}

// ParsePDID reads a PDID reply.
func ParsePDID(data []byte) (PDID, error) {
	if err := wantLen("PDID", data, pdidSize); err != nil {
		return PDID{}, err
	}
	return PDID{
		OUI: [3]byte(data), Model: data[3], Version: data[4],
		Serial: binary.LittleEndian.Uint32(data[5:]), Firmware: [3]byte(data[9:]),
	}, nil
}

// ClientUID is what a device of this package calls itself in a handshake: maker, model and serial number.
func (p PDID) ClientUID() ClientUID {
	u := ClientUID{p.OUI[0], p.OUI[1], p.OUI[2], p.Model}
	binary.LittleEndian.PutUint32(u[4:], p.Serial)
	return u
}

// RequestStandard is the parameter byte of ID and CAP.
const RequestStandard = 0x00

// ParseRequest reads the parameter byte of an ID or CAP command; some controllers leave it out and mean
// RequestStandard. Another kind of identification is ErrValue.
func ParseRequest(data []byte) error {
	switch {
	case len(data) > 1:
		return fmt.Errorf("parameter: %w: %d bytes", ErrLength, len(data))
	case len(data) == 1 && data[0] != RequestStandard:
		return fmt.Errorf("parameter: %w: kind %d", ErrValue, data[0])
	}
	return nil
}
