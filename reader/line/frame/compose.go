package frame

import "slices"

// frame puts a body into its frame.
func (l Layout) frame(address uint64, body []byte) []byte {
	b := append(l.head(slices.Clone(l.Start), address, len(body)), body...)
	switch {
	case l.Check == nil:
		return append(b, l.End...)
	case !l.Check.AfterEnd:
		return append(append(b, l.Check.of(l.covered(b))...), l.End...)
	}
	counted := len(b)
	b = append(b, l.End...)
	if l.Check.WithEnd {
		counted = len(b)
	}
	return append(b, l.Check.of(l.covered(b[:counted]))...)
}

// covered is the part of a frame, up to where its check stops counting, that the check counts.
func (l Layout) covered(frame []byte) []byte {
	if l.Check.From == afterStart {
		return frame[len(l.Start):]
	}
	return frame
}

// head writes address and length.
func (l Layout) head(to []byte, address uint64, body int) []byte {
	length := func() {
		if l.Length != nil {
			to = l.Length.append(to, uint64(body+l.Length.Add))
		}
	}
	if l.LengthFirst {
		length()
	}
	if l.Address != nil {
		to = l.Address.append(to, address)
	}
	if !l.LengthFirst {
		length()
	}
	return to
}

func (l Layout) headSize() int {
	n := 0
	if l.Address != nil {
		n += l.Address.Size
	}
	if l.Length != nil {
		n += l.Length.Size
	}
	return n
}

// readHead takes address and length from a head; said is the body's length by the length field, -1 where it is no number that can be.
func (l Layout) readHead(head []byte) (address uint64, addressed bool, said int) {
	addressed = true
	take := func(n Number) (uint64, bool) {
		v, ok := n.read(head[:n.Size])
		head = head[n.Size:]
		return v, ok
	}
	length := func() {
		if l.Length == nil {
			return
		}
		v, ok := take(l.Length.Number)
		if said = int(v) - l.Length.Add; !ok || said < 0 {
			said = -1
		}
	}
	if l.LengthFirst {
		length()
	}
	if l.Address != nil {
		address, addressed = take(*l.Address)
	}
	if !l.LengthFirst {
		length()
	}
	return address, addressed, said
}
