package credential

import (
	"bytes"
	"math/bits"
	"slices"
)

// Reversed gives the other ways in which a reader may deliver the number of a read: its bytes in the other order, the bits of each byte in the other
// order, all bits complemented (data lines exchanged), with or without parity around it, as the bits of a card or as its identifier, 26 or 34 bits of the
// same four bytes. When the registers know one of them, two readers deliver one card differently, and one of them has to be set up anew. What a read is
// the only form of (a service, a text, a verdict) has none, and no read is among its own.
func Reversed(c Credential) []Credential {
	n := c.reveal()
	var all []Credential
	add := func(s Credential, err error) {
		if err == nil && s != c && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	for _, number := range n.payloads() {
		for _, order := range orders(number) {
			for _, frame := range frames(order) {
				add(frame, nil)
			}
			add(FromUID(order))
			add(FromIDm(order))
		}
	}
	if n.format == Bits { // the frame with its parity
		for _, order := range n.turned() {
			add(FromBits(int(n.bits), order))
		}
	}
	return all
}

// payloads are the bytes that a read carries: those between the parity bits, or all; and the shorter and longer number that a reader of the other kind
// makes of three or four of them.
func (n *number) payloads() [][]byte {
	var whole []byte
	switch l, known := layoutOf(int(n.bits)); {
	case n.format == FeliCa || n.format == Text || n.format == Verdict:
		return nil
	case known && n.format == Bits && (l.bits-2)%8 == 0:
		whole = make([]byte, (l.bits-2)/8)
		for i := range whole {
			whole[i] = n.value[i]<<1 | n.value[i+1]>>7
		}
	case n.bits%8 == 0:
		whole = bytes.Clone(n.bytes())
	}
	switch len(whole) {
	case 0:
		return nil
	case 3:
		return [][]byte{whole, append([]byte{0}, whole...)}
	case 4:
		return [][]byte{whole, whole[:3], whole[1:]}
	default:
		return [][]byte{whole}
	}
}

// orders are some bytes as they are, in the other order, with the bits of each in the other order, both, and all of these complemented.
func orders(b []byte) [][]byte {
	back, mirror := bytes.Clone(b), bytes.Clone(b)
	slices.Reverse(back)
	for i := range mirror {
		mirror[i] = bits.Reverse8(mirror[i])
	}
	both := bytes.Clone(mirror)
	slices.Reverse(both)
	all := [][]byte{b, back, mirror, both}
	for _, o := range slices.Clone(all) {
		all = append(all, complement(o))
	}
	return all
}

func complement(b []byte) []byte {
	c := bytes.Clone(b)
	for i := range c {
		c[i] = ^c[i]
	}
	return c
}

// frames are some bytes as card bits, and with the parity of the layout that has room for them.
func frames(b []byte) []Credential {
	plain, err := FromBits(8*len(b), b)
	if err != nil {
		return nil
	}
	l, known := layoutOf(8*len(b) + 2)
	if !known {
		return []Credential{plain}
	}
	n := number{format: Bits, bits: uint16(l.bits)}
	for i, v := range b {
		n.value[i] |= v >> 1
		n.value[i+1] = v << 7
	}
	if n.ones(1, l.half+1)%2 == 1 {
		n.value[0] |= 0x80
	}
	if last := l.bits - 1; n.ones(last-l.half, last)%2 == 0 {
		n.value[last/8] |= 0x80 >> (last % 8)
	}
	return []Credential{plain, n.seal()}
}

// turned is a frame of card bits with its bits in the other order, complemented, and both.
func (n *number) turned() [][]byte {
	back := number{bits: n.bits}
	for i := range int(n.bits) {
		if n.value[i/8]&(0x80>>(i%8)) != 0 {
			at := int(n.bits) - 1 - i
			back.value[at/8] |= 0x80 >> (at % 8)
		}
	}
	return [][]byte{back.bytes(), complement(n.bytes()), complement(back.bytes())}
}
