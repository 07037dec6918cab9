package osdp

import (
	"bytes"
	"encoding/binary"
)

// Stats counts what a Decoder saw. All counters only rise.
type Stats struct {
	Frames    uint64 // whole frames with good check bytes, handed out
	Noise     uint64 // bytes dropped outside frames; marks (0xFF) are not counted
	BadLength uint64 // start bytes followed by an impossible length
	BadCheck  uint64 // wrong CRC or checksum
	Malformed uint64 // good check bytes around an impossible inside
	Aborted   uint64 // frames cut off by a gap
}

// Decoder finds frames in a stream of bytes. Write what was read, then call Next until it reports false. A
// Decoder holds at most one unfinished frame between such rounds. It is for one goroutine.
//
// A start byte that turns out not to begin a good frame (impossible length, wrong check bytes, cut off) costs
// only itself: the bytes behind it are searched again, so a good frame behind noise is never lost.
type Decoder struct {
	buf    []byte
	whole  int  // buf[:whole] came before a gap: no frame may reach across it
	marked bool // the byte before buf[0] was a mark
	limit  int
	stats  Stats
}

// NewDecoder returns a Decoder that refuses frames over limit bytes; 0, or more than MaxFrame, means MaxFrame.
// The smaller the limit, the sooner noise that looks like the start of a long frame is seen through.
func NewDecoder(limit int) *Decoder {
	if limit <= 0 || limit > MaxFrame {
		limit = MaxFrame
	}
	return &Decoder{limit: limit}
}

// Write takes bytes from the line. It never fails.
func (d *Decoder) Write(p []byte) (int, error) {
	d.buf = append(d.buf, p...)
	return len(p), nil
}

// Gap says that the line was silent for longer than the time between two bytes of a frame. An unfinished frame
// is given up and its bytes are searched for others: call Next until it reports false.
func (d *Decoder) Gap() { d.whole = len(d.buf) }

// Pending reports whether bytes of an unfinished frame are waiting, so that the caller can time the gap.
func (d *Decoder) Pending() bool { return len(d.buf) > 0 }

// Reset forgets what was received, as after flushing the port. The counters stay.
func (d *Decoder) Reset() { d.buf, d.whole, d.marked = d.buf[:0], 0, false }

// Stats returns the counters so far.
func (d *Decoder) Stats() Stats { return d.stats }

// Next returns the next whole frame, or false when more bytes are needed.
func (d *Decoder) Next() (Frame, bool) {
	for d.seek() {
		n, ok := d.candidate()
		if !ok {
			if d.unfinished(n) {
				return Frame{}, false
			}
			continue
		}
		f, err := parseChecked(d.buf[:n])
		f.Mark = d.marked
		d.drop(n)
		d.marked = false // a last check byte of 0xFF is no mark
		if err != nil {
			d.stats.Malformed++
			continue
		}
		d.stats.Frames++
		return f, true
	}
	return Frame{}, false
}

// seek drops bytes up to the next start byte.
func (d *Decoder) seek() bool {
	n := bytes.IndexByte(d.buf, som)
	if n < 0 {
		n = len(d.buf)
	}
	d.stats.Noise += uint64(n - bytes.Count(d.buf[:n], []byte{mark}))
	d.drop(n)
	return len(d.buf) > 0
}

// candidate judges the frame that buf[0] may start. When it is not a good one, n is the number of bytes needed
// to say more, or 0 when the start byte was a false one and is dropped.
func (d *Decoder) candidate() (n int, ok bool) {
	if len(d.buf) < headLen {
		return headLen, false
	}
	n = int(binary.LittleEndian.Uint16(d.buf[2:]))
	least := MinFrame
	if d.buf[4]&ctrlCRC != 0 {
		least++
	}
	switch {
	case n < least || n > d.limit:
		d.stats.BadLength++
	case len(d.buf) < n || d.cut(n):
		return n, false
	case !checkOK(d.buf[:n]):
		d.stats.BadCheck++
	default:
		return n, true
	}
	d.falseStart()
	return 0, false
}

// unfinished reports whether to wait for a candidate's n bytes; one that a gap cut off is given up.
func (d *Decoder) unfinished(n int) bool {
	if n == 0 {
		return false
	}
	if d.cut(n) {
		d.stats.Aborted++
		d.falseStart()
		return false
	}
	return true
}

// cut reports whether n bytes from buf[0] reach across a gap.
func (d *Decoder) cut(n int) bool { return d.whole > 0 && n > d.whole }

func (d *Decoder) falseStart() {
	d.stats.Noise++
	d.drop(1)
}

func (d *Decoder) drop(n int) {
	if n == 0 {
		return
	}
	d.marked = d.buf[n-1] == mark
	d.whole = max(0, d.whole-n)
	d.buf = append(d.buf[:0], d.buf[n:]...)
}
