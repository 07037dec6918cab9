package credential

import (
	"math/bits"

	"kanmon/internal/access"
)

// layout is a way in which parity is laid over card bits: even over the first ones, with the first bit of all, odd over the last ones, with the last bit.
type layout struct {
	bits int
	half int // bits under each parity bit, that one not counted
}

// layouts are those of which only one is in use at its length. Number and site code are not told apart: the registers know a card by all its bits.
//
//	26  H10301           P + 8 + 16 + P, parity over 12 and 12 (HID Understanding Card Data Formats)
//	34  H10306           P + 16 + 16 + P, over 16 and 16
//	37  H10302, H10304   P + 35 + P, over 18 and 18: the middle bit is under both
var layouts = []layout{{26, 12}, {34, 16}, {37, 18}}

func layoutOf(count int) (layout, bool) {
	for _, l := range layouts {
		if l.bits == count {
			return l, true
		}
	}
	return layout{}, false
}

// HasParity reports whether a layout with parity is known for card bits of a length.
func HasParity(count int) bool { _, known := layoutOf(count); return known }

// parityOf is whether card bits satisfy the layout of their length; empty where none is known, and of other formats.
func parityOf(n *number) access.Parity {
	l, known := layoutOf(int(n.bits))
	switch {
	case n.format != Bits || !known:
		return ""
	case n.ones(0, l.half+1)%2 == 0 && n.ones(l.bits-l.half-1, l.bits)%2 == 1:
		return access.ParityRight
	default:
		return access.ParityWrong
	}
}

// ones counts the bits that are set from one position to before another.
func (n *number) ones(from, to int) (count int) {
	for i := from; i < to; i++ {
		count += bits.OnesCount8(n.value[i/8] & (0x80 >> (i % 8)))
	}
	return count
}
