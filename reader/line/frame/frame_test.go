package frame

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kanmon/reader"
	"kanmon/reader/credential"
)

// Check values of "123456789": https://reveng.sourceforge.io/crc-catalogue/16.htm. The sums are counted by hand: 0x31 ^ … ^ 0x39 = 0x31,
// 0x31 + … + 0x39 = 0x1DD.
func TestEveryCheckHasItsPublishedValue(t *testing.T) {
	for kind, want := range map[string]uint64{
		"CRC-16/IBM-SDLC": 0x906E, "CRC-16/MODBUS": 0x4B37, "CRC-16/IBM-3740": 0x29B1, "CRC-16/XMODEM": 0x31C3, "CRC-16/KERMIT": 0x2189, "CRC-16/ARC": 0xBB3D,
		"xor": 0x31, "sum": 0xDD, "lrc": 0x23,
	} {
		if got := (Check{Kind: kind}).value([]byte("123456789")); got != want {
			t.Errorf("%s: %04X, want %04X", kind, got, want)
		}
	}
	if n := len(crcs) + len(sums); n != 9 {
		t.Errorf("%d kinds, 9 are held to a published value", n)
	}
}

// Frames written out by hand.
func TestTheExamplesReadTheFramesOfTheirReaders(t *testing.T) {
	text := func(s string) credential.Credential { c, err := credential.FromText(s); return card(t, c, err) }
	uid, err := credential.FromUID([]byte{0x04, 0xA1, 0xB2, 0xC3, 0xD4, 0xE5, 0x80})
	uid = card(t, uid, err)
	h10301, err := credential.FromBits(26, []byte{0xBD, 0xD9, 0x37, 0x40})
	h10301 = card(t, h10301, err)
	for _, c := range []struct {
		profile string
		address int
		line    string
		want    credential.Credential
	}{
		{"ascii-stx", 0, "\x02C1234\x03D", text("1234")}, // 43^31^32^33^34^03 = 44
		{"ascii-stx", 0, "\x02C0\x03\x70", text("0")},
		{"binary-poll", 5, string(polled(5, 0x81, 0x04, 0xA1, 0xB2, 0xC3, 0xD4, 0xE5, 0x80)), uid},
		{"wiegand-converter", 0, "W026bdd93740\r\n", h10301},
		{"wiegand-converter", 0, "W026BDD9377F\r\n", h10301}, // bits past the count are not the card's
	} {
		codec := example(t, c.profile, c.address)
		got, errs := cards(codec, heard(codec.Decoder(), []byte(c.line)))
		if len(errs) != 0 || len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: %q: %d cards, %v", c.profile, c.line, len(got), errs)
		}
	}
}

func TestTheExamplesCanShowEveryAnswer(t *testing.T) {
	for _, name := range Examples() {
		address := 0
		if name == "binary-poll" {
			address = 9
		}
		c := example(t, name, address)
		for f, word := range feedbacks {
			if len(c.Show(f)) == 0 {
				t.Errorf("%s shows nothing for %s", name, word)
			}
		}
	}
	if got, want := example(t, "binary-poll", 9).Show(reader.ShowDenied), polled(9, 0x20, 1, 3); !bytes.Equal(got, want) {
		t.Errorf("denied: % x, want % x", got, want)
	}
	if got, want := example(t, "binary-poll", 9).Poll(), polled(9, 1); !bytes.Equal(got, want) {
		t.Errorf("poll: % x, want % x", got, want)
	}
	if got, want := example(t, "ascii-stx", 0).Show(reader.ShowGranted), stx("G2"); !bytes.Equal(got, want) {
		t.Errorf("granted: % x, want % x", got, want)
	}
}

// Case 32: what is broken is an error that says how, and never a card.
func TestABrokenFrameIsAnErrorAndNoCard(t *testing.T) {
	good := polled(5, 0x81, 1, 2, 3, 4)
	swap := func(b []byte, at int, with byte) string { b = bytes.Clone(b); b[at] = with; return string(b) }
	for name, c := range map[string]struct {
		profile, line string
		want          error
	}{
		"truncated":              {"binary-poll", string(good[:6]), ErrTruncated},
		"truncated text":         {"ascii-stx", "\x02C12", ErrTruncated},
		"no check":               {"ascii-stx", "\x02C12\x03", ErrTruncated},
		"truncated, then whole":  {"ascii-stx", "\x02C12\x02", ErrTruncated},
		"truncated line":         {"wiegand-converter", "W026bdd9", ErrTruncated},
		"check":                  {"binary-poll", swap(good, 5, 9), ErrCheck},
		"check of text":          {"ascii-stx", "\x02C1235\x03D", ErrCheck},
		"end":                    {"binary-poll", swap(good, len(good)-1, 0x04), ErrEnd},
		"length too large":       {"binary-poll", swap(good, 2, 33), ErrLength},
		"length too small":       {"binary-poll", swap(good, 2, 4), ErrEnd},
		"too long":               {"ascii-stx", "\x02C" + strings.Repeat("1", 40), ErrLength},
		"too long line":          {"wiegand-converter", strings.Repeat("W", 90) + "\r\n", ErrLength},
		"another address":        {"binary-poll", string(polled(6, 0x81, 1, 2, 3, 4)), ErrAddress},
		"count is no number":     {"wiegand-converter", "W0x6bdd93740\r\n", errField("count")},
		"count too large":        {"wiegand-converter", "W999bdd93740\r\n", errField("count")},
		"half a digit missing":   {"wiegand-converter", "W026bdd9374\r\n", errField("number")},
		"a byte missing":         {"wiegand-converter", "W026bdd937\r\n", nil},
		"no number":              {"ascii-stx", string(stx("C")), errField("number")},
		"UID of a wrong length":  {"binary-poll", string(polled(5, 0x81, 1, 2, 3, 4, 5)), nil},
		"UID drawn anew":         {"binary-poll", string(polled(5, 0x81, 8, 2, 3, 4)), nil},
		"control character":      {"ascii-stx", string(stx("C12\x00")), nil},
		"escape sequence":        {"ascii-stx", string(stx("C\x1b[31m")), nil},
		"more than a credential": {"ascii-stx", string(stx("C" + strings.Repeat("1", 33))), ErrLength},
	} {
		address := 0
		if c.profile == "binary-poll" {
			address = 5
		}
		codec := example(t, c.profile, address)
		got, errs := cards(codec, heard(codec.Decoder(), []byte(c.line)))
		if len(got) != 0 || len(errs) == 0 {
			t.Errorf("%s: %d cards, errors %v", name, len(got), errs)
			continue
		}
		if c.want != nil && !errors.Is(errs[0], c.want) && errs[0].Error() != c.want.Error() {
			t.Errorf("%s: %v, want %v", name, errs[0], c.want)
		}
	}
}

// One byte lost on its way, or doubled, is never another card.
func TestAFrameThatLostAByteIsNoCard(t *testing.T) {
	for name, line := range map[string][]byte{
		"ascii-stx": stx("C1223334"), "binary-poll": polled(0, 0x81, 1, 2, 3, 4, 5, 6, 7), "wiegand-converter": []byte("W06401234567899abcde\r\n"),
	} {
		c := example(t, name, 0)
		whole, _ := cards(c, heard(c.Decoder(), line))
		if len(whole) != 1 {
			t.Fatalf("%s: the whole frame is %d cards", name, len(whole))
		}
		for i := range line {
			lost := append(bytes.Clone(line[:i]), line[i+1:]...)
			doubled := append(bytes.Clone(line[:i+1]), line[i:]...)
			for how, b := range map[string][]byte{"lost": lost, "doubled": doubled} {
				got, _ := cards(c, heard(c.Decoder(), b))
				if len(got) > 0 && got[0] != whole[0] {
					t.Errorf("%s: byte %d %s makes another card", name, i, how)
				}
			}
		}
	}
}

// A check finds every single wrong bit.
func TestAWrongBitUnderACheckIsNoOtherCard(t *testing.T) {
	for name, line := range map[string][]byte{"ascii-stx": stx("C1223334"), "binary-poll": polled(0, 0x81, 1, 2, 3, 4, 5, 6, 7)} {
		c := example(t, name, 0)
		for i := range 8 * len(line) {
			b := bytes.Clone(line)
			b[i/8] ^= 1 << (i % 8)
			if got, _ := cards(c, heard(c.Decoder(), b)); len(got) > 0 {
				t.Errorf("%s: bit %d turned is a card", name, i)
			}
		}
	}
}

func TestTheNextCardIsReadAfterABrokenOne(t *testing.T) {
	good := polled(5, 0x81, 1, 2, 3, 4)
	want, err := credential.FromUID([]byte{1, 2, 3, 4})
	want = card(t, want, err)
	for name, broken := range map[string][]byte{
		"noise": []byte("\xff\x00\x03\x03"), "half a frame": good[:7], "length that swallows the next": {2, 5, 30}, "wrong check": append(bytes.Clone(good[:len(good)-2]), 0, 3),
	} {
		c := example(t, "binary-poll", 5)
		got, _ := cards(c, heard(c.Decoder(), broken, good))
		if len(got) != 1 || got[0] != want {
			t.Errorf("after %s: %d cards", name, len(got))
		}
	}
}

func TestACardThatFollowsOnHalfAFrameIsRead(t *testing.T) {
	c := example(t, "ascii-stx", 0)
	got, errs := cards(c, heard(c.Decoder(), []byte("\x02C12\x02C1234\x03D")))
	if len(got) != 1 || len(errs) != 1 || !errors.Is(errs[0], ErrTruncated) {
		t.Errorf("%d cards, %v", len(got), errs)
	}
}

func TestTheRestOfALineThatWasTooLongIsNoCard(t *testing.T) {
	c := example(t, "wiegand-converter", 0)
	line := strings.Repeat("1", 100) + "\r" // cut between the two bytes of the line's end
	got, errs := cards(c, heard(c.Decoder(), []byte(line), []byte("\nW026bdd93740\r\n")))
	if len(got) != 1 || len(errs) != 1 {
		t.Errorf("%d cards, %v", len(got), errs)
	}
	got, errs = cards(c, heard(c.Decoder(), []byte(strings.Repeat("x", 100)), []byte("W026bdd93740\r\n")))
	if len(got) != 0 || len(errs) != 1 {
		t.Errorf("%d cards in the rest of a long line, %v", len(got), errs)
	}
}

// The rest that comes by itself looks like a whole line of the right length.
func TestTheRestOfALongLineThatLooksWholeIsNoCard(t *testing.T) {
	c := compiled(t, profile(t, `{"frame": {"end": "0d", "max": 8}, "card": {"kind": "text", "length": 8, "number": {"encoding": "decimal"}}}`), 0)
	got, errs := cards(c, heard(c.Decoder(), []byte("1111111111"), []byte("12345678\r"), []byte("87654321\r")))
	if len(got) != 1 || len(errs) != 1 {
		t.Errorf("%d cards, %v", len(got), errs)
	}
}

func TestFramesThatAreNoCardsAreNone(t *testing.T) {
	c := example(t, "binary-poll", 5)
	got, errs := cards(c, heard(c.Decoder(), polled(5, 0x06), polled(5)))
	if len(got) != 0 || len(errs) != 0 {
		t.Errorf("%d cards, %v", len(got), errs)
	}
}

// Layouts of all kinds, and for each a frame written by hand around the body "AB".
var layouts = map[string]struct {
	layout, frame string
}{
	"line":                     {`{"end": "0d"}`, "AB\r"},
	"fixed":                    {`{"start": "02", "fixed": 2}`, "\x02AB"},
	"decimal length":           {`{"start": "3a", "length": {"encoding": "decimal", "size": 3}, "end": "0d"}`, ":002AB\r"},
	"length of the whole":      {`{"start": "02", "length": {"encoding": "binary", "size": 2, "add": 5}, "check": {"kind": "sum"}, "end": "03"}`, "\x02\x00\x07AB\x8c\x03"},
	"little length":            {`{"start": "02", "length": {"encoding": "binary", "size": 2, "order": "little"}}`, "\x02\x02\x00AB"},
	"length first":             {`{"start": "02", "length": {"encoding": "hex", "size": 2}, "address": {"encoding": "hex", "size": 2}, "length_first": true}`, "\x02021FAB"},
	"address first":            {`{"start": "02", "length": {"encoding": "hex", "size": 2}, "address": {"encoding": "decimal", "size": 3}}`, "\x0203102AB"},
	"hex check before the end": {`{"start": "3a", "check": {"kind": "lrc", "encoding": "hex", "from": "after_start"}, "end": "0d 0a"}`, ":AB7D\r\n"},
	"hex CRC after the end":    {`{"start": "02", "check": {"kind": "CRC-16/MODBUS", "encoding": "hex", "from": "after_start", "after_end": true}, "end": "03"}`, "\x02AB\x03D1B1"},
	"little CRC":               {`{"start": "02", "fixed": 2, "check": {"kind": "CRC-16/MODBUS", "order": "little", "from": "after_start"}}`, "\x02AB\xb1\xd1"},
	"two start bytes":          {`{"start": "aa 55", "fixed": 2, "end": "55 aa"}`, "\xaa\x55AB\x55\xaa"},
}

func layoutCodec(tb testing.TB, layout string) *Codec {
	tb.Helper()
	address := 0
	if strings.Contains(layout, "address") {
		address = 31
	}
	p := profile(tb, fmt.Sprintf(`{"frame": %s, "card": {"kind": "text", "length": 2, "number": {"encoding": "ascii"}}, "show": {"granted": "'AB'"}}`, layout))
	return compiled(tb, p, address)
}

func TestEveryLayoutIsReadAndWritten(t *testing.T) {
	for name, c := range layouts {
		codec := layoutCodec(t, c.layout)
		got := heard(codec.Decoder(), []byte(c.frame))
		if len(got) != 1 || got[0].Err != nil || string(got[0].Body) != "AB" {
			t.Errorf("%s: %q is %q", name, c.frame, got)
		}
		if sent := codec.Show(reader.ShowGranted); string(sent) != c.frame {
			t.Errorf("%s: sent %q, want %q", name, sent, c.frame)
		}
	}
}

// However a line cuts what comes, the same frames are found.
func TestFramesAreFoundInLumpsOfAnySize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var line []byte
		n := rapid.IntRange(1, 5).Draw(t, "frames")
		c := example2(t, rapid.SampledFrom([]string{"ascii-stx", "binary-poll"}).Draw(t, "profile"))
		var want [][]byte
		for range n {
			body := rapid.SliceOfN(rapid.ByteRange('0', '9'), 1, 30).Draw(t, "body")
			want = append(want, body)
			line = append(line, c.compose(body)...)
			line = append(line, rapid.SliceOfN(rapid.ByteRange(0x20, 0xFF), 0, 4).Draw(t, "noise")...)
		}
		var lumps [][]byte
		for len(line) > 0 {
			k := rapid.IntRange(1, len(line)).Draw(t, "lump")
			lumps, line = append(lumps, line[:k]), line[k:]
		}
		got := heard(c.codec.Decoder(), lumps...)
		if len(got) != n {
			t.Fatalf("%d frames of %d: %v", len(got), n, got)
		}
		for i, f := range got {
			if f.Err != nil || !bytes.Equal(f.Body, want[i]) {
				t.Fatalf("frame %d: %v", i, f)
			}
		}
	})
}

type modelled struct {
	codec   *Codec
	compose func([]byte) []byte
}

func example2(t *rapid.T, name string) modelled {
	p, err := Example(name)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Compile(p, 0)
	if err != nil {
		t.Fatal(err)
	}
	if name == "ascii-stx" {
		return modelled{c, func(b []byte) []byte { return stx(string(b)) }}
	}
	return modelled{c, func(b []byte) []byte { return polled(0, b...) }}
}
