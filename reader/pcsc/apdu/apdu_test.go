package apdu_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kanmon/reader/pcsc/apdu"
)

func raw(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// The ATRs are those printed in manuals and cited for cards: ACS ACR1252U (FeliCa), ACR1281U-C7 (DESFire, EZ-Link), PC/SC part 3 (MIFARE Classic 1K, MIFARE
// Ultralight), and of contact cards: a SIM by T=0 without a check byte, an OpenPGP card.
func TestTheTechnologyIsToldByTheATR(t *testing.T) {
	for name, c := range map[string]struct {
		atr  string
		want apdu.Technology
	}{
		"FeliCa":                {"3B 8F 80 01 80 4F 0C A0 00 00 03 06 11 00 3B 00 00 00 00 42", apdu.FeliCa},
		"FeliCa 212 of ACR122U": {"3B 8F 80 01 80 4F 0C A0 00 00 03 06 03 F0 11 00 00 00 00 8A", apdu.FeliCa},
		"MIFARE Classic 1K":     {"3B 8F 80 01 80 4F 0C A0 00 00 03 06 03 00 01 00 00 00 00 6A", apdu.TypeA},
		"MIFARE Ultralight":     {"3B 8F 80 01 80 4F 0C A0 00 00 03 06 03 00 03 00 00 00 00 68", apdu.TypeA},
		"DESFire":               {"3B 81 80 01 80 80", apdu.TypeA},
		"no historical bytes":   {"3B 80 80 01 01", apdu.TypeA},
		"EZ-Link, type B":       {"3B 88 80 01 1C 2D 94 11 F7 71 85 00 BE", apdu.TypeB},
		"type B memory":         {"3B 8F 80 01 80 4F 0C A0 00 00 03 06 07 00 00 00 00 00 00 6F", apdu.TypeB},
		"ISO 15693":             {"3B 8F 80 01 80 4F 0C A0 00 00 03 06 0B 00 14 00 00 00 00 77", apdu.Other},
		"a SIM":                 {"3B 3F 94 00 80 69 AF 03 07 06 68 00 00 0A 0E 83 3E 9F 16", apdu.Other},
		"OpenPGP":               {"3B DA 18 FF 81 B1 FE 75 1F 03 00 31 C5 73 C0 01 40 00 90 00 0C", apdu.Other},
	} {
		a, err := apdu.ParseATR(raw(t, c.atr))
		if err != nil || a.Technology() != c.want {
			t.Errorf("%s: %d (%v)", name, a.Technology(), err)
		}
	}
}

func TestAnATRThatIsNoneIsRefused(t *testing.T) {
	for name, s := range map[string]string{
		"nothing": "", "one byte": "3B", "another first byte": "3C 80 80 01 01", "a check byte that is wrong": "3B 80 80 01 02",
		"cut in the interface bytes": "3B 80 80", "cut in the historical bytes": "3B 8F 80 01 80 4F", "without its check byte": "3B 80 80 01",
		"a byte too many": "3B 80 80 01 01 00", "34 bytes": strings.Repeat("3B ", 34),
	} {
		if _, err := apdu.ParseATR(raw(t, s)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// script is a reader that expects commands and gives answers, in order.
func script(t *testing.T, lines ...string) (transmit apdu.Transmit, done func()) {
	t.Helper()
	return func(command []byte) ([]byte, error) {
			if len(lines) == 0 {
				t.Fatalf("one command too many: %X", command)
			}
			want, answer, _ := strings.Cut(lines[0], "→")
			lines = lines[1:]
			if !bytes.Equal(command, raw(t, strings.TrimSpace(want))) {
				t.Fatalf("said %X, want %s", command, want)
			}
			if strings.TrimSpace(answer) == "fails" {
				return nil, errors.New("pulled away")
			}
			return raw(t, strings.TrimSpace(answer)), nil
		}, func() {
			if len(lines) > 0 {
				t.Errorf("not said: %v", lines)
			}
		}
}

const felicaATR = "3B 8F 80 01 80 4F 0C A0 00 00 03 06 11 00 3B 00 00 00 00 42"

// The read of a block in FF 00 00 00 is the example of the ACM1252U-Y3 manual, 5.2.6, with its IDm; the answer's frame is of JIS X 6319-4.
func TestABlockIsReadAsTheManualOfTheReaderShows(t *testing.T) {
	block := "00 11 22 33 44 55 66 77 88 99 AA BB CC DD EE FF"
	transmit, done := script(t,
		"FF CA 00 00 00 → 01 01 06 01 CB 09 57 03 90 00",
		"FF 00 00 00 10 10 06 01 01 06 01 CB 09 57 03 01 09 01 01 80 00 → 1D 07 01 01 06 01 CB 09 57 03 00 00 01 "+block+" 90 00",
	)
	c, err := apdu.Read(transmit, raw(t, felicaATR), apdu.Plan{By: apdu.Direct, Service: &apdu.Service{System: 0xFFFF, Service: 0x0109, Blocks: []byte{0}, From: 2, Length: 3}})
	if done(); err != nil || !bytes.Equal(c.Memory, []byte{0x22, 0x33, 0x44}) || c.Technology != apdu.FeliCa {
		t.Errorf("%X (%v)", c.Memory, err)
	}
}

// The data objects are those of PC/SC part 3's supplement, as Sony's and ACS's readers answer them, also with a length of two more bytes.
func TestABlockIsReadInATransparentSession(t *testing.T) {
	idm, other := "01 2E 34 56 78 9A BC DE", "11 2E 34 56 78 9A BC DE"
	block := strings.Repeat("07 ", 16)
	const fine = "C0 03 00 90 00 "
	transmit, done := script(t,
		"FF CA 00 00 00 → "+idm+" 90 00",
		"FF C2 00 00 02 81 00 00 → "+fine+"90 00",
		"FF C2 00 02 04 8F 02 03 00 00 → "+fine+"8F 01 00 90 00",
		"FF C2 00 01 0F 5F 46 04 50 C3 00 00 95 06 06 00 FE 00 00 00 00 → "+fine+"92 01 00 96 02 00 00 97 12 12 01 "+other+" 01 02 03 04 05 06 07 08 90 00",
		"FF C2 00 01 19 5F 46 04 50 C3 00 00 95 10 10 06 "+other+" 01 8B 1A 01 80 00 00 → "+fine+"92 01 00 96 02 00 00 97 82 00 1D 1D 07 "+other+" 00 00 01 "+block+" 90 00",
		"FF C2 00 00 02 82 00 00 → "+fine+"90 00",
	)
	c, err := apdu.Read(transmit, raw(t, felicaATR), apdu.Plan{Service: &apdu.Service{System: 0xFE00, Service: 0x1A8B, Blocks: []byte{0}}})
	if done(); err != nil || !bytes.Equal(c.Memory, bytes.Repeat([]byte{7}, 16)) {
		t.Errorf("%X (%v)", c.Memory, err)
	}
}

// Two silences with an answer between are a card without the system; anything less is a card that could not be read, and a session never stays open.
func TestOneSilenceIsNotACardWithoutTheSystem(t *testing.T) {
	const idm = "01 2E 34 56 78 9A BC DE"
	const system = "FF 00 00 00 06 06 00 FE 00 00 00 → "
	const any = "FF 00 00 00 06 06 00 FF FF 00 00 → "
	const polled = "12 01 " + idm + " 01 02 03 04 05 06 07 08 90 00"
	for name, c := range map[string]struct {
		lines []string
		num   bool
	}{
		"silent, there, silent": {[]string{system + "64 01", any + polled, system + "64 01"}, true},
		"silent, there, there":  {[]string{system + "64 01", any + polled, system + polled}, false},
		"silent, gone":          {[]string{system + "64 01", any + "64 01"}, false},
		"silent, another card":  {[]string{system + "64 01", any + strings.Replace(polled, "2E", "2F", 1)}, false},
		"silent, pulled":        {[]string{system + "64 01", any + "fails"}, false},
		"silent, there, pulled": {[]string{system + "64 01", any + polled, system + "fails"}, false},
		"another card":          {[]string{system + strings.Replace(polled, "2E", "2F", 1)}, false},
		"garbage":               {[]string{system + "12 90 00"}, false},
		"pulled":                {[]string{system + "fails"}, false},
	} {
		transmit, done := script(t, append([]string{"FF CA 00 00 00 → " + idm + " 90 00"}, c.lines...)...)
		got, err := apdu.Read(transmit, raw(t, felicaATR), apdu.Plan{By: apdu.Direct, Service: &apdu.Service{System: 0xFE00, Service: 0x1A8B, Blocks: []byte{0}}})
		done()
		if (err == nil) != c.num || got.Memory != nil || (err != nil && got.Number != nil) {
			t.Errorf("%s: number %X, %v", name, got.Number, err)
		}
	}
}

func TestAServiceIsAFileForSonysReaders(t *testing.T) {
	transmit, done := script(t,
		"FF CA F3 00 00 → 04 90 00", "FF CA 00 00 00 → 01 2E 34 56 78 9A BC DE 90 00", "FF A4 00 01 02 8B 1A → 90 00",
		"FF B0 00 00 00 → "+strings.Repeat("01", 16)+"9000", "FF B0 00 03 00 → "+strings.Repeat("02", 16)+"9000",
	)
	plan := apdu.Plan{By: apdu.File, Service: &apdu.Service{System: apdu.AnySystem, Service: 0x1A8B, Blocks: []byte{0, 3}, From: 15, Length: 2}}
	// A reader whose ATR does not tell gives the kind of card besides.
	if _, err := apdu.Read(transmit, raw(t, "3B 80 80 01 01"), plan); err != nil {
		t.Fatal(err)
	}
	done()
	for answer, want := range map[string]bool{"6A 82": true, "69 82": false} {
		transmit, done := script(t, "FF CA 00 00 00 → 01 2E 34 56 78 9A BC DE 90 00", "FF A4 00 01 02 8B 1A → "+answer)
		c, err := apdu.Read(transmit, raw(t, felicaATR), plan)
		if done(); (err == nil) != want || c.Memory != nil {
			t.Errorf("%s: %v", answer, err)
		}
	}
	transmit, done = script(t, "FF CA F3 00 00 → 08 90 00")
	if c, err := apdu.Read(transmit, raw(t, "3B 80 80 01 01"), plan); err != nil || c.Technology != apdu.TypeB || c.Number != nil {
		t.Errorf("type B: %+v (%v)", c, err)
	}
	done()
}

func TestWhatCannotBeReadIsFoundBeforehand(t *testing.T) {
	good := apdu.Service{System: 0xFE00, Service: 0x1A8B, Blocks: []byte{0, 1}, From: 4, Length: 28}
	if err := good.Check(apdu.Transparent); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*apdu.Service){
		"no block": func(s *apdu.Service) { s.Blocks = nil }, "five blocks": func(s *apdu.Service) { s.Blocks = make([]byte, 5) },
		"a byte behind the last": func(s *apdu.Service) { s.From = 5 }, "before the first": func(s *apdu.Service) { s.From = -1 },
		"29 bytes": func(s *apdu.Service) { s.From, s.Length = 0, 29 }, "all of two blocks": func(s *apdu.Service) { s.From, s.Length = 0, 0 },
		"less than none": func(s *apdu.Service) { s.Length = -1 }, "a service with a key": func(s *apdu.Service) { s.Service = 0x1A88 },
	} {
		s := good
		if spoil(&s); s.Check("") == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if good.Check(apdu.File) == nil || good.Check("wink") == nil {
		t.Error("a system by files, or a dialect that is none")
	}
}

// Whatever a reader and a card answer: no panic, and never both an error and something read; memory is exactly what was asked for.
func TestReadSurvivesEveryAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dialect := rapid.SampledFrom([]apdu.Dialect{apdu.Transparent, apdu.Direct, apdu.File}).Draw(t, "dialect")
		s := &apdu.Service{System: apdu.AnySystem, Service: 0x1A8B, Blocks: []byte{0}, From: 2, Length: 8}
		answer := rapid.OneOf(rapid.Just([]byte{0x90, 0}), rapid.SliceOfN(rapid.Byte(), 0, 300), rapid.Custom(func(t *rapid.T) []byte {
			return append(rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "data"), 0x90, 0x00)
		}))
		check(t, func([]byte) ([]byte, error) { return answer.Draw(t, "answer"), nil }, raw2(felicaATR), apdu.Plan{By: dialect, Service: s})
	})
}

func raw2(s string) []byte {
	b, _ := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	return b
}

type failer interface {
	Fatalf(format string, args ...any)
}

func check(t failer, transmit apdu.Transmit, atr []byte, plan apdu.Plan) {
	c, err := apdu.Read(transmit, atr, plan)
	if err != nil && (c.Number != nil || c.Memory != nil) {
		t.Fatalf("an error (%v) and something read", err)
	}
	if c.Memory != nil && len(c.Memory) != 8 {
		t.Fatalf("%d bytes of memory", len(c.Memory))
	}
	if err == nil && c.Technology != apdu.TypeB && !slices.Contains([]int{4, 7, 8, 10}, len(c.Number)) {
		t.Fatalf("a number of %d bytes", len(c.Number))
	}
}

// The commands are those of the ACR1252U manual (6.2 LED and buzzer by escape) and of the ACR122U API (6.2, bi-colour LED and buzzer).
func TestSignsAreTheCommandsOfTheReadersManual(t *testing.T) {
	denied := apdu.Sign{Red: true, Beep: true}
	for model, want := range map[apdu.Model][]string{
		apdu.ACR1252: {"E0 00 00 29 01 01", "E0 00 00 28 01 0F"}, apdu.ACR122: {"FF 00 40 0D 04 01 00 01 01"}, "": nil,
	} {
		got := model.Escape(denied)
		if len(got) != len(want) {
			t.Fatalf("%q: %X", model, got)
		}
		for i := range want {
			if !bytes.Equal(got[i], raw(t, want[i])) {
				t.Errorf("%q: %X, want %s", model, got[i], want[i])
			}
		}
	}
	if !apdu.ACR1252.Shown(raw(t, "E1 00 00 00 01 01")) || apdu.ACR1252.Shown(raw(t, "90 00")) || !apdu.ACR122.Shown(raw(t, "90 01")) || apdu.ACR122.Shown(raw(t, "63 00")) {
		t.Error("answers to signs")
	}
	if apdu.Model("wink").Known() || !apdu.Model("").Known() {
		t.Error("models")
	}
}
