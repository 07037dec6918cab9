package event

import (
	"bytes"
	"encoding/json"
	"fmt"

	"kanmon/internal/fault"
)

// Marshal is encoding/json's compact form, with text that is not UTF-8 made so: what it writes, read and written
// again, gives the same bytes. Events and the payloads of package wire travel in this form.
func Marshal(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "encode")
	}
	return heal(b), nil
}

// heal puts the replacement character where encoding/json has escaped it (it writes it as it is, except in
// place of bytes that are not UTF-8).
func heal(b []byte) []byte {
	escape := []byte(`\ufffd`)
	if !bytes.Contains(b, escape) {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); {
		switch {
		case bytes.HasPrefix(b[i:], escape):
			out = append(out, "\uFFFD"...)
			i += len(escape)
		case b[i] == '\\': // an escape of two bytes: the second is no backslash that begins another
			out = append(out, b[i], b[i+1])
			i += 2
		default:
			out = append(out, b[i])
			i++
		}
	}
	return out
}

// Unmarshal reads what Marshal wrote and nothing else: an unknown, doubled or differently spelled field, white
// space, other escapes and bytes behind the value are errors. into must be a pointer to a zero value.
func Unmarshal(b []byte, into any) error {
	if err := strict(b, into); err != nil {
		return err
	}
	again, err := Marshal(into)
	if err != nil {
		return err
	}
	if !bytes.Equal(b, again) {
		return otherForm(b)
	}
	return nil
}

// strict refuses unknown fields; the comparison with what would be written finds the rest.
func strict(b []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	return fault.Wrap(fault.Invalid, dec.Decode(into), "decode")
}

func otherForm(b []byte) error {
	return fault.New(fault.Invalid, "event.form", fmt.Sprintf("%d bytes that are not in the one form in which they are written", len(b)))
}
