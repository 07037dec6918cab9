package access

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Formats of credentials (package credential, which makes them).
const (
	FormatBits    = "bits"    // card bits of OSDP RAW or Wiegand
	FormatUID     = "uid"     // ISO/IEC 14443 type A
	FormatIDm     = "idm"     // FeliCa
	FormatFeliCa  = "felica"  // a FeliCa service read without encryption
	FormatText    = "text"    // characters of a serial reader
	FormatVerdict = "verdict" // who it is, by the word of a biometric terminal
)

// MaxBits is the longest credential.
const MaxBits = 256

// Proves is the most that a read in a format can prove. Card bits and a terminal's verdict are what the reader made of something that it has checked
// or not: its profile says. A format nobody knows proves the number.
func Proves(format string) Trust {
	switch format {
	case FormatBits, FormatVerdict:
		return TrustMutual
	case FormatFeliCa:
		return TrustMemory
	default:
		return TrustNumber
	}
}

// Least is the weakest of some classes; of none TrustMutual.
func Least(all ...Trust) Trust {
	least := TrustMutual
	for _, t := range all {
		if t.Rank() < least.Rank() {
			least = t
		}
	}
	return least
}

// Parity is whether card bits satisfy the layout that is known for their length.
type Parity string

// Parities. The zero value: no layout with parity is known for that length or format.
const (
	ParityRight Parity = "right"
	ParityWrong Parity = "wrong"
)

// Shape is what of a read is no secret and goes on record: how many bits of which format, never their value. The zero Shape says that nothing is
// known of it.
type Shape struct {
	Format string `json:"format"`
	Bits   int    `json:"bits"`
	Parity Parity `json:"parity,omitempty"`
}

// String is the form in which an event's detail names it: "bits:26".
func (s Shape) String() string { return fmt.Sprintf("%s:%d", s.Format, s.Bits) }

// Frame is a kind of read that a reader was commissioned for.
type Frame struct {
	Format string `json:"format"`
	Bits   int    `json:"bits,omitempty"`   // 0: of any length
	Parity bool   `json:"parity,omitempty"` // of card bits whose length has a layout with parity: it has to be right
}

// Fits reports whether a read has the form of the frame.
func (f Frame) Fits(s Shape) bool {
	return f.Format == s.Format && (f.Bits == 0 || f.Bits == s.Bits) && (!f.Parity || s.Parity == ParityRight)
}

// Validate checks the frame by itself.
func (f Frame) Validate() error {
	known := []string{FormatBits, FormatUID, FormatIDm, FormatFeliCa, FormatText, FormatVerdict}
	switch {
	case !slices.Contains(known, f.Format):
		return fmt.Errorf("frame of format %.20q", f.Format)
	case f.Bits < 0 || f.Bits > MaxBits || f.Format != FormatBits && f.Bits%8 != 0:
		return fmt.Errorf("frame of %d bits", f.Bits)
	case f.Parity && (f.Format != FormatBits || !hasParity(f.Bits)):
		return errors.New("parity of a frame that has none")
	}
	return nil
}

// Reader is what a reader was commissioned with (its profile): how much a read there proves, and which reads are expected. A reader without one
// takes every read, as TrustNumber.
type Reader struct {
	Name   string  `json:"name"`
	Trust  Trust   `json:"trust,omitempty"`  // at most; empty: TrustNumber
	Frames []Frame `json:"frames,omitempty"` // none: every read
}

// MostFrames bounds the frames of a reader.
const MostFrames = 16

// Expects reports whether a read is one that the reader was commissioned for.
func (r Reader) Expects(s Shape) bool {
	return len(r.Frames) == 0 || slices.ContainsFunc(r.Frames, func(f Frame) bool { return f.Fits(s) })
}

// Trusts is how much a read there proves, of which the driver did as much as read says: the least of that, of what its format can prove, and of the
// profile. The empty class stands for TrustNumber.
func (r Reader) Trusts(read Trust, s Shape) Trust {
	least := Least(read, Proves(s.Format), r.Trust)
	if least.Rank() == 0 {
		return ""
	}
	return least
}

// Usual is the shape of a read for which the reader was commissioned, for questions about one that nobody made: its first frame, else card bits of
// the commonest length.
func (r Reader) Usual() Shape {
	f := Frame{Format: FormatBits, Bits: commonest}
	if len(r.Frames) > 0 {
		f = r.Frames[0]
	}
	s := Shape{Format: f.Format, Bits: f.Bits}
	if s.Bits == 0 {
		s.Bits = MaxBits
	}
	if f.Format == FormatBits && hasParity(s.Bits) {
		s.Parity = ParityRight
	}
	return s
}

// commonest is the length of H10301.
const commonest = 26

// hasParity reports whether a layout with parity is known for card bits of a length (package credential, layouts).
func hasParity(bits int) bool { return bits == commonest || bits == 34 || bits == 37 }

// Validate checks the profile by itself.
func (r Reader) Validate() error {
	switch {
	case !slices.Contains([]Trust{"", TrustNumber, TrustMemory, TrustMutual}, r.Trust):
		return fmt.Errorf("reader %.40q: trust %.20q", r.Name, r.Trust)
	case len(r.Frames) > MostFrames:
		return fmt.Errorf("reader %.40q: %d frames, want at most %d", r.Name, len(r.Frames), MostFrames)
	}
	for i, f := range r.Frames {
		if err := f.Validate(); err != nil {
			return fmt.Errorf("reader %.40q: %w", r.Name, err)
		}
		if slices.Contains(r.Frames[:i], f) {
			return fmt.Errorf("reader %.40q: a frame twice", r.Name)
		}
	}
	return CheckID("reader", r.Name)
}

// CompareFrames orders frames by format, length and parity.
func CompareFrames(a, b Frame) int {
	return cmp.Or(cmp.Compare(a.Format, b.Format), cmp.Compare(a.Bits, b.Bits), cmp.Compare(demand(a), demand(b)))
}

func demand(f Frame) int {
	if f.Parity {
		return 1
	}
	return 0
}
