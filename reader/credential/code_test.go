package credential_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/reader/credential"
)

func pin(tb testing.TB, digits string) credential.Code {
	tb.Helper()
	c, err := credential.NewCode(digits)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// R44-1. The expected hash is that of another program:
// printf 'kanmon pin v1\nperson/1001\0004711' | openssl dgst -sha256 -mac HMAC -macopt hexkey:000102…1f
func TestAPINIsHashedUnderTheSitesKeyInItsScope(t *testing.T) {
	b := make([]byte, 32)
	for i := range b {
		b[i] = byte(i)
	}
	key, err := credential.NewHashKey(b)
	if err != nil {
		t.Fatal(err)
	}
	own := pin(t, "4711").Key(key, access.PersonScope("1001"))
	if got := hex.EncodeToString(own[:]); got != "ac6eda9b14dc6be824f66250fc9c50632d346deaf2636d004e3f755951e31b3e" {
		t.Errorf("hash %s", got)
	}
	if forms := pin(t, "4711").Under(key).Forms(access.PersonScope("1001")); len(forms) != 1 || forms[0] != own {
		t.Errorf("forms %v", forms)
	}
	for name, other := range map[string]access.Key{
		"another person": pin(t, "4711").Key(key, access.PersonScope("1002")),
		"an area":        pin(t, "4711").Key(key, access.AreaScope("1001")),
		"another PIN":    pin(t, "4712").Key(key, access.PersonScope("1001")),
	} {
		if other == own {
			t.Errorf("%s has the same hash", name)
		}
	}
}

func TestAPINIsDigitsAndFew(t *testing.T) {
	for _, bad := range []string{"", "12a4", "１２３４", "-123", "12 4", strings.Repeat("1", 17)} {
		if _, err := credential.NewCode(bad); fault.KindOf(err) != fault.Invalid || strings.Contains(err.Error(), bad) && bad != "" {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if c := pin(t, strings.Repeat("1", 16)); c.Len() != 16 || c.Number() != strings.Repeat("1", 16) {
		t.Error("16 digits")
	}
}

func TestAPINIsNeverPrinted(t *testing.T) {
	key, _ := credential.NewHashKey(bytes.Repeat([]byte{7}, 32))
	code := pin(t, "48151623")
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("typed", "code", code, "hashed", code.Under(key))
	var all strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		_, _ = fmt.Fprintf(&all, verb+verb+verb, code, code.Under(key), struct{ c credential.Code }{code})
	}
	for _, v := range []any{code, code.Under(key)} {
		if b, err := json.Marshal(v); err == nil {
			t.Errorf("marshalled as %s", b)
		}
	}
	if text := all.String() + log.String(); strings.Contains(text, "48151623") || strings.Contains(text, hex.EncodeToString([]byte("48151623"))) {
		t.Errorf("printed: %s", text)
	}
}
