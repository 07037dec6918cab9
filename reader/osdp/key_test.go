package osdp

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestGuessableKeysAreRefused(t *testing.T) {
	for _, x := range []struct{ name, key string }{
		{"the default key", "303132333435363738393a3b3c3d3e3f"},
		{"all zero", "00000000000000000000000000000000"},
		{"all equal", "a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7"},
		{"counting up from 0", "000102030405060708090a0b0c0d0e0f"},
		{"counting down", "0f0e0d0c0b0a09080706050403020100"},
		{"step 17", "00112233445566778899aabbccddeeff"},
		{"step 0x55 around the end", "f84da2f74ca1f64ba0f54a9ff4499ef3"},
		{"repeated half", "5c9a1e77d3046bf85c9a1e77d3046bf8"},
		{"repeated quarter", "5c9a1e775c9a1e775c9a1e775c9a1e77"},
		{"two equal quarters", "5c9a1e77d3046bf82b60c4e95c9a1e77"},
		{"zeros and a one", "00000000000000000000000000000001"},
		{"text", hex.EncodeToString([]byte("OpenTheDoor,Now!"))},
		{"digits", hex.EncodeToString([]byte("3141592653589793"))},
	} {
		if _, err := ParseKey(x.key); !errors.Is(err, ErrWeakKey) {
			t.Errorf("%s: %v, want ErrWeakKey", x.name, err)
		}
	}
}

func TestRandomKeysAreTaken(t *testing.T) {
	for range 1000 {
		if _, err := GenerateKey(rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ParseKey(" 5C9A1E77D3046BF82B60C4E991A73D0F\n"); err != nil {
		t.Errorf("upper case with white space: %v", err)
	}
}

func TestKeysOfAnotherFormAreRefused(t *testing.T) {
	if _, err := NewKey(make([]byte, 15)); !errors.Is(err, ErrLength) {
		t.Errorf("15 bytes: %v", err)
	}
	const typo = "5c9a1e77d3046bf82b60c4e991a73dx0"
	if _, err := ParseKey(typo); !errors.Is(err, ErrValue) || strings.Contains(err.Error(), "'x'") {
		t.Errorf("no hex: %v", err)
	}
}

func TestKeysCompareByValue(t *testing.T) {
	a, b := testKey(t), testKey(t)
	if !a.Equal(b) || a.Equal(DefaultKey()) || a.Equal(Key{}) || !(Key{}).Equal(Key{}) {
		t.Error("keys compare wrongly")
	}
	if !DefaultKey().IsDefault() || a.IsDefault() || !(Key{}).IsZero() || a.IsZero() {
		t.Error("keys are classed wrongly")
	}
	r := a.Reveal()
	r[0]++
	if bytes.Equal(r, a.Reveal()) || (Key{}).Reveal() != nil {
		t.Error("a revealed key shares memory")
	}
}

// Every way a secret could slip into a log or a file. The secrets are also looked for inside a struct of somebody
// else's, where fmt does not see their methods.
func TestSecretsAreMasked(t *testing.T) {
	card, err := NewRawCard(0, CardWiegand, 26, unhex("bdd93740"))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := NewKeypad(0, []byte("7391"))
	if err != nil {
		t.Fatal(err)
	}
	key := testKey(t)
	frame := Frame{Address: 1, Reply: true, Code: ReplyRaw, Data: card.Append(nil)}
	controller, device := sessions(t)
	h, err := NewControllerHandshake(key, RND{})
	if err != nil {
		t.Fatal(err)
	}
	leaks := []string{
		"5c9a", "5C9A", "92 154", "92, 154", "0x5c, 0x9a", "bdd9", "BDD9", "189 217", "189, 217", "0xbd, 0xd9", "7391",
		"55 51", "37333931", "0x37, 0x33",
	}
	for name, secret := range map[string]any{
		"key": key, "card": card, "keypad": keys, "frame": frame, "controller": controller, "device": device, "handshake": h,
		"nested": struct {
			key  Key
			card RawCard
			pin  Keypad
		}{key, card, keys},
	} {
		var out []string
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%d", "%q"} {
			out = append(out, fmt.Sprintf(verb, secret))
		}
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("seen", "secret", secret)
		out = append(out, log.String())
		if name != "frame" { // a frame is not for JSON, but Data is an exported field
			b, _ := json.Marshal(secret)
			out = append(out, string(b))
		}
		for _, s := range out {
			for _, leak := range leaks {
				if strings.Contains(s, leak) {
					t.Errorf("%s leaks %q in %s", name, leak, s)
				}
			}
		}
	}
	for _, m := range []interface{ MarshalText() ([]byte, error) }{key, card, keys} {
		if _, err := m.MarshalText(); err == nil {
			t.Errorf("%v is marshalled", m)
		}
	}
}
