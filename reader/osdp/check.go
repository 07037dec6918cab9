package osdp

// crcStart is the CRC register before the first byte: 0xFFFF fed two zero bytes.
const crcStart = 0x1D0F

var crcTable = makeCRCTable(0x1021)

func makeCRCTable(polynomial uint16) (table [256]uint16) {
	for i := range table {
		r := uint16(i) << 8
		for range 8 {
			carry := r&0x8000 != 0
			r <<= 1
			if carry {
				r ^= polynomial
			}
		}
		table[i] = r
	}
	return table
}

// CRC is the CRC-16 of a frame from its start byte on (polynomial 0x1021, start 0x1D0F, not reflected, no final
// xor; catalogue name CRC-16/SPI-FUJITSU). It is sent low byte first.
func CRC(b []byte) uint16 {
	r := uint16(crcStart)
	for _, x := range b {
		r = r<<8 ^ crcTable[byte(r>>8)^x]
	}
	return r
}

// Checksum is the byte that makes all bytes of a frame add up to zero.
func Checksum(b []byte) byte {
	var sum byte
	for _, x := range b {
		sum += x
	}
	return -sum
}
