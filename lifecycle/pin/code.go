package pin

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// How many digits a PIN has.
const (
	LeastDigits = 4
	MostDigits  = 8
)

// perCode is how many codes have to be possible for each that is allocated where a PIN alone opens a door (IEC 60839-11-1, table 4).
const perCode = 1_000

// Digits is how many digits PINs need where they are taken alone and so many codes are allocated, counting the ones for threats: 4 up to 10, 5
// up to 100, and so on. More than MostDigits: there is no room for so many.
func Digits(allocated int) int {
	n, possible := LeastDigits, 10_000
	for n <= MostDigits && possible/perCode < allocated {
		n, possible = n+1, 10*possible
	}
	return n
}

// Trivial reports whether a PIN is among the first that somebody tries: one digit or a short block again and again, digits that go up or down by one,
// a year of birth in four digits, a date of birth in eight.
func Trivial(digits string) bool {
	return steps(digits) || repeats(digits) || born(digits)
}

// steps: every digit differs from the one before by the same 0, 1 or 9 (0 follows 9).
func steps(digits string) bool {
	step := func(i int) int { return (int(digits[i]) - int(digits[i-1]) + 10) % 10 }
	for i := 1; i < len(digits); i++ {
		if s := step(i); s != step(1) || (s > 1 && s < 9) {
			return false
		}
	}
	return true
}

// repeats: a block of at most half the length makes up the whole.
func repeats(digits string) bool {
	for n := 1; 2*n <= len(digits); n++ {
		if len(digits)%n == 0 && strings.Repeat(digits[:n], len(digits)/n) == digits {
			return true
		}
	}
	return false
}

func born(digits string) bool {
	if !strings.HasPrefix(digits, "19") && !strings.HasPrefix(digits, "20") {
		return false
	}
	if len(digits) == 8 {
		_, err := time.Parse("20060102", digits)
		return err == nil
	}
	return len(digits) == 4
}

// weak reports whether a PIN is trivial, or stands in its holder's number.
func weak(digits, person string) bool { return Trivial(digits) || strings.Contains(person, digits) }

// draw returns n random digits.
func draw(n int) string {
	bound, _ := strconv.ParseInt("1"+strings.Repeat("0", n), 10, 64) // n is at most MostDigits
	v, _ := rand.Int(rand.Reader, big.NewInt(bound))                 // crypto/rand never fails: it ends the program first
	return fmt.Sprintf("%0*d", n, v)
}
