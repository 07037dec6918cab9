package frame

import (
	"bytes"
	"encoding/hex"
	"math/big"
	"slices"
	"strings"

	"kanmon/internal/fault"
	"kanmon/reader/credential"
)

// Kinds of numbers.
const (
	kindText    = "text"
	kindBits    = "bits"
	kindUID     = "uid"
	kindIDm     = "idm"
	kindVerdict = "verdict"
)

// ErrRefused says that a terminal itself said no.
var ErrRefused = fault.New(fault.Denied, "frame.refused", "the terminal did not recognise the person")

func (c Card) read(body []byte) (credential.Credential, error) {
	value, ok := c.Number.take(body)
	if !ok {
		return credential.Credential{}, errField("number")
	}
	switch c.Kind {
	case kindBits:
		return c.bits(body, value)
	case kindUID:
		return credential.FromUID(value)
	case kindIDm:
		return credential.FromIDm(value)
	case kindVerdict:
		return c.verdict(body, value)
	}
	return credential.FromText(c.Number.text(value))
}

// take gives what a field means: the characters of ascii and decimal, the digits of bcd as characters, the bytes of hex and binary.
func (f Field) take(body []byte) ([]byte, bool) {
	end := len(body)
	if f.Length > 0 {
		end = f.Offset + f.Length
	}
	if f.Offset >= end || end > len(body) {
		return nil, false
	}
	raw := slices.Clone(body[f.Offset:end])
	if f.Trim {
		raw = bytes.Trim(raw, " ")
	}
	out, ok := f.decode(raw)
	if ok && f.Order == littleOrder {
		slices.Reverse(out)
	}
	if f.Encoding == bcd {
		out = []byte(hex.EncodeToString(out))
	}
	return out, ok && len(out) > 0
}

func (f Field) decode(raw []byte) ([]byte, bool) {
	switch f.Encoding {
	case hexDigits:
		out, err := hex.DecodeString(string(raw))
		return out, err == nil
	case decimal:
		return raw, all(raw, isDigit)
	case bcd:
		return raw, all(raw, func(c byte) bool { return c>>4 <= 9 && c&15 <= 9 })
	}
	return raw, true
}

// text is the one written form of a number: characters as they came, bytes in upper-case hex.
func (f Field) text(value []byte) string {
	if f.Encoding == hexDigits || f.Encoding == binaryBytes {
		return strings.ToUpper(hex.EncodeToString(value))
	}
	return string(value)
}

// isNumber says that the field is digits of a number, not bytes.
func (f Field) isNumber() bool { return f.Encoding == decimal || f.Encoding == bcd }

func (c Card) bits(body, value []byte) (credential.Credential, error) {
	count := c.Bits
	if c.Count != nil {
		n, ok := c.Count.count(body)
		if !ok {
			return credential.Credential{}, errField("count")
		}
		count = n
	}
	if c.Number.isNumber() || c.Align == rightAlign {
		n := new(big.Int).SetBytes(value)
		if c.Number.isNumber() {
			n.SetString(string(value), 10) // digits, as they were read
		}
		var ok bool
		if value, ok = leftAligned(n, count); !ok {
			return credential.Credential{}, errField("number")
		}
	}
	return credential.FromBits(count, value)
}

// leftAligned writes n in so many bits, the spare ones of the last byte zero; false when it has more.
func leftAligned(n *big.Int, count int) ([]byte, bool) {
	if count < 1 || count > credential.MaxBits || n.BitLen() > count {
		return nil, false
	}
	size := (count + 7) / 8
	return new(big.Int).Lsh(n, uint(size*8-count)).FillBytes(make([]byte, size)), true
}

// count reads a field that says how many bits follow.
func (f Field) count(body []byte) (int, bool) {
	b, ok := f.take(body)
	if !ok {
		return 0, false
	}
	encoding := binaryBytes
	if f.isNumber() {
		encoding = decimal
	}
	n, ok := Number{Encoding: encoding, Size: len(b)}.read(b)
	return int(n), ok && n <= credential.MaxBits
}

func (c Card) verdict(body, subject []byte) (credential.Credential, error) {
	switch v := c.Verdict; {
	case at(body, v.Offset, v.Yes):
		return credential.FromVerdict(c.Number.text(subject))
	case at(body, v.Offset, v.No):
		return credential.Credential{}, ErrRefused
	}
	return credential.Credential{}, errField("verdict")
}
