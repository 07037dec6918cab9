package pin

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// R44-1. IEC 60839-11-1, table 4: where a PIN alone opens a door, at least 1,000 codes are possible for each that is allocated.
func TestAPINAloneIsLongEnoughForItsPopulation(t *testing.T) {
	for allocated, want := range map[int]int{
		0: 4, 1: 4, 10: 4, 11: 5, 100: 5, 101: 6, 1_000: 6, 1_001: 7, 10_000: 7, 10_001: 8, 100_000: 8, 100_001: 9, 1 << 40: 9,
	} {
		if got := Digits(allocated); got != want {
			t.Errorf("%d codes: %d digits, want %d", allocated, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 100_000).Draw(t, "allocated")
		d := Digits(n)
		if possible, _ := strconv.Atoi("1" + strings.Repeat("0", d)); possible < 1_000*n || d < 4 || d > 8 || (d > 4 && possible/10 >= 1_000*n) {
			t.Fatalf("%d codes: %d digits", n, d)
		}
	})
}

func TestWhatIsTriedFirstIsTrivial(t *testing.T) {
	for _, digits := range []string{
		"0000", "1111", "1234", "4321", "7890", "0987", "9012", "2109", "1212", "1900", "1984", "2026", "55555", "23456", "123123", "987654", "19840229", "20260101", "12121212",
	} {
		if !Trivial(digits) {
			t.Errorf("%s is not", digits)
		}
	}
	for _, digits := range []string{"4711", "1357", "2468", "1123", "1799", "2100", "19841", "198402", "19840230", "21840229", "121213", "1235"} {
		if Trivial(digits) {
			t.Errorf("%s is", digits)
		}
	}
}

// So few are left out that the ratio stays as good as the standard's.
func TestFewPINsAreTrivial(t *testing.T) {
	for n, most := range map[int]int{4: 330, 5: 30, 6: 1_120} {
		found := 0
		for code := range tenTo(n) {
			if Trivial(fmt.Sprintf("%0*d", n, code)) {
				found++
			}
		}
		if found > most || found == 0 {
			t.Errorf("%d of the PINs of %d digits", found, n)
		}
	}
}

func tenTo(n int) int {
	v := 1
	for range n {
		v *= 10
	}
	return v
}

func TestADrawIsOfTheLengthAskedFor(t *testing.T) {
	for n := LeastDigits; n <= MostDigits; n++ {
		leading, seen := false, map[string]bool{}
		for range 200 {
			d := draw(n)
			if _, err := strconv.Atoi(d); err != nil || len(d) != n {
				t.Fatalf("%d digits: %q", n, d)
			}
			leading, seen[d] = leading || d[0] == '0', true
		}
		if !leading || len(seen) < 190 {
			t.Errorf("%d digits: a leading zero %t, %d different ones of 200", n, leading, len(seen))
		}
	}
}
