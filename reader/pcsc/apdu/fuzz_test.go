package apdu_test

import (
	"bytes"
	"testing"

	"kanmon/reader/pcsc/apdu"
)

func FuzzATR(f *testing.F) {
	for _, s := range []string{felicaATR, "3B 81 80 01 80 80", "3B 88 80 01 1C 2D 94 11 F7 71 85 00 BE", "3B DA 18 FF 81 B1 FE 75 1F 03 00 31 C5 73 C0 01 40 00 90 00 0C"} {
		f.Add(raw2(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := apdu.ParseATR(b)
		if err != nil {
			return
		}
		if len(a.Historical) != int(b[1]&0x0F) || !bytes.Contains(b, a.Historical) || a.Technology() > apdu.FeliCa {
			t.Errorf("%X: historical %X", b, a.Historical)
		}
	})
}

// FuzzAnswers takes an input apart into answers of a reader: a length, and as many bytes.
func FuzzAnswers(f *testing.F) {
	session := raw2("0A 01 2E 34 56 78 9A BC DE 90 00 07 C0 03 00 90 00 90 00 07 C0 03 00 90 00 90 00")
	f.Add(uint8(0), session)
	f.Add(uint8(1), raw2("0A 01 2E 34 56 78 9A BC DE 90 00 1F 1D 07 01 2E 34 56 78 9A BC DE 00 00 01 00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F 90 00"))
	f.Add(uint8(2), raw2("0A 01 2E 34 56 78 9A BC DE 90 00 02 90 00 02 6A 82"))
	f.Fuzz(func(t *testing.T, by uint8, b []byte) {
		dialect := []apdu.Dialect{apdu.Transparent, apdu.Direct, apdu.File}[by%3]
		transmit := func([]byte) ([]byte, error) {
			if len(b) == 0 {
				return []byte{0x64, 0x01}, nil
			}
			n := min(int(b[0]), len(b)-1)
			a := b[1 : 1+n]
			b = b[1+n:]
			return a, nil
		}
		check(t, transmit, raw2(felicaATR), apdu.Plan{By: dialect, Service: &apdu.Service{System: 0xFE00, Service: 0x1A8B, Blocks: []byte{0}, From: 2, Length: 8}})
	})
}
