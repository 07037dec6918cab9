package serialreader

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"kanmon/reader/credential"
	"kanmon/reader/line/frame"
)

// bodyOf writes a card as the reader of a profile sends it: the other way round from what package frame does, and on its own.
func bodyOf(p frame.Card, c credential.Credential) ([]byte, error) {
	if format := c.Shape().Format; format != p.Kind {
		return nil, fmt.Errorf("it reads cards of the kind %s, and this one is %s", p.Kind, format)
	}
	count, data := c.Reveal()
	number, err := numberOf(p, count, data)
	if err != nil {
		return nil, err
	}
	b := body(make([]byte, p.Length))
	b.put(p.Number.Offset, number)
	if p.Count != nil {
		b.put(p.Count.Offset, countOf(*p.Count, count))
	}
	if p.Verdict != nil {
		b.put(p.Verdict.Offset, p.Verdict.Yes)
	}
	for _, m := range p.When {
		b.put(m.Offset, m.Bytes)
	}
	return b, nil
}

// body grows where something is put past its end.
type body []byte

func (b *body) put(offset int, what []byte) {
	if more := offset + len(what) - len(*b); more > 0 {
		*b = append(*b, make([]byte, more)...)
	}
	copy((*b)[offset:], what)
}

// numberOf writes the number into its field.
func numberOf(p frame.Card, count int, data []byte) ([]byte, error) {
	f := p.Number
	var out []byte
	switch {
	case f.Encoding == "decimal" || f.Encoding == "bcd":
		out = digitsOf(p, count, data)
	case p.Kind == "bits" && p.Align == "right":
		out = new(big.Int).Rsh(new(big.Int).SetBytes(data), uint(8*len(data)-count)).FillBytes(make([]byte, len(data)))
	case (p.Kind == "text" || p.Kind == "verdict") && f.Encoding != "ascii":
		var err error
		if out, err = hex.DecodeString(string(data)); err != nil {
			return nil, errors.New("it reads numbers that are bytes")
		}
	default:
		out = slices.Clone(data)
	}
	if f.Encoding == "bcd" {
		var err error
		if out, err = hex.DecodeString(strings.Repeat("0", len(out)%2) + string(out)); err != nil {
			return nil, errors.New("it reads numbers that are digits")
		}
	}
	if f.Order == "little" {
		slices.Reverse(out)
	}
	if f.Encoding == "hex" {
		out = []byte(strings.ToUpper(hex.EncodeToString(out)))
	}
	return fit(f, out)
}

// fit fills a field of a fixed length with spaces where they do not count, and refuses what is not as long as it.
func fit(f frame.Field, b []byte) ([]byte, error) {
	if f.Trim && len(b) < f.Length {
		b = append(b, strings.Repeat(" ", f.Length-len(b))...)
	}
	if f.Length > 0 && len(b) != f.Length {
		return nil, fmt.Errorf("its field has %d bytes, and this number needs %d", f.Length, len(b))
	}
	return b, nil
}

// digitsOf are the digits of the number: of a text its characters, of bits their value.
func digitsOf(p frame.Card, count int, data []byte) []byte {
	if p.Kind != "bits" {
		return slices.Clone(data)
	}
	n := new(big.Int).Rsh(new(big.Int).SetBytes(data), uint(8*len(data)-count))
	width := p.Number.Length
	if p.Number.Encoding == "bcd" {
		width *= 2
	}
	return fmt.Appendf(nil, "%0*d", width, n)
}

func countOf(f frame.Field, count int) []byte {
	switch f.Encoding {
	case "decimal":
		return fmt.Appendf(nil, "%0*d", f.Length, count)
	case "hex":
		return fmt.Appendf(nil, "%0*X", f.Length, count)
	case "bcd":
		b, _ := hex.DecodeString(fmt.Sprintf("%0*d", 2*f.Length, count)) // digits
		return b
	}
	return big.NewInt(int64(count)).FillBytes(make([]byte, f.Length))
}
