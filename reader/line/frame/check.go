package frame

import (
	"math/bits"
)

// crc16 is one CRC of 16 bits in the terms of the catalogue: https://reveng.sourceforge.io/crc-catalogue/16.htm
type crc16 struct {
	poly, init, xorOut uint16
	reflected          bool // both in and out
}

// crcs are those that readers use, by the catalogue's names.
var crcs = map[string]crc16{
	"CRC-16/ARC":      {poly: 0x8005, reflected: true},
	"CRC-16/IBM-3740": {poly: 0x1021, init: 0xFFFF}, // also known as CCITT-FALSE
	"CRC-16/IBM-SDLC": {poly: 0x1021, init: 0xFFFF, xorOut: 0xFFFF, reflected: true},
	"CRC-16/KERMIT":   {poly: 0x1021, reflected: true},
	"CRC-16/MODBUS":   {poly: 0x8005, init: 0xFFFF, reflected: true},
	"CRC-16/XMODEM":   {poly: 0x1021},
}

func (c crc16) of(b []byte) uint16 {
	crc := c.init // of the reflected ones it is the same either way round
	for _, x := range b {
		if c.reflected {
			x = bits.Reverse8(x)
		}
		crc ^= uint16(x) << 8
		for range 8 {
			top := crc&0x8000 != 0
			crc <<= 1
			if top {
				crc ^= c.poly
			}
		}
	}
	if c.reflected {
		crc = bits.Reverse16(crc)
	}
	return crc ^ c.xorOut
}

// sums are the checks of one byte: xor of all bytes (often called BCC, or LRC), their sum, and its two's complement (the LRC of ISO 1155 and
// of Modbus ASCII).
var sums = map[string]func([]byte) byte{"xor": xor, "sum": sum, "lrc": func(b []byte) byte { return -sum(b) }}

func xor(b []byte) (x byte) {
	for _, c := range b {
		x ^= c
	}
	return x
}

func sum(b []byte) (s byte) {
	for _, c := range b {
		s += c
	}
	return s
}

// of is the check over b as it stands on the line.
func (c Check) of(b []byte) []byte {
	return c.number().append(nil, c.value(b))
}

func (c Check) value(b []byte) uint64 {
	if f, ok := sums[c.Kind]; ok {
		return uint64(f(b))
	}
	return uint64(crcs[c.Kind].of(b))
}

// number is how the value is written.
func (c Check) number() Number {
	size := 2
	if _, one := sums[c.Kind]; one {
		size = 1
	}
	if c.Encoding == hexDigits {
		size *= 2
	}
	return Number{Encoding: c.Encoding, Size: size, Order: c.Order}
}
