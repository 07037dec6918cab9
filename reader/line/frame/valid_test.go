package frame

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"kanmon/internal/fault"
)

// Each row breaks one field of a profile that makes sense, and the error has to name that field.
func TestAProfileThatMakesNoSenseNamesItsField(t *testing.T) {
	const good = `{"frame": {"start": "02", "end": "03", "length": {"encoding": "binary", "size": 1}, "address": {"encoding": "hex", "size": 2},
		"check": {"kind": "xor"}}, "card": {"kind": "bits", "bits": 26, "number": {"encoding": "binary"}}, "poll": {"send": "01", "every_ms": 100}, "show": {"granted": "01"}}`
	compiled(t, profile(t, good), 7)
	for _, c := range []struct{ field, old, with string }{
		{"frame.start", `"start": "02"`, `"start": "01 02 03 04 05 06 07 08 09"`},
		{"frame.start", `"start": "02"`, `"start": ""`},
		{"frame.start", `"start": "02", "end": "03"`, `"start": ""`},
		{"frame.end", `"end": "03"`, `"end": "01 02 03 04 05 06 07 08 09"`},
		{"frame.end", `"end": "03", "length": {"encoding": "binary", "size": 1}`, `"max": 3`},
		{"frame.fixed", `"end": "03"`, `"fixed": 3`},
		{"frame.fixed", `"end": "03"`, `"fixed": -3`},
		{"frame.max", `"end": "03"`, `"max": 5000`},
		{"frame.length.encoding", `"binary", "size": 1`, `"octal", "size": 1`},
		{"frame.length.size", `"binary", "size": 1`, `"binary", "size": 5`},
		{"frame.length.size", `"binary", "size": 1`, `"binary"`},
		{"frame.length.add", `"size": 1}`, `"size": 1, "add": -20}`},
		{"frame.length.order", `"binary", "size": 1`, `"decimal", "size": 2, "order": "little"`},
		{"frame.length.order", `"binary", "size": 1`, `"binary", "size": 2, "order": "middle"`},
		{"frame.address.size", `"hex", "size": 2`, `"hex", "size": 9`},
		{"frame.check.kind", `"kind": "xor"`, `"kind": "CRC-16/CCITT"`},
		{"frame.check.encoding", `"kind": "xor"`, `"kind": "xor", "encoding": "decimal"`},
		{"frame.check.encoding", `"end": "03", "length": {"encoding": "binary", "size": 1}`, `"end": "03"`},
		{"frame.check.order", `"kind": "xor"`, `"kind": "xor", "order": "up"`},
		{"frame.check.from", `"kind": "xor"`, `"kind": "xor", "from": "middle"`},
		{"frame.check.with_end", `"kind": "xor"`, `"kind": "xor", "with_end": true`},
		{"frame.check.after_end", `"end": "03", "length": {"encoding": "binary", "size": 1}, "address": {"encoding": "hex", "size": 2},
		"check": {"kind": "xor"}`, `"length": {"encoding": "binary", "size": 1}, "check": {"kind": "xor", "after_end": true}`},
		{"gap_ms", `"card":`, `"gap_ms": -1, "card":`},
		{"alive_ms", `"card":`, `"alive_ms": 600000, "card":`},
		{"card.kind", `"kind": "bits"`, `"kind": "face"`},
		{"card.kind", `"kind": "bits", `, ``},
		{"card.bits", `"bits": 26, `, ``},
		{"card.bits", `"bits": 26`, `"bits": 257`},
		{"card.bits", `"kind": "bits"`, `"kind": "uid"`},
		{"card.bits", `"bits": 26`, `"bits": 26, "count": {"length": 2, "encoding": "decimal"}`},
		{"card.count.length", `"bits": 26`, `"count": {"encoding": "decimal"}`},
		{"card.count.encoding", `"bits": 26`, `"count": {"length": 2, "encoding": "ascii"}`},
		{"card.align", `"bits": 26`, `"bits": 26, "align": "middle"`},
		{"card.when[0].bytes", `"bits": 26`, `"bits": 26, "when": [{"offset": 1}]`},
		{"card.when[0].offset", `"bits": 26`, `"bits": 26, "when": [{"offset": -1, "bytes": "01"}]`},
		{"card.number.encoding", `"number": {"encoding": "binary"}`, `"number": {"encoding": "ascii"}`},
		{"card.number.encoding", `"number": {"encoding": "binary"}`, `"number": {}`},
		{"card.number.offset", `"number": {"encoding": "binary"}`, `"number": {"encoding": "binary", "offset": -1}`},
		{"card.number.length", `"number": {"encoding": "binary"}`, `"number": {"encoding": "binary", "length": 9999}`},
		{"card.number.order", `"number": {"encoding": "binary"}`, `"number": {"encoding": "binary", "order": "odd"}`},
		{"card.verdict", `"bits": 26`, `"bits": 26, "verdict": {"yes": "01", "no": "00"}`},
		{"card.verdict", `"kind": "bits", "bits": 26`, `"kind": "verdict"`},
		{"card.verdict.yes", `"kind": "bits", "bits": 26`, `"kind": "verdict", "verdict": {"yes": "01", "no": "01 02"}`},
		{"card.verdict.yes", `"kind": "bits", "bits": 26`, `"kind": "verdict", "verdict": {"yes": "01"}`},
		{"card.length", `"bits": 26`, `"bits": 26, "length": 2000`},
		{"poll.every_ms", `"every_ms": 100`, `"every_ms": 1`},
		{"poll.send", `"send": "01", `, ``},
		{"poll.send", `"send": "01"`, `"send": "'` + strings.Repeat("x", 65) + `'"`},
		{"show.opened", `"granted"`, `"opened"`},
		{"show.granted", `"granted": "01"`, `"granted": ""`},
		{"send.check.kind", `"poll":`, `"send": {"check": {"kind": "none"}}, "poll":`},
	} {
		if strings.Count(good, c.old) != 1 {
			t.Fatalf("%s: %q is not there once", c.field, c.old)
		}
		_, err := Compile(profile(t, strings.Replace(good, c.old, c.with, 1)), 7)
		if e, ok := errors.AsType[*fault.Error](err); !ok || e.Field != c.field || !strings.Contains(err.Error(), c.field) {
			t.Errorf("%s for %s: %v", c.with, c.old, err)
		}
	}
}

func TestAProfileWithoutAnythingThatShowsALostDigitIsRefused(t *testing.T) {
	const open = `{"frame": {"start": "02", "end": "03"%s}, "card": {"kind": "text", "number": {"encoding": "ascii"}%s}}`
	for _, c := range []struct {
		frame, card string
		ok          bool
	}{
		{"", "", false},
		{"", `, "length": 8`, true},
		{`, "fixed": 8`, "", true},
		{`, "check": {"kind": "lrc", "encoding": "hex"}`, "", true},
		{`, "length": {"encoding": "decimal", "size": 2}`, "", true},
	} {
		text := strings.Replace(strings.Replace(open, "%s", c.frame, 1), "%s", c.card, 1)
		if _, err := Compile(profile(t, text), 0); (err == nil) != c.ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// A count of bits shows a lost byte only where the number is bytes that have to be so many.
func TestACountOfBitsIsEnoughOnlyWhereALostByteShows(t *testing.T) {
	const card = `{"frame": {"end": "0d"}, "card": {"kind": "bits", "count": {"length": 2, "encoding": "decimal"}, %s}}`
	for number, ok := range map[string]bool{
		`"number": {"offset": 2, "encoding": "hex"}`:                      true,
		`"number": {"offset": 2, "encoding": "binary"}`:                   true,
		`"number": {"offset": 2, "encoding": "decimal"}`:                  false,
		`"number": {"offset": 2, "encoding": "bcd"}`:                      false,
		`"number": {"offset": 2, "encoding": "hex"}, "align": "right"`:    false,
		`"number": {"offset": 2, "encoding": "hex", "length": 8}`:         false,
		`"number": {"offset": 2, "encoding": "decimal"}, "length": 10`:    true,
		`"number": {"offset": 2, "encoding": "hex", "order": "little"}`:   true,
		`"number": {"offset": 2, "encoding": "binary"}, "align": "right"`: false,
	} {
		if _, err := Compile(profile(t, strings.Replace(card, "%s", number, 1)), 0); (err == nil) != ok {
			t.Errorf("%s: %v", number, err)
		}
	}
}

func TestAnAddressNeedsAProfileThatHasOne(t *testing.T) {
	p, err := Example("ascii-stx")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Compile(p, 3); err == nil {
		t.Error("an address was taken by a profile without one")
	}
	if p, err = Example("binary-poll"); err != nil {
		t.Fatal(err)
	}
	for _, address := range []int{-1, 256} {
		if _, err := Compile(p, address); err == nil {
			t.Errorf("address %d fits into a byte", address)
		}
	}
	if _, err := Example("../profile"); err == nil || !strings.Contains(err.Error(), "ascii-stx, binary-poll, wiegand-converter") {
		t.Errorf("no example: %v", err)
	}
}

func TestBytesAreHexAndQuotedText(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "02": "\x02", " 02  'C 1'0d0a ": "\x02C 1\r\n", "'it''s'": "its", "FFfe": "\xff\xfe",
	} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err != nil || string(b) != want {
			t.Errorf("%q is %q: %v", text, b, err)
		}
	}
	for _, text := range []string{"2", "0x02", "'C", "STX", "02'C'", "é"} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken as % x", text, b)
		}
	}
	written, err := json.Marshal(Bytes("\x02A"))
	if err != nil || string(written) != `"02 41"` {
		t.Errorf("written %s: %v", written, err)
	}
}
