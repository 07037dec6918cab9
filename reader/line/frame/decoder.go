package frame

import (
	"bytes"

	"kanmon/internal/fault"
)

// What can be wrong with a frame.
var (
	ErrTruncated = fault.New(fault.Invalid, "frame.truncated", "a frame broke off")
	ErrLength    = fault.New(fault.Invalid, "frame.length", "a frame has another length than it says or may have")
	ErrCheck     = fault.New(fault.Invalid, "frame.check", "a frame's check does not hold")
	ErrEnd       = fault.New(fault.Invalid, "frame.end", "a frame has no end marker where it ends")
	ErrAddress   = fault.New(fault.Invalid, "frame.address", "a frame is of another address")
)

// Frame is what was found: a body, or what was wrong with it.
type Frame struct {
	Body []byte
	Err  error
}

// Decoder finds frames in what comes over a line. Bytes before a start marker are noise and count for nothing.
type Decoder struct {
	layout  Layout
	address uint64
	max     int
	buf     []byte
	lost    bool // what comes up to the next end marker is the rest of something too long
}

// Write takes bytes as they come. Call Next until there is no more before the next Write: so the decoder never holds more than a frame and a write.
func (d *Decoder) Write(b []byte) { d.buf = append(d.buf, b...) }

// Next gives the next whole frame, or what was wrong with one; false when more bytes must come.
func (d *Decoder) Next() (Frame, bool) {
	for d.sync() && !d.lost {
		f, used := d.parse(d.buf)
		if used == 0 {
			return Frame{}, false
		}
		d.buf = d.buf[used:]
		if f.Err == nil && len(f.Body) == 0 && len(d.layout.Start) == 0 {
			continue // the second half of a line's end
		}
		return f, true
	}
	return Frame{}, false
}

// Gap says that the line has been silent: what is not whole never will be. Frames that lie within it still come from Next.
func (d *Decoder) Gap() (Frame, bool) {
	lost := d.lost
	if d.lost = false; !d.sync() || lost || len(d.buf) < len(d.layout.Start) {
		d.buf = nil // half a start marker is noise, and what was too long has been reported
		return Frame{}, false
	}
	d.skip()
	return Frame{Err: ErrTruncated}, true
}

// Waiting reports bytes that are no whole frame yet.
func (d *Decoder) Waiting() bool { return len(d.buf) > 0 }

// sync drops what comes before a start marker, and the rest of something too long; false when nothing is left.
func (d *Decoder) sync() bool {
	if d.lost {
		d.find()
	}
	start := d.layout.Start
	for len(start) > 0 && len(d.buf) > 0 && !bytes.HasPrefix(d.buf, start) && !bytes.HasPrefix(start, d.buf) {
		d.buf = d.buf[1:]
	}
	if len(d.buf) == 0 {
		d.buf = nil // lets go of what was read
	}
	return len(d.buf) > 0
}

// find looks for the end of what was too long. Half an end marker stays.
func (d *Decoder) find() {
	_, rest, found := bytes.Cut(d.buf, d.layout.End)
	if d.lost = !found; found {
		d.buf = rest
		return
	}
	d.buf = d.buf[max(0, len(d.buf)-len(d.layout.End)+1):]
}

// skip gives up the frame at the front: past its first byte, or past the next end marker of a layout without a start marker.
func (d *Decoder) skip() {
	if len(d.layout.Start) > 0 {
		d.buf = d.buf[1:]
		return
	}
	_, rest, _ := bytes.Cut(d.buf, d.layout.End)
	d.buf = rest
}

// parse reads the frame at the front of b. used is how much of b it took; 0: more must come.
func (d *Decoder) parse(b []byte) (f Frame, used int) {
	head := len(d.layout.Start) + d.layout.headSize()
	if len(b) < head {
		return Frame{}, 0
	}
	address, addressed, said := d.layout.readHead(b[len(d.layout.Start):head])
	body, used, err := d.extent(b, head, said)
	if err != nil || used == 0 {
		return Frame{Err: err}, used
	}
	switch {
	case d.layout.Check != nil && !d.checked(b[:used], head+body):
		if len(d.layout.End) == 0 {
			used = 1 // nothing but the length said where it ends, and that may be what is wrong
		}
		return Frame{Err: ErrCheck}, used
	case d.layout.Length != nil && said != body, d.layout.Fixed > 0 && d.layout.Fixed != body, body > d.max:
		return Frame{Err: ErrLength}, used
	case d.layout.Address != nil && (!addressed || address != d.address):
		return Frame{Err: ErrAddress}, used
	}
	return Frame{Body: bytes.Clone(b[head : head+body])}, used
}

// extent finds how long the body is and how much of b the frame takes.
func (d *Decoder) extent(b []byte, head, said int) (body, used int, err error) {
	l := d.layout
	if !l.measured() {
		return d.marked(b, head)
	}
	if body = l.Fixed; l.Length != nil {
		body = said
	}
	if body < 0 || body > d.max {
		return 0, 1, ErrLength
	}
	end := head + body + d.checkBefore()
	used = end + len(l.End) + d.checkAfter()
	if len(b) < used {
		return 0, 0, nil
	}
	if !bytes.HasPrefix(b[end:], l.End) {
		return 0, 1, ErrEnd
	}
	return body, used, nil
}

// marked finds the end by its marker. A new start marker within says that the frame before it broke off.
func (d *Decoder) marked(b []byte, head int) (body, used int, err error) {
	l := d.layout
	end := bytes.Index(b[head:], l.End)
	if again := d.again(b, head); again > 0 && (end < 0 || again < head+end) {
		return 0, again, ErrTruncated
	}
	before := d.checkBefore()
	if end < 0 {
		if len(b)-head > d.max+before+len(l.End) {
			d.lost = len(l.Start) == 0
			return 0, 1, ErrLength
		}
		return 0, 0, nil
	}
	used = head + end + len(l.End) + d.checkAfter()
	switch {
	case end < before:
		return 0, used, ErrLength
	case len(b) < used:
		return 0, 0, nil
	}
	return end - before, used, nil
}

// again is where a second start marker begins, or 0.
func (d *Decoder) again(b []byte, head int) int {
	if len(d.layout.Start) == 0 {
		return 0
	}
	if n := bytes.Index(b[head:], d.layout.Start); n >= 0 {
		return head + n
	}
	return 0
}

func (d *Decoder) checkBefore() int {
	if c := d.layout.Check; c != nil && !c.AfterEnd {
		return c.number().Size
	}
	return 0
}

func (d *Decoder) checkAfter() int {
	if c := d.layout.Check; c != nil && c.AfterEnd {
		return c.number().Size
	}
	return 0
}

// checked compares the check of a whole frame whose body ends at end.
func (d *Decoder) checked(frame []byte, end int) bool {
	c, at := d.layout.Check, end
	if c.AfterEnd {
		at = end + len(d.layout.End)
		if c.WithEnd {
			end = at
		}
	}
	got, ok := c.number().read(frame[at : at+c.number().Size])
	return ok && got == c.value(d.layout.covered(frame[:end]))
}
