package frame

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Encodings and orders.
const (
	binaryBytes = "binary"
	hexDigits   = "hex"
	decimal     = "decimal"
	ascii       = "ascii"
	bcd         = "bcd"

	bigOrder    = "big"
	littleOrder = "little"
)

// append writes v, which fits: as big-endian bytes, turned round where the order is little.
func (n Number) append(to []byte, v uint64) []byte {
	if n.Encoding == decimal {
		return fmt.Appendf(to, "%0*d", n.Size, v)
	}
	count := n.Size
	if n.Encoding == hexDigits {
		count = (count + 1) / 2
	}
	b := make([]byte, count)
	for i := range b {
		b[count-1-i] = byte(v >> (8 * i))
	}
	if n.Order == littleOrder {
		slices.Reverse(b)
	}
	if n.Encoding != hexDigits {
		return append(to, b...)
	}
	digits := strings.ToUpper(hex.EncodeToString(b))
	return append(to, digits[len(digits)-n.Size:]...)
}

// read takes n.Size bytes; false where they are no digits.
func (n Number) read(b []byte) (uint64, bool) {
	if n.Encoding == decimal {
		return digits(b)
	}
	raw := slices.Clone(b)
	if n.Encoding == hexDigits {
		var err error
		if raw, err = hex.DecodeString(strings.Repeat("0", len(b)%2) + string(b)); err != nil {
			return 0, false
		}
	}
	if n.Order == littleOrder {
		slices.Reverse(raw)
	}
	var v uint64
	for _, c := range raw {
		v = v<<8 | uint64(c)
	}
	return v, true
}

// digits reads decimal digits and nothing else.
func digits(b []byte) (uint64, bool) {
	if !all(b, isDigit) {
		return 0, false
	}
	v, err := strconv.ParseUint(string(b), 10, 64)
	return v, err == nil
}

func all(b []byte, ok func(byte) bool) bool {
	return !slices.ContainsFunc(b, func(c byte) bool { return !ok(c) })
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// most is the largest number that fits.
func (n Number) most() uint64 {
	base := uint64(256)
	switch n.Encoding {
	case decimal:
		base = 10
	case hexDigits:
		base = 16
	}
	v := uint64(1)
	for range n.Size {
		v *= base
	}
	return v - 1
}
