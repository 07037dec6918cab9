// Package frame is what a serial reader's bytes mean, by a profile: where a frame begins and ends, how it is checked, where in it
// the card's number is, and what is sent to the reader. It is pure; package line does the talking.
//
// On the line a frame is, in this order, each part only where the profile has it:
//
//	start  address  length  body  check  end        (check after the end marker: … body  end  check)
//
// A Profile is JSON (docs/serial-readers.md). Compile checks all of it and makes a Codec; an error names the field. No error of
// this package repeats what came over the line: that may be a card's number.
package frame

// Profile says how one model of reader speaks.
type Profile struct {
	Frame Layout `json:"frame"`
	// Send is the layout of what is sent to the reader; nil: as Frame; an empty object: the bytes as they are.
	Send *Layout `json:"send,omitempty"`
	// GapMS is the silence after which a frame that is not whole is given up, in milliseconds; 0: 100. On a USB adapter it is longer than its latency.
	GapMS int  `json:"gap_ms,omitempty"`
	Card  Card `json:"card"`
	// Poll asks the reader again and again; nil: it speaks by itself.
	Poll *Poll `json:"poll,omitempty"`
	// AliveMS is how long the reader may say nothing valid before it counts as away, in milliseconds. 0: with a poll five of them, at least
	// a second; without one its silence says nothing.
	AliveMS int `json:"alive_ms,omitempty"`
	// Echo says that the wire gives back what is sent, as two-wire adapters may.
	Echo bool `json:"echo,omitempty"`
	// Show is the body sent for each answer: granted, denied, trouble, enter_pin, wait. What is missing is not shown.
	Show map[string]Bytes `json:"show,omitempty"`
}

// Layout is what stands around a body.
type Layout struct {
	Start Bytes `json:"start,omitempty"`
	End   Bytes `json:"end,omitempty"`
	// Address is the reader's own, from the configuration of the reader.
	Address *Number `json:"address,omitempty"`
	Length  *Length `json:"length,omitempty"`
	// LengthFirst puts the length before the address.
	LengthFirst bool `json:"length_first,omitempty"`
	// Fixed is the length of every body in bytes, where they all have the same; 0: they have not.
	Fixed int    `json:"fixed,omitempty"`
	Check *Check `json:"check,omitempty"`
	// Max is the longest body in bytes; 0: 64.
	Max int `json:"max,omitempty"`
}

// Number is a number in a frame.
type Number struct {
	Encoding string `json:"encoding"`        // binary; hex or decimal: so many ASCII digits
	Size     int    `json:"size"`            // bytes on the line: 1–4 binary, 1–8 digits
	Order    string `json:"order,omitempty"` // of binary: big (default) or little
}

// Length says how many bytes follow.
type Length struct {
	Number
	Add int `json:"add,omitempty"` // the number is the body's length plus this: what else it counts
}

// Check is a check over the frame.
type Check struct {
	Kind     string `json:"kind"`                // xor, sum, lrc, or a CRC-16 by its catalogue name
	Encoding string `json:"encoding,omitempty"`  // binary (default), or hex: ASCII digits
	Order    string `json:"order,omitempty"`     // of two bytes: big (default) or little
	From     string `json:"from,omitempty"`      // start (default): with the start marker; after_start: without
	AfterEnd bool   `json:"after_end,omitempty"` // the check stands after the end marker
	WithEnd  bool   `json:"with_end,omitempty"`  // and counts it
}

// Card says where in a body the number is, and what it is.
type Card struct {
	Kind string `json:"kind"` // text, bits, uid, idm or verdict (package credential)
	// When are bytes at places by which a card's frame is known from others. A frame without them is no card: an answer to a poll, a sign of life.
	When []Match `json:"when,omitempty"`
	// Length is how long a card's body is, exactly, in bytes; 0: as long as its fields need.
	Length int   `json:"length,omitempty"`
	Number Field `json:"number"`
	// Bits is how many bits a number of the kind bits has; 0: Count says.
	Bits  int    `json:"bits,omitempty"`
	Count *Field `json:"count,omitempty"`
	Align string `json:"align,omitempty"` // of bits in whole bytes: left (default: the spare bits come last) or right (they come first)
	// Verdict is a terminal's yes or no to the subject that Number names.
	Verdict *Verdict `json:"verdict,omitempty"`
}

// Match is bytes that a body has at a place.
type Match struct {
	Offset int   `json:"offset"`
	Bytes  Bytes `json:"bytes"`
}

// Field is a part of a body.
type Field struct {
	Offset   int    `json:"offset"`           // of its first byte in the body, from 0
	Length   int    `json:"length,omitempty"` // in bytes; 0: to the end of the body
	Encoding string `json:"encoding"`         // ascii, decimal, hex, bcd or binary
	Order    string `json:"order,omitempty"`  // of the bytes it means: big (default) or little: the last one first
	Trim     bool   `json:"trim,omitempty"`   // spaces at both ends do not count
}

// Verdict says how a terminal says yes and no. Anything else is an error.
type Verdict struct {
	Offset int   `json:"offset"`
	Yes    Bytes `json:"yes"`
	No     Bytes `json:"no"`
}

// Poll is what the reader is asked.
type Poll struct {
	Send    Bytes `json:"send"`            // body of the question
	EveryMS int   `json:"every_ms"`        // from one to the next, in milliseconds, 10–10,000
	Taken   Bytes `json:"taken,omitempty"` // body that tells the reader that its card has come; empty: nothing is sent
}
