package vcard

import (
	"bytes"
	"encoding/binary"
	"sync"
)

// Block is 16 bytes of a FeliCa card.
type Block = [16]byte

// System is one system of a FeliCa card: services that can be read without encryption, each with its blocks.
type System struct {
	Code     uint16
	Services map[uint16][]Block
}

// FeliCa is a card of JIS X 6319-4 on a reader that takes its commands in a transparent session, as the data of FF 00 00 00, and as files.
type FeliCa struct {
	IDm     [8]byte
	Systems []System // the first one answers to FFFF
	mu      sync.Mutex
	session bool
	file    []Block
}

// Reset ends what was begun.
func (c *FeliCa) Reset() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session, c.file = false, nil
	return storageATR(0x11, 0x003B)
}

// Open reports whether a transparent session was left open.
func (c *FeliCa) Open() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session
}

// Answer is the reader's and the card's.
func (c *FeliCa) Answer(m []byte) Reply {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case bytes.Equal(m, getData):
		return with(c.IDm[:], ok)
	case bytes.Equal(m, sonyKind):
		return with([]byte{0x04}, ok)
	case len(m) == 7 && bytes.HasPrefix(m, []byte{0xFF, 0xA4, 0x00, 0x01, 0x02}):
		return c.selectFile(binary.LittleEndian.Uint16(m[5:]))
	case len(m) == 5 && bytes.HasPrefix(m, []byte{0xFF, 0xB0, 0x00}) && int(m[3]) < len(c.file):
		return with(c.file[m[3]][:], ok)
	case len(m) > 5 && bytes.HasPrefix(m, []byte{0xFF, 0x00, 0x00, 0x00}) && int(m[4]) == len(m)-5:
		if a := c.card(m[5:]); a != nil {
			return with(a, ok)
		}
		return with(nil, noResponse)
	case len(m) > 5 && m[0] == 0xFF && m[1] == 0xC2:
		return c.transparent(m[3], m[5:len(m)-1])
	}
	return with(nil, unknown)
}

func (c *FeliCa) selectFile(code uint16) Reply {
	blocks, there := c.Systems[0].Services[code]
	c.file = blocks
	if !there {
		return with(nil, noFile)
	}
	return with(nil, ok)
}

var objectOK = []byte{0xC0, 0x03, 0x00, 0x90, 0x00}

// transparent answers the data objects of FF C2.
func (c *FeliCa) transparent(p2 byte, objects []byte) Reply {
	switch {
	case p2 == 0 && bytes.HasPrefix(objects, []byte{0x81}):
		c.session = true
		return with(objectOK, ok)
	case p2 == 0 && bytes.HasPrefix(objects, []byte{0x82}):
		c.session = false
		return with(objectOK, ok)
	case p2 == 2 && bytes.Equal(objects, []byte{0x8F, 0x02, 0x03, 0x00}) && c.session:
		return with(append(append([]byte(nil), objectOK...), 0x8F, 0x01, 0x00), ok)
	case p2 == 1 && c.session:
		return c.exchanged(objects)
	}
	return with([]byte{0xC0, 0x03, 0x01, 0x69, 0x85}, ok)
}

func (c *FeliCa) exchanged(objects []byte) Reply {
	for len(objects) > 2 {
		tag, n := objects[0], 1
		if tag == 0x5F {
			n = 2
		}
		value := objects[n+1 : n+1+int(objects[n])]
		if tag == 0x95 {
			a := c.card(value)
			if a == nil {
				return with([]byte{0xC0, 0x03, 0x02, 0x64, 0x01, 0x92, 0x01, 0x00, 0x96, 0x02, 0x00, 0x01}, ok)
			}
			out := append(append([]byte(nil), objectOK...), 0x92, 0x01, 0x00, 0x96, 0x02, 0x00, 0x00, 0x97, 0x82, 0x00, byte(len(a)))
			return with(append(out, a...), ok)
		}
		objects = objects[n+1+int(objects[n]):]
	}
	return with([]byte{0xC0, 0x03, 0x01, 0x6A, 0x80}, ok)
}

// card answers a frame; nil is silence.
func (c *FeliCa) card(f []byte) []byte {
	switch {
	case len(f) < 2 || int(f[0]) != len(f):
		return nil
	case f[1] == 0x00 && len(f) == 6:
		return c.poll(binary.BigEndian.Uint16(f[2:]))
	case f[1] == 0x06 && len(f) > 13:
		return c.readBlocks(f[2:10], f[10:])
	}
	return nil
}

var pmm = []byte{0x01, 0x20, 0x22, 0x04, 0x27, 0x67, 0x4E, 0xFF}

func (c *FeliCa) poll(code uint16) []byte {
	for n, s := range c.Systems {
		if code == 0xFFFF || code == s.Code {
			idm := c.idm(n)
			return append(append([]byte{18, 0x01}, idm[:]...), pmm...)
		}
	}
	return nil
}

// idm of the n-th system: its number is in the first four bits.
func (c *FeliCa) idm(n int) [8]byte {
	idm := c.IDm
	idm[0] = idm[0]&0x0F | byte(n)<<4
	return idm
}

func (c *FeliCa) readBlocks(idm, ask []byte) []byte {
	flags := func(a, b byte) []byte { return append(append([]byte{12, 0x07}, idm...), a, b) }
	for n, s := range c.Systems {
		if own := c.idm(n); !bytes.Equal(own[:], idm) {
			continue
		}
		blocks, there := s.Services[binary.LittleEndian.Uint16(ask[1:])]
		if ask[0] != 1 || !there {
			return flags(0x01, 0xA6)
		}
		list := ask[4:]
		if len(list) != 2*int(ask[3]) || len(list) > 8 {
			return flags(0xFF, 0xA2)
		}
		out := append(append([]byte{0, 0x07}, idm...), 0, 0, ask[3])
		for i := 0; i < len(list); i += 2 {
			if list[i] != 0x80 || int(list[i+1]) >= len(blocks) {
				return flags(1<<(i/2), 0xA8)
			}
			out = append(out, blocks[list[i+1]][:]...)
		}
		out[0] = byte(len(out))
		return out
	}
	return nil
}
