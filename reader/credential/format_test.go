package credential_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/reader/credential"
)

func hexOf(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// Cases 28 and 29; R44-1. What is no identifier is refused, each with its own reason. 04 E1 41 12 4C 28 80 is the UID of the examples in NXP's
// data sheet of the NTAG 213, 01 01 05 01 B0 0A C3 0B the IDm of those in nfcpy's documentation.
func TestWhatIsNoIdentifierIsRefusedWithItsReason(t *testing.T) {
	for _, tt := range []struct {
		name, code string
		make       func() (credential.Credential, error)
	}{
		{"a UID of 4 bytes", "", func() (credential.Credential, error) { return credential.FromUID(hexOf(t, "CA FE 12 34")) }},
		{"of 7", "", func() (credential.Credential, error) { return credential.FromUID(hexOf(t, "04 E1 41 12 4C 28 80")) }},
		{"of 10", "", func() (credential.Credential, error) {
			return credential.FromUID(hexOf(t, "04 E1 41 12 4C 28 80 01 02 03"))
		}},
		{"of 7 that begins with 08", "", func() (credential.Credential, error) { return credential.FromUID(hexOf(t, "08 E1 41 12 4C 28 80")) }},
		{"a random one", "credential.random", func() (credential.Credential, error) { return credential.FromUID(hexOf(t, "08 12 34 56")) }},
		{"one cut behind the cascade tag", "credential.cut", func() (credential.Credential, error) { return credential.FromUID(hexOf(t, "88 04 E1 41")) }},
		{"one of 5 bytes", "credential.length", func() (credential.Credential, error) { return credential.FromUID(hexOf(t, "04 E1 41 12 4C")) }},
		{"none", "credential.length", func() (credential.Credential, error) { return credential.FromUID(nil) }},
		{"one of zeros", "credential.blank", func() (credential.Credential, error) { return credential.FromUID(make([]byte, 7)) }},
		{"an IDm", "", func() (credential.Credential, error) { return credential.FromIDm(hexOf(t, "01 01 05 01 B0 0A C3 0B")) }},
		{"a random IDm", "credential.random", func() (credential.Credential, error) { return credential.FromIDm(hexOf(t, "01 FE 05 01 B0 0A C3 0B")) }},
		{"half an IDm", "credential.length", func() (credential.Credential, error) { return credential.FromIDm(hexOf(t, "01 01 05 01")) }},
		{"a service", "", func() (credential.Credential, error) {
			return credential.FromService(0xFE00, 0x1A8B, []byte("0012345678"))
		}},
		{"a service that needs a key", "credential.service", func() (credential.Credential, error) {
			return credential.FromService(0xFE00, 0x1A8A, []byte("0012345678"))
		}},
		{"a service nobody wrote to", "credential.blank", func() (credential.Credential, error) { return credential.FromService(0xFE00, 0x1A8B, make([]byte, 16)) }},
		{"nothing of a service", "credential.length", func() (credential.Credential, error) { return credential.FromService(0xFE00, 0x1A8B, nil) }},
		{"29 bytes of a service", "credential.length", func() (credential.Credential, error) {
			return credential.FromService(0xFE00, 0x1A8B, bytes.Repeat([]byte{1}, 29))
		}},
		{"a text", "", func() (credential.Credential, error) { return credential.FromText("00 1,=A'<") }},
		{"a text of spaces", "credential.blank", func() (credential.Credential, error) { return credential.FromText("   ") }},
		{"a text with a NUL", "credential.character", func() (credential.Credential, error) { return credential.FromText("12\x003") }},
		{"a text that commands a terminal", "credential.character", func() (credential.Credential, error) { return credential.FromText("\x1b[2J") }},
		{"a text in Japanese", "credential.character", func() (credential.Credential, error) { return credential.FromText("番号") }},
		{"a text of 33", "credential.length", func() (credential.Credential, error) { return credential.FromText(strings.Repeat("1", 33)) }},
		{"a verdict", "", func() (credential.Credential, error) { return credential.FromVerdict("Sato_01.a-b") }},
		{"a verdict with a space", "credential.character", func() (credential.Credential, error) { return credential.FromVerdict("Sato 01") }},
		{"no verdict", "credential.length", func() (credential.Credential, error) { return credential.FromVerdict("") }},
		{"a type B card", "credential.type_b", func() (credential.Credential, error) { return credential.Credential{}, credential.TypeB() }},
	} {
		c, err := tt.make()
		if fault.CodeOf(err) != tt.code || c.IsZero() != (tt.code != "") {
			t.Errorf("%s: %q (%v), want %q", tt.name, fault.CodeOf(err), err, tt.code)
		}
		if tt.code != "" && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", tt.name, fault.KindOf(err))
		}
	}
}

// R44-1: a credential is format, bit length and value. The same digits in two formats, and the first bytes of a longer number, are others.
func TestTheSameDigitsInTwoFormatsAreTwoCredentials(t *testing.T) {
	seen := map[access.Key]string{}
	for _, written := range []string{
		"bits:32:31323334", "uid:32:31323334", "text:32:31323334", "verdict:32:31323334", "bits:31:31323334",
		"bits:56:31323334353637", "uid:56:31323334353637", "bits:64:3132333435363738", "idm:64:3132333435363738", "text:64:3132333435363738",
		"felica:64:3132333335363738", "felica:56:31323333353637", "idm:64:3132333335363738", "bits:64:3132333335363738", "uid:56:31323333353637",
	} {
		c, err := credential.Parse(written)
		if err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		if other, twice := seen[c.Key(hashKey(t))]; twice {
			t.Errorf("%s is %s", written, other)
		}
		seen[c.Key(hashKey(t))] = written
		want := access.Shape{Format: strings.Split(written, ":")[0]}
		_, _ = fmt.Sscan(strings.Split(written, ":")[1], &want.Bits)
		if c.Shape() != want || c.Written() != written {
			t.Errorf("%s: %+v, %s", written, c.Shape(), c.Written())
		}
	}
}

// HMAC-SHA256 over the format, 00, the bits as two bytes and the value, under 00 01 … 1f, computed with Python's hmac.
func TestTheKeyedHashesOfTheFormatsAreThoseComputedElsewhere(t *testing.T) {
	for written, want := range map[string]string{
		"uid:56:04e141124c2880":                   "b026f8d34e36204aae2058e8a8d7ceee96658b179680dbedd45370b212c0c7cd",
		"felica:112:fe001a8b30303132333435363738": "fed44e6ab1458e9780bb3388bb18ed45acd17a0f1694dd3dd560dc4af892ad8b",
	} {
		c, err := credential.Parse(written)
		if err != nil {
			t.Fatal(err)
		}
		if k := c.Key(hashKey(t)); hex.EncodeToString(k[:]) != want {
			t.Errorf("%s: %x, want %s", written, k[:], want)
		}
	}
}

// Parse takes nothing that the format's own constructor refuses, and what is written is read again the same.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"bits:26:bdd93740", "uid:32:08123456", "uid:56:04e141124c2880", "idm:64:01fe4ce19200abcd", "felica:112:fe001a8b30303132333435363738", "text:24:313233",
		"verdict:16:4131", "bits:256:" + strings.Repeat("ff", 32), "bits:1:80", "bits:0:", "uid:33:0102030405", "felica:16:fe00", ":::", "bits:-8:", "tape:8:00", " bits:8:01\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := credential.Parse(s)
		if err != nil {
			if !c.IsZero() || fault.KindOf(err) != fault.Invalid || fault.CodeOf(err) == "" {
				t.Fatalf("%q: %v, %v", s, c.IsZero(), err)
			}
			return
		}
		again, err := credential.Parse(c.Written())
		if err != nil || again != c {
			t.Fatalf("%q is written %q: %v", s, c.Written(), err)
		}
		shape := c.Shape()
		if count, data := c.Reveal(); count != shape.Bits || len(data) != (count+7)/8 || count < 1 || count > credential.MaxBits || shape.Format == "" || c.Key(hashKey(t)) == (access.Key{}) {
			t.Fatalf("%q: %d bits, %d bytes, %+v", s, count, len(data), shape)
		}
		for _, r := range credential.Reversed(c) {
			if r == c || r.IsZero() {
				t.Fatalf("%q is among its own siblings", s)
			}
		}
	})
}

// framed packs a number with parity in front and behind, bit by bit: even over so many of the first, odd over so many of the last.
func framed(data string, half int) (int, []byte) {
	even, odd := strings.Count(data[:half], "1")%2, 1-strings.Count(data[len(data)-half:], "1")%2
	return packed(fmt.Sprintf("%d%s%d", even, data, odd))
}

func packed(frame string) (int, []byte) {
	out := make([]byte, (len(frame)+7)/8)
	for i, bit := range frame {
		if bit == '1' {
			out[i/8] |= 1 << (7 - i%8)
		}
	}
	return len(frame), out
}

// R44-1. Frames that others have published: 26 bits with the facility code 123 and the number 4567 (the example of Proxmark's `wiegand decode --raw
// 2006f623ae`: the last 26 bits), and with 118 and 1603 (`lf hid` there: 2006ec0c86).
func TestPublishedFramesHaveTheirParity(t *testing.T) {
	for _, v := range []struct {
		raw              uint64
		facility, number int
	}{{0x2006f623ae, 123, 4567}, {0x2006ec0c86, 118, 1603}} {
		frame := fmt.Sprintf("%026b", v.raw&(1<<26-1))
		if frame[1:25] != fmt.Sprintf("%08b%016b", v.facility, v.number) {
			t.Fatalf("the vector is %s", frame)
		}
		for i := range 27 { // every bit turned, and none
			turned := []byte(frame)
			want := access.ParityRight
			if i < 26 {
				turned[i] ^= 1
				want = access.ParityWrong
			}
			c, err := credential.FromBits(packed(string(turned)))
			if err != nil || c.Shape() != (access.Shape{Format: "bits", Bits: 26, Parity: want}) {
				t.Errorf("%s: %+v, %v", turned, c.Shape(), err)
			}
		}
	}
}

// The layouts against a model that counts characters. Of 37 bits the middle one is under both parities.
func TestParityAgreesWithAModelOfCharacters(t *testing.T) {
	halves := map[int]int{26: 12, 34: 16, 37: 18}
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.SampledFrom([]int{1, 8, 25, 26, 26, 27, 32, 34, 34, 36, 37, 37, 38, 256}).Draw(t, "bits")
		frame := rapid.StringOfN(rapid.SampledFrom([]rune("01")), count, count, -1).Draw(t, "frame")
		half, known := halves[count]
		want := access.Parity("")
		if known {
			want = access.ParityWrong
			if strings.Count(frame[:half+1], "1")%2 == 0 && strings.Count(frame[count-half-1:], "1")%2 == 1 {
				want = access.ParityRight
			}
		}
		c, err := credential.FromBits(packed(frame))
		if err != nil || c.Shape().Parity != want || credential.HasParity(count) != known {
			t.Fatalf("%s: %+v, want %q (%v)", frame, c.Shape(), want, err)
		}
	})
}

func bitsOf(tb testing.TB, frame string) credential.Credential {
	tb.Helper()
	c, err := credential.FromBits(packed(frame))
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// Case 27. Two readers deliver one card in different ways; each finds the other among its siblings. 7384CF and 8C7B30 are those of
// Wiegand-Protocol-Library-for-Arduino#36; the two frames of 1293D8 those of forum.arduino.cc, thread 1221511: data lines exchanged, so that all 26 bits are
// complemented, parity too.
func TestTheOtherOrderOfANumberIsAmongItsSiblings(t *testing.T) {
	parse := func(s string) credential.Credential {
		c, err := credential.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	with := func(data string, half int) credential.Credential {
		c, err := credential.FromBits(framed(data, half))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	number := fmt.Sprintf("%08b%016b", 123, 4567)
	for name, pair := range map[string][2]credential.Credential{
		"complemented":                         {parse("bits:24:7384cf"), parse("bits:24:8c7b30")},
		"complemented, in a frame of 26":       {with(fmt.Sprintf("%024b", 0x7384CF), 12), with(fmt.Sprintf("%024b", 0x8C7B30), 12)},
		"data lines exchanged":                 {with(fmt.Sprintf("%024b", 0x1293D8), 12), bitsOf(t, "11110110101101100001001110")},
		"bytes in the other order":             {parse("bits:32:01020304"), parse("bits:32:04030201")},
		"of seven bytes":                       {parse("bits:56:04e141124c2880"), parse("bits:56:80284c1241e104")},
		"bits of each byte in the other order": {parse("bits:32:01020304"), parse("bits:32:8040c020")},
		"all bits in the other order":          {bitsOf(t, "10000000000000000000000101"), bitsOf(t, "10100000000000000000000001")},
		"26 and 34 bits of one number":         {with(number, 12), with("00000000"+number, 16)},
		"34 bits of four bytes, 26 of three":   {with(fmt.Sprintf("%032b", 0xCAFE1234), 16), with(fmt.Sprintf("%024b", 0xCAFE12), 12)},
		"a UID as card bits":                   {parse("uid:56:04e141124c2880"), parse("bits:56:04e141124c2880")},
		"a UID in 34 bits, backwards":          {parse("uid:32:cafe1234"), with(fmt.Sprintf("%032b", 0x3412FECA), 16)},
		"an IDm as card bits":                  {parse("idm:64:01010501b00ac30b"), parse("bits:64:01010501b00ac30b")},
	} {
		if !slices.Contains(credential.Reversed(pair[0]), pair[1]) {
			t.Errorf("%s: the second is not found by the first", name)
		}
		if name != "34 bits of four bytes, 26 of three" && !slices.Contains(credential.Reversed(pair[1]), pair[0]) { // which byte was cut nobody knows
			t.Errorf("%s: the first is not found by the second", name)
		}
	}
	for _, alone := range []string{"text:24:313233", "verdict:24:313233", "felica:64:fe001a8b30303132"} {
		if all := credential.Reversed(parse(alone)); len(all) != 0 {
			t.Errorf("%s has %d siblings", alone, len(all))
		}
	}
	if all := credential.Reversed(credential.Credential{}); len(all) != 0 {
		t.Errorf("nothing has %d siblings", len(all))
	}
}

// Siblings are few, none is the read itself or there twice, and each finds its way back unless a byte was cut off.
func TestSiblingsAreFewAndFindTheirWayBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.SampledFrom([]int{24, 26, 32, 34, 37, 56, 64, 80}).Draw(t, "bits")
		frame := rapid.StringOfN(rapid.SampledFrom([]rune("01")), count, count, -1).Draw(t, "frame")
		c, err := credential.FromBits(packed(frame))
		if err != nil {
			t.Fatal(err)
		}
		all := credential.Reversed(c)
		if len(all) > 80 {
			t.Fatalf("%d siblings of %s", len(all), frame)
		}
		for i, s := range all {
			if s == c || slices.Contains(all[:i], s) {
				t.Fatalf("sibling %d of %s is there twice", i, frame)
			}
			if s.Shape().Bits == count && s.Shape().Parity != access.ParityWrong && c.Shape().Parity != access.ParityWrong && !slices.Contains(credential.Reversed(s), c) {
				t.Fatalf("%s is not a sibling of its sibling %s", c.Written(), s.Written())
			}
		}
	})
}
