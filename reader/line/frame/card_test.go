package frame

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kanmon/reader/credential"
)

// R47-1: what a field holds and how it is written; the wanted credential is written out by hand.
func TestAFieldIsReadAsTheProfileSays(t *testing.T) {
	for name, c := range map[string]struct{ card, body, want string }{
		"characters":            {`"kind": "text", "number": {"encoding": "ascii", "offset": 1, "length": 4}`, "x12 4y", "text:32:31322034"},
		"trimmed":               {`"kind": "text", "number": {"encoding": "ascii", "trim": true}`, "  12 4 ", "text:32:31322034"},
		"digits":                {`"kind": "text", "number": {"encoding": "decimal"}`, "0042", "text:32:30303432"},
		"hex as text":           {`"kind": "text", "number": {"encoding": "hex"}`, "0aFf", "text:32:30414646"},
		"binary as text":        {`"kind": "text", "number": {"encoding": "binary"}`, "\x0a\xff", "text:32:30414646"},
		"binary turned round":   {`"kind": "text", "number": {"encoding": "binary", "order": "little"}`, "\x0a\xff", "text:32:46463041"},
		"BCD":                   {`"kind": "text", "number": {"encoding": "bcd"}`, "\x12\x34", "text:32:31323334"},
		"bits":                  {`"kind": "bits", "bits": 12, "number": {"encoding": "hex"}`, "ABCF", "bits:12:abc0"},
		"bits on the right":     {`"kind": "bits", "bits": 12, "align": "right", "number": {"encoding": "hex"}`, "0ABC", "bits:12:abc0"},
		"bits of a number":      {`"kind": "bits", "bits": 12, "number": {"encoding": "decimal"}`, "2748", "bits:12:abc0"}, // 0xABC
		"bits of BCD":           {`"kind": "bits", "bits": 12, "number": {"encoding": "bcd"}`, "\x27\x48", "bits:12:abc0"},
		"little bits":           {`"kind": "bits", "bits": 16, "number": {"encoding": "binary", "order": "little"}`, "\xcd\xab", "bits:16:abcd"},
		"bits that are counted": {`"kind": "bits", "count": {"encoding": "binary", "length": 1}, "number": {"encoding": "binary", "offset": 1}`, "\x0c\xab\xc0", "bits:12:abc0"},
		"UID":                   {`"kind": "uid", "number": {"encoding": "hex"}`, "04A1B2C3", "uid:32:04a1b2c3"},
		"UID turned round":      {`"kind": "uid", "number": {"encoding": "hex", "order": "little"}`, "C3B2A104", "uid:32:04a1b2c3"},
		"IDm":                   {`"kind": "idm", "number": {"encoding": "binary"}`, "\x01\x2e\x3d\x4c\x5b\x6a\x79\x88", "idm:64:012e3d4c5b6a7988"},
		"yes":                   {`"kind": "verdict", "verdict": {"offset": 0, "yes": "'OK'", "no": "'NG'"}, "number": {"encoding": "ascii", "offset": 2}`, "OKS-0012", "verdict:48:532d30303132"},
	} {
		codec := fielded(t, c.card)
		got, is, err := codec.Read([]byte(c.body))
		want, wrong := credential.Parse(c.want)
		if err != nil || wrong != nil || !is || got != want {
			t.Errorf("%s: card %v, %v %v", name, is, err, wrong)
		}
	}
}

func TestAFieldThatHoldsSomethingElseIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ card, body string }{
		"letters in digits":      {`"kind": "text", "number": {"encoding": "decimal"}`, "12a4"},
		"sign":                   {`"kind": "text", "number": {"encoding": "decimal"}`, "-124"},
		"letters in hex":         {`"kind": "text", "number": {"encoding": "hex"}`, "12xx"},
		"hex in BCD":             {`"kind": "text", "number": {"encoding": "bcd"}`, "\x1a"},
		"spaces only":            {`"kind": "text", "number": {"encoding": "ascii", "trim": true}`, "    "},
		"field past the end":     {`"kind": "text", "number": {"encoding": "ascii", "offset": 2, "length": 4}`, "12345"},
		"number too large":       {`"kind": "bits", "bits": 12, "number": {"encoding": "decimal"}`, "4096"},
		"bits too many":          {`"kind": "bits", "bits": 12, "align": "right", "number": {"encoding": "hex"}`, "1ABC"},
		"bytes of another count": {`"kind": "bits", "bits": 12, "number": {"encoding": "hex"}`, "ABCDEF"},
		"count of nothing":       {`"kind": "bits", "count": {"encoding": "binary", "length": 1}, "number": {"encoding": "binary", "offset": 1}`, "\x00\xab"},
		"neither yes nor no":     {`"kind": "verdict", "verdict": {"offset": 0, "yes": "'OK'", "no": "'NG'"}, "number": {"encoding": "ascii", "offset": 2}`, "O S-0012"},
		"subject of control":     {`"kind": "verdict", "verdict": {"offset": 0, "yes": "'OK'", "no": "'NG'"}, "number": {"encoding": "ascii", "offset": 2}`, "OKS\n12"},
	} {
		if got, is, err := fielded(t, c.card).Read([]byte(c.body)); err == nil || !is || !got.IsZero() {
			t.Errorf("%s: card %v, %v", name, is, err)
		}
	}
	terminal := fielded(t, `"kind": "verdict", "verdict": {"offset": 0, "yes": "'OK'", "no": "'NG'"}, "number": {"encoding": "ascii", "offset": 2}`)
	if _, _, err := terminal.Read([]byte("NGS-0012")); !errors.Is(err, ErrRefused) {
		t.Errorf("no is %v", err)
	}
}

func fielded(tb testing.TB, card string) *Codec {
	tb.Helper()
	return compiled(tb, profile(tb, `{"frame": {"start": "02", "length": {"encoding": "binary", "size": 1}}, "card": {`+card+`}}`), 0)
}

// C-11: an error may be logged, journalled and printed, so it holds nothing of what came.
func TestAnErrorSaysNothingOfWhatCame(t *testing.T) {
	for _, evil := range []string{`'; DROP TABLE card; --`, "\x1b[2Jcleared", "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "nul\x00byte", "\xff\xfe", "１２３"} {
		for name, body := range map[string]string{"ascii-stx": string(stx("C" + evil)), "wiegand-converter": "W" + evil + "\r\n", "binary-poll": string(polled(0, append([]byte{0x81}, evil...)...))} {
			c := example(t, name, 0)
			_, errs := cards(c, heard(c.Decoder(), []byte(body)))
			for _, err := range errs {
				if strings.Contains(err.Error(), evil[:min(4, len(evil))]) {
					t.Errorf("%s: %q is repeated: %v", name, evil, err)
				}
			}
		}
	}
}

// A number is the same credential whichever way its bytes come.
func TestByteOrderAndAlignmentMakeTheSameCard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 1, 32).Draw(t, "bytes")
		back := make([]byte, len(b))
		for i := range b {
			back[len(b)-1-i] = b[i]
		}
		read := func(f Field, body []byte) credential.Credential {
			c, err := Card{Kind: kindBits, Bits: 8 * len(b), Number: f}.read(body)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		if read(Field{Encoding: binaryBytes}, b) != read(Field{Encoding: binaryBytes, Order: littleOrder}, back) {
			t.Fatal("two cards")
		}
	})
}
