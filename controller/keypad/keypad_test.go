package keypad_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/controller/keypad"
)

const enter, wipe = "\r", "\x7f"

func entered(p *keypad.Pads, reader, keys string, at time.Duration) (numbers []string) {
	for _, c := range p.Press(reader, []byte(keys), at) {
		numbers = append(numbers, c.Number())
	}
	return numbers
}

// R44-1: a PIN is what stands between the last key that clears and the key that enters.
func TestKeysBecomeCodes(t *testing.T) {
	for name, c := range map[string]struct {
		keys string
		want []string
	}{
		"a PIN":                     {"4711" + enter, []string{"4711"}},
		"cleared and typed anew":    {"12" + wipe + "4711" + enter, []string{"4711"}},
		"a number and a PIN":        {"1001" + enter + "4711" + enter, []string{"1001", "4711"}},
		"nothing entered":           {enter + enter, nil},
		"not entered":               {"4711", nil},
		"a key that is none":        {"12A4711" + enter, []string{"4711"}},
		"more digits than any code": {strings.Repeat("7", 17) + enter + "1" + enter, []string{"1"}},
		"as many as a code may":     {strings.Repeat("7", 16) + enter, []string{strings.Repeat("7", 16)}},
	} {
		if got := entered(keypad.New(), "IN-1", c.keys, 0); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestReadersAndTimesAreApart(t *testing.T) {
	p := keypad.New()
	entered(p, "IN-1", "47", 0)
	entered(p, "IN-2", "99", 0)
	if got := entered(p, "IN-1", "11"+enter, keypad.Idle-1); !slices.Equal(got, []string{"4711"}) {
		t.Errorf("within the time: %q", got)
	}
	if got := entered(p, "IN-2", "1"+enter, keypad.Idle); !slices.Equal(got, []string{"1"}) {
		t.Errorf("after the time: %q", got)
	}
}

// However the line cuts the keys into reports, the codes are the same.
func TestCutsDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.StringOfN(rapid.SampledFrom([]rune("0123456789\r\x7f")), 0, 40, -1).Draw(t, "keys")
		want := entered(keypad.New(), "r", keys, 0)
		p := keypad.New()
		var got []string
		for rest := keys; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "cut")
			got = append(got, entered(p, "r", rest[:n], 0)...)
			rest = rest[n:]
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%q, want %q", got, want)
		}
	})
}
