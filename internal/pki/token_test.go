package pki_test

import (
	"strings"
	"testing"

	"kanmon/internal/fault"
	"kanmon/internal/pki"
)

const pin = "00112233445566778899aabbccddeeff"

func TestATokenIsReadAgainHoweverItWasTyped(t *testing.T) {
	token := pki.NewToken(pin)
	text := token.Reveal()
	for _, typed := range []string{text, " " + text + "\n", strings.ToUpper(text), strings.ReplaceAll(text, "-", "")} {
		got, err := pki.ParseToken(typed)
		if err != nil || got.Hash() != token.Hash() || got.Pin() != pin {
			t.Errorf("%q: %v", typed, err)
		}
	}
	if other := pki.NewToken(pin); other.Hash() == token.Hash() {
		t.Error("two tokens are the same")
	}
}

func TestWhatIsNoTokenIsRefused(t *testing.T) {
	text := pki.NewToken(pin).Reveal()
	for _, bad := range []string{"", ".", text[1:], text + "0", strings.Replace(text, ".", "", 1), strings.Replace(text, "0011", "001x", 1), strings.Repeat("a", 1<<16)} {
		if _, err := pki.ParseToken(bad); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%.60q: %v", bad, err)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add(pki.NewToken(pin).Reveal())
	f.Add("---.")
	f.Fuzz(func(t *testing.T, s string) {
		token, err := pki.ParseToken(s)
		if err != nil {
			return
		}
		if again, err := pki.ParseToken(token.Reveal()); err != nil || again.Hash() != token.Hash() {
			t.Errorf("%q does not come back: %v", s, err)
		}
	})
}
