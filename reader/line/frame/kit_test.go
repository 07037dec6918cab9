package frame

import (
	"bytes"
	"encoding/json"
	"testing"

	"kanmon/reader/credential"
)

func profile(tb testing.TB, text string) Profile {
	tb.Helper()
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.DisallowUnknownFields()
	var p Profile
	if err := dec.Decode(&p); err != nil {
		tb.Fatal(err)
	}
	return p
}

func compiled(tb testing.TB, p Profile, address int) *Codec {
	tb.Helper()
	c, err := Compile(p, address)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func example(tb testing.TB, name string, address int) *Codec {
	tb.Helper()
	p, err := Example(name)
	if err != nil {
		tb.Fatal(err)
	}
	return compiled(tb, p, address)
}

func card(tb testing.TB, c credential.Credential, err error) credential.Credential {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// heard is everything a decoder makes of some lumps, and of the silence after them.
func heard(d *Decoder, lumps ...[]byte) []Frame {
	var all []Frame
	drain := func() {
		for f, ok := d.Next(); ok; f, ok = d.Next() {
			all = append(all, f)
		}
	}
	for _, b := range lumps {
		d.Write(b)
		drain()
	}
	for d.Waiting() {
		if f, ok := d.Gap(); ok {
			all = append(all, f)
		}
		drain()
	}
	return all
}

// cards are the credentials in some frames, and the errors.
func cards(c *Codec, all []Frame) (got []credential.Credential, errs []error) {
	for _, f := range all {
		if f.Err != nil {
			errs = append(errs, f.Err)
			continue
		}
		switch one, card, err := c.Read(f.Body); {
		case err != nil:
			errs = append(errs, err)
		case card:
			got = append(got, one)
		}
	}
	return got, errs
}

// x25 is CRC-16/IBM-SDLC as ISO/IEC 13239 has it, bit by bit from the lowest: another way than the program's.
func x25(b []byte) []byte {
	crc := uint16(0xFFFF)
	for _, c := range b {
		for i := range 8 {
			bit := (uint16(c) >> i & 1) ^ crc&1
			crc >>= 1
			if bit == 1 {
				crc ^= 0x8408
			}
		}
	}
	crc = ^crc
	return []byte{byte(crc), byte(crc >> 8)}
}

// polled is a frame of the example binary-poll, from its description in docs/serial-readers.md.
func polled(address byte, body ...byte) []byte {
	inner := append([]byte{address, byte(len(body))}, body...)
	out := append([]byte{0x02}, inner...)
	return append(append(out, x25(inner)...), 0x03)
}

// stx is a frame of the example ascii-stx.
func stx(body string) []byte {
	check := byte(0x03)
	for i := range len(body) {
		check ^= body[i]
	}
	return append([]byte("\x02"+body+"\x03"), check)
}
