package modbus

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The check value of CRC-16/MODBUS in the catalogue of CRC algorithms.
func TestTheCheckBytesAreThoseOfTheCatalogue(t *testing.T) {
	if got := CRC([]byte("123456789")); got != 0x4B37 {
		t.Fatalf("CRC %04x, want 4b37", got)
	}
}

// Frames as makers of relay boards print them in their manuals.
func TestRequestsAreThoseOfTheBoardsManuals(t *testing.T) {
	for want, got := range map[string]Request{
		"01050000ff008c3a": WriteCoil(1, 0, On),
		"010500000000cdca": WriteCoil(1, 0, Off),
		"ff050000ff0099e4": WriteCoil(255, 0, On),
		"0105020000078db0": WriteCoil(1, 0x0200, 7), // on for 0.7 s
		"0101000000083dcc": ReadCoils(1, 0, 8),
	} {
		if hex.EncodeToString(got) != want {
			t.Errorf("%x, want %s", []byte(got), want)
		}
	}
}

func TestAReplyIsReadOnlyAsTheAnswerToItsRequest(t *testing.T) {
	write, read := WriteCoil(1, 0x0200, 7), ReadCoils(1, 0, 8)
	for name, c := range map[string]struct {
		request Request
		reply   string // without check bytes, unless it has them
		whole   bool
		want    error
	}{
		"confirmed":          {write, "0105020000078db0", true, nil},
		"wrong check bytes":  {write, "0105020000078db1", true, ErrCheck},
		"another value":      {write, "010502000008", false, ErrMismatch},
		"another coil":       {write, "010502010007", false, ErrMismatch},
		"another board":      {write, "020502000007", false, ErrMismatch},
		"unknown address":    {write, "018502", false, RefusedError(2)},
		"refused to another": {write, "018102", false, ErrMismatch},
		"cut short":          {write, "0105020000", true, ErrMismatch},
		"nothing":            {write, "", true, ErrMismatch},
		"coils":              {read, "010101005188", true, nil},
		"too many coils":     {read, "0101020000", false, ErrMismatch},
		"no coils":           {read, "010100", false, ErrMismatch},
		"a write for a read": {read, "0105020000078db0", true, ErrMismatch},
	} {
		b := unhex(t, c.reply)
		if !c.whole {
			b = seal(b)
		}
		if _, err := c.request.Reply(b); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// The example of the application protocol, 6.1: coils 20–38 are CD 6B 05.
func TestCoilsAreReadLowBitFirst(t *testing.T) {
	got, err := ReadCoils(0x11, 0x13, 0x13).Reply(seal(unhex(t, "110103cd6b05")))
	if err != nil {
		t.Fatal(err)
	}
	bits := make([]byte, len(got))
	for i, on := range got {
		bits[i] = map[bool]byte{true: '1', false: '0'}[on]
	}
	if want := "1011001111010110101"; string(bits) != want {
		t.Fatalf("coils %s, want %s", bits, want)
	}
}

func TestAReplyIsAwaitedToItsLength(t *testing.T) {
	write, read := WriteCoil(1, 0, On), ReadCoils(1, 0, 16)
	for _, c := range []struct {
		request Request
		got     string
		want    int
	}{
		{write, "", 5},
		{write, "01850284", 5},
		{write, "0185028490", 5},
		{write, "01050000ff", 8},
		{read, "0101020000", 7},
	} {
		if n := c.request.Await(unhex(t, c.got)); n != c.want {
			t.Errorf("%s: awaits %d bytes, want %d", c.got, n, c.want)
		}
	}
}

func FuzzReply(f *testing.F) {
	f.Add([]byte{1, 5, 2, 0, 0, 7, 0x8d, 0xb0})
	f.Add([]byte{1, 1, 1, 0, 0x51, 0x88})
	f.Add([]byte{1, 0x85, 2})
	f.Fuzz(func(t *testing.T, b []byte) {
		write, read := WriteCoil(1, 0x0200, 7), ReadCoils(1, 0, 8)
		if _, err := write.Reply(b); err == nil && !bytes.Equal(b, write) {
			t.Errorf("% x confirms % x", b, []byte(write))
		}
		coils, err := read.Reply(b)
		if err == nil && (len(coils) != 8 || !slices.Equal(b[:3], []byte{1, 1, 1}) || len(b) != 6) {
			t.Errorf("% x are %d coils", b, len(coils))
		}
	})
}
