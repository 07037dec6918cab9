package account

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// From src/test.c of the reference implementation (github.com/P-H-C/phc-winner-argon2), Argon2id, version 19.
func TestAHashIsThatOfTheReferenceImplementation(t *testing.T) {
	tag, err := hex.DecodeString("09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7")
	if err != nil {
		t.Fatal(err)
	}
	want := "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$" + base64.RawStdEncoding.EncodeToString(tag)
	h := newHasher(Cost{MemoryKiB: 1 << 16, Passes: 2, Lanes: 1})
	if got := h.encode(NewPassword("password"), []byte("somesalt")); got != want {
		t.Fatalf("got %s", got)
	}
}

func TestTheRecommendedCostIsRFC9106(t *testing.T) {
	c := DefaultCost()
	if c.MemoryKiB != 65536 || c.Passes != 3 || c.Lanes != 4 {
		t.Fatalf("default cost %+v", c)
	}
	h := newHasher(c)
	phc, err := h.hash(t.Context(), NewPassword("correct horse battery"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(phc, "$argon2id$v=19$m=65536,t=3,p=4$") {
		t.Fatalf("stored form %q", phc)
	}
}

func TestAHashMatchesItsPasswordOnly(t *testing.T) {
	h := newHasher(Cost{MemoryKiB: 32, Passes: 1, Lanes: 1})
	rapid.Check(t, func(rt *rapid.T) {
		right := rapid.String().Draw(rt, "right")
		other := rapid.String().Draw(rt, "other")
		phc, err := h.hash(t.Context(), NewPassword(right))
		if err != nil {
			rt.Fatal(err)
		}
		again, err := h.matches(t.Context(), NewPassword(right), phc)
		if err != nil || !again {
			rt.Fatalf("own password does not match: %v", err)
		}
		wrong, err := h.matches(t.Context(), NewPassword(other), phc)
		if err != nil || wrong != (other == right) {
			rt.Fatalf("another password matches: %v", err)
		}
	})
}

func TestABrokenStoredHashMatchesNothing(t *testing.T) {
	h := newHasher(Cost{MemoryKiB: 32, Passes: 1, Lanes: 1})
	good, err := h.hash(t.Context(), NewPassword("x"))
	if err != nil {
		t.Fatal(err)
	}
	for _, phc := range []string{
		"", "$", "plain", strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=32", "m=032", 1), strings.Replace(good, "m=32", "m=4294967295", 1),
		strings.Replace(good, "t=1", "t=0", 1), strings.Replace(good, "p=1", "p=0", 1), good + "$", good[:len(good)-1], good + "=",
	} {
		if ok, err := h.matches(t.Context(), NewPassword("x"), phc); ok || err != nil {
			t.Errorf("%q matches (%v)", phc, err)
		}
	}
}

func FuzzParsePHC(f *testing.F) {
	f.Add("$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=1,t=1,p=1$$")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		c, salt, tag, err := parsePHC(s)
		if err == nil && (!c.sane() || len(salt) != saltLen || len(tag) != tagLen) {
			t.Fatalf("%q gives %+v, %d, %d", s, c, len(salt), len(tag))
		}
	})
}

func TestTheWaitGrowsFromTheFourthFailureAndIsBounded(t *testing.T) {
	want := []time.Duration{0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300}
	for n, seconds := range want {
		if got := wait(int64(n)); got != seconds*time.Second {
			t.Errorf("after %d failures: %v, want %v", n, got, seconds*time.Second)
		}
	}
	for _, n := range []int64{63, 64, 65, 1 << 40} {
		if got := wait(n); got != maxWait {
			t.Errorf("after %d failures: %v", n, got)
		}
	}
}

func TestGuessablePasswordsAreRefused(t *testing.T) {
	for _, text := range []string{
		"aaaaaaaaaaaaaaa", "abababababab", "password1234", "Password123456", "yamadayamada1", "qwertyuiop12", "kanmon-admin-1", "123456789012",
	} {
		if NewPassword(text).check("yamada") == nil {
			t.Errorf("%q is taken", text)
		}
	}
	for _, text := range []string{"corect horse battery", "あいうえおかきくけこさし", "t0yonaka city hall", "9f3kq7zx2mvb"} {
		if err := NewPassword(text).check("yamada"); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}
