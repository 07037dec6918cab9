package frame

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"kanmon/internal/fault"
	"kanmon/reader/credential"
)

const (
	afterStart = "after_start"
	fromStart  = "start"
	rightAlign = "right"
	leftAlign  = "left"

	longestMarker = 8
	longestBody   = 1024
	usualBody     = 64
	longestWait   = 60_000 // milliseconds
)

// wrong says what is wrong with a field.
func wrong(field, format string, args ...any) error {
	return fault.BadField(field, "frame.profile", field+": "+fmt.Sprintf(format, args...))
}

// first is the first error of several checks.
func first(checks ...func() error) error {
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// oneOf checks a word that may also be missing.
func oneOf(field, got string, words ...string) error {
	if got == "" || slices.Contains(words, got) {
		return nil
	}
	return wrong(field, "%.40q is none of %s", got, strings.Join(words, ", "))
}

func between(field string, n, low, high int) error {
	if n < low || n > high {
		return wrong(field, "%d is not between %d and %d", n, low, high)
	}
	return nil
}

func (p Profile) check(address int) error {
	return first(
		func() error { return p.Frame.check("frame") },
		p.Frame.checkReceived,
		func() error { return p.checkAddress(address) },
		func() error { return between("gap_ms", p.GapMS, 0, longestWait) },
		func() error { return between("alive_ms", p.AliveMS, 0, longestWait) },
		p.Card.check,
		p.checkRest,
		p.checkPoll,
		p.checkShow,
	)
}

// checkAddress wants an address where, and only where, a layout has one.
func (p Profile) checkAddress(address int) error {
	numbers := []*Number{p.Frame.Address}
	if p.Send != nil {
		numbers = append(numbers, p.Send.Address)
	}
	wanted := false
	for _, n := range numbers {
		if n == nil {
			continue
		}
		if wanted = true; address < 0 || uint64(address) > n.most() {
			return wrong("address", "%d does not fit into the profile's", address)
		}
	}
	if !wanted && address != 0 {
		return wrong("address", "the profile has none")
	}
	return nil
}

// checkRest refuses a profile by which a frame that lost bytes on its way would pass as another card.
func (p Profile) checkRest() error {
	if f := p.Frame; f.Check != nil || f.Length != nil || f.Fixed > 0 || p.Card.Length > 0 || p.Card.counted() {
		return nil
	}
	return wrong("card.length", "is needed, or frame.check, frame.length, frame.fixed or card.count: a number that lost a digit on the line must not be another card's")
}

// counted says that the number of bits tells when a byte is missing: all of the rest of the body, left aligned. Digits and bits that are aligned right are a
// number of any length, and a number of a set length takes the bytes that come after it.
func (c Card) counted() bool {
	return c.Count != nil && c.Number.Length == 0 && !c.Number.isNumber() && c.Align != rightAlign
}

func (p Profile) checkPoll() error {
	if p.Poll == nil {
		return nil
	}
	if err := between("poll.every_ms", p.Poll.EveryMS, 10, 10_000); err != nil {
		return err
	}
	if len(p.Poll.Send) == 0 {
		return wrong("poll.send", "is empty")
	}
	return nil
}

func (p Profile) checkShow() error {
	for _, name := range slices.Sorted(maps.Keys(p.Show)) {
		if !slices.Contains(slices.Collect(maps.Values(feedbacks)), name) {
			return wrong("show."+name, "is none of granted, denied, trouble, enter_pin, wait")
		}
		if len(p.Show[name]) == 0 {
			return wrong("show."+name, "is empty")
		}
	}
	return nil
}

// checkSent checks the layout of what is sent, and that it has room for all of it.
func (c *Codec) checkSent() error {
	if err := c.send.check("send"); err != nil {
		return err
	}
	bodies := maps.Clone(c.profile.Show)
	if bodies == nil {
		bodies = map[string]Bytes{}
	}
	if p := c.profile.Poll; p != nil {
		bodies["poll.send"], bodies["poll.taken"] = p.Send, p.Taken
	}
	for _, name := range slices.Sorted(maps.Keys(bodies)) {
		if n := len(bodies[name]); n > 0 && !c.send.holds(n) {
			return wrong(name, "%d bytes do not fit into the frame that is sent", n)
		}
	}
	return nil
}

// holds reports whether a body of n bytes can stand in the layout.
func (l Layout) holds(n int) bool {
	if n > l.max() || (l.Fixed > 0 && n != l.Fixed) {
		return false
	}
	return l.Length == nil || (n+l.Length.Add >= 0 && uint64(n+l.Length.Add) <= l.Length.most())
}

func (l Layout) max() int {
	switch {
	case l.Max > 0:
		return l.Max
	case l.Fixed > 0:
		return l.Fixed
	}
	return usualBody
}

// measured says that a frame's end is known by its length; otherwise by the end marker alone.
func (l Layout) measured() bool { return len(l.Start) > 0 && (l.Length != nil || l.Fixed > 0) }

func (l Layout) check(in string) error {
	return first(
		func() error { return between(in+".start", len(l.Start), 0, longestMarker) },
		func() error { return between(in+".end", len(l.End), 0, longestMarker) },
		func() error { return between(in+".fixed", l.Fixed, 0, longestBody) },
		func() error { return between(in+".max", l.Max, 0, longestBody) },
		func() error { return l.Address.check(in + ".address") },
		func() error { return l.checkLength(in + ".length") },
		func() error { return l.checkCheck(in + ".check") },
	)
}

// checkReceived asks for what is needed to find a frame among others.
func (l Layout) checkReceived() error {
	switch {
	case len(l.Start) == 0 && len(l.End) == 0:
		return wrong("frame.start", "start and end are both empty: no frame could be found")
	case len(l.Start) == 0 && (l.Address != nil || l.Length != nil):
		return wrong("frame.start", "is needed before an address or a length")
	case len(l.End) == 0 && !l.measured():
		return wrong("frame.end", "is needed where neither length nor fixed says how long a frame is")
	case l.Length != nil && l.Fixed > 0:
		return wrong("frame.fixed", "length says it already")
	case l.Check != nil && !l.Check.AfterEnd && l.Check.Encoding != hexDigits && !l.measured():
		return wrong("frame.check.encoding", "a binary check before the end marker may hold that marker: it needs frame.start with length or fixed")
	}
	return nil
}

func (n *Number) check(in string) error {
	if n == nil {
		return nil
	}
	if err := oneOf(in+".order", n.Order, bigOrder, littleOrder); err != nil {
		return err
	}
	switch n.Encoding {
	case binaryBytes:
		return between(in+".size", n.Size, 1, 4)
	case hexDigits, decimal:
		if n.Order == littleOrder {
			return wrong(in+".order", "little is for binary")
		}
		return between(in+".size", n.Size, 1, 8)
	}
	return wrong(in+".encoding", "%.40q is none of binary, hex, decimal", n.Encoding)
}

func (l Layout) checkLength(in string) error {
	if l.Length == nil {
		return nil
	}
	if err := l.Length.check(in); err != nil {
		return err
	}
	return between(in+".add", l.Length.Add, -longestMarker, longestBody)
}

func (l Layout) checkCheck(in string) error {
	c := l.Check
	if c == nil {
		return nil
	}
	_, crc := crcs[c.Kind]
	if _, one := sums[c.Kind]; !crc && !one {
		all := slices.Concat(slices.Sorted(maps.Keys(sums)), slices.Sorted(maps.Keys(crcs)))
		return wrong(in+".kind", "%.40q is none of %s", c.Kind, strings.Join(all, ", "))
	}
	switch {
	case c.AfterEnd && len(l.End) == 0:
		return wrong(in+".after_end", "there is no end marker")
	case c.WithEnd && !c.AfterEnd:
		return wrong(in+".with_end", "the end marker comes after the check")
	}
	return first(
		func() error { return oneOf(in+".encoding", c.Encoding, binaryBytes, hexDigits) },
		func() error { return oneOf(in+".order", c.Order, bigOrder, littleOrder) },
		func() error { return oneOf(in+".from", c.From, fromStart, afterStart) },
	)
}

func (c Card) check() error {
	if err := c.checkKind(); err != nil {
		return err
	}
	for i, m := range c.When {
		in := fmt.Sprintf("card.when[%d]", i)
		if err := between(in+".offset", m.Offset, 0, longestBody); err != nil {
			return err
		}
		if len(m.Bytes) == 0 {
			return wrong(in+".bytes", "is empty")
		}
	}
	return first(
		func() error { return between("card.length", c.Length, 0, longestBody) },
		func() error { return c.Number.check("card.number", c.numberEncodings()) },
		c.checkBits,
		c.checkVerdict,
	)
}

func (c Card) checkKind() error {
	if c.Kind == "" {
		return wrong("card.kind", "is missing")
	}
	return oneOf("card.kind", c.Kind, kindText, kindBits, kindUID, kindIDm, kindVerdict)
}

// numberEncodings are those in which a number of the kind can stand.
func (c Card) numberEncodings() []string {
	switch c.Kind {
	case kindBits:
		return []string{hexDigits, binaryBytes, decimal, bcd}
	case kindUID, kindIDm:
		return []string{hexDigits, binaryBytes}
	}
	return []string{ascii, decimal, hexDigits, bcd, binaryBytes}
}

func (f Field) check(in string, encodings []string) error {
	if f.Encoding == "" {
		return wrong(in+".encoding", "is missing: one of %s", strings.Join(encodings, ", "))
	}
	return first(
		func() error { return oneOf(in+".encoding", f.Encoding, encodings...) },
		func() error { return oneOf(in+".order", f.Order, bigOrder, littleOrder) },
		func() error { return between(in+".offset", f.Offset, 0, longestBody) },
		func() error { return between(in+".length", f.Length, 0, longestBody) },
	)
}

func (c Card) checkBits() error {
	if c.Kind != kindBits {
		if c.Bits != 0 || c.Count != nil || c.Align != "" {
			return wrong("card.bits", "bits, count and align belong to the kind bits")
		}
		return nil
	}
	if err := oneOf("card.align", c.Align, leftAlign, rightAlign); err != nil {
		return err
	}
	if c.Count == nil {
		return between("card.bits", c.Bits, 1, credential.MaxBits)
	}
	if c.Bits != 0 {
		return wrong("card.bits", "count says it already")
	}
	if err := c.Count.check("card.count", []string{decimal, hexDigits, bcd, binaryBytes}); err != nil {
		return err
	}
	return between("card.count.length", c.Count.Length, 1, 4)
}

func (c Card) checkVerdict() error {
	v := c.Verdict
	if (c.Kind == kindVerdict) != (v != nil) {
		return wrong("card.verdict", "belongs to the kind verdict, which needs it")
	}
	if v == nil {
		return nil
	}
	if len(v.Yes) == 0 || len(v.No) == 0 || strings.HasPrefix(string(v.Yes), string(v.No)) || strings.HasPrefix(string(v.No), string(v.Yes)) {
		return wrong("card.verdict.yes", "yes and no are empty or cannot be told apart")
	}
	return between("card.verdict.offset", v.Offset, 0, longestBody)
}
