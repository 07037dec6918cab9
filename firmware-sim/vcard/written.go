package vcard

import (
	"encoding/binary"
	"fmt"
)

// OfService is a FeliCa card that has a credential of a service in its first block: system code, service code and the bytes, which begin there after
// some others.
func OfService(value []byte, idm [8]byte, from int) (*FeliCa, error) {
	if len(value) < 5 || from < 0 || from+len(value)-4 > 16 {
		return nil, fmt.Errorf("no block holds %d bytes from byte %d", len(value)-4, from)
	}
	var b Block
	copy(b[from:], value[4:])
	services := map[uint16][]Block{binary.BigEndian.Uint16(value[2:]): {b}}
	return &FeliCa{IDm: idm, Systems: []System{{Code: binary.BigEndian.Uint16(value), Services: services}}}, nil
}
