package pki_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kanmon/internal/fault"
	"kanmon/internal/pki"
)

func sealer(t *testing.T) pki.Sealer {
	t.Helper()
	s, err := pki.OpenSealer(filepath.Join(t.TempDir(), "sealing-key"), true)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// R47-1
func TestASealedSecretOpensForItsPurposeAndKeyOnly(t *testing.T) {
	s, other := sealer(t), sealer(t)
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.SliceOf(rapid.Byte()).Draw(t, "secret")
		sealed := s.Seal("ca", secret)
		if got, err := s.Open("ca", sealed); err != nil || !bytes.Equal(got, secret) {
			t.Fatalf("opened %x, %v", got, err)
		}
		if bytes.Equal(sealed, s.Seal("ca", secret)) {
			t.Fatal("sealed twice the same way")
		}
		if _, err := s.Open("command", sealed); fault.KindOf(err) != fault.Invalid {
			t.Fatalf("opened for another purpose: %v", err)
		}
		if _, err := other.Open("ca", sealed); fault.KindOf(err) != fault.Invalid {
			t.Fatalf("opened with another key: %v", err)
		}
	})
}

func TestEveryAlteredByteIsFound(t *testing.T) {
	s := sealer(t)
	sealed := s.Seal("ca", []byte("the authority's key"))
	for i := range sealed {
		for _, flip := range []byte{1, 0x20, 0x80} {
			bad := bytes.Clone(sealed)
			bad[i] ^= flip
			if got, err := s.Open("ca", bad); err == nil {
				t.Fatalf("byte %d with %x flipped opens as %q", i, flip, got)
			} else if strings.Contains(err.Error(), "authority") {
				t.Fatalf("the error tells the secret: %v", err)
			}
		}
	}
}

func FuzzOpenSealed(f *testing.F) {
	key, err := pki.NewSealer(make([]byte, 32))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("kanmon-sealed-v1:"), "x")
	f.Add(key.Seal("x", []byte("y")), "z")
	f.Fuzz(func(t *testing.T, b []byte, purpose string) {
		if got, err := key.Open(purpose, b); err == nil && !bytes.Equal(got, []byte("y")) {
			t.Errorf("forged %q opens as %q", b, got)
		}
	})
}

func TestASealingKeyThatOthersMayReadIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sealing-key")
	if _, err := pki.OpenSealer(file, false); fault.KindOf(err) != fault.NotFound {
		t.Fatalf("a missing key: %v", err)
	}
	if _, err := pki.OpenSealer(file, true); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := pki.OpenSealer(file, true); fault.KindOf(err) != fault.Invalid {
		t.Fatalf("a key its group may read: %v", err)
	}
}

func TestTheSystemdCredentialOutranksTheFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "kanmon-sealing-key"), []byte(strings.Repeat("ab", 32)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	s, err := pki.OpenSealer(filepath.Join(dir, "not-made"), true)
	if err != nil {
		t.Fatal(err)
	}
	want, err := pki.NewSealer(bytes.Repeat([]byte{0xab}, 32))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := want.Open("p", s.Seal("p", []byte("x"))); err != nil || string(got) != "x" {
		t.Errorf("sealed under another key: %q, %v", got, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "not-made")); err == nil {
		t.Error("a key file was made beside the credential")
	}
}

func TestAVaultKeepsSecretsSealedAndAdoptsPlainOnes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	v, err := pki.NewVault(dir, sealer(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Load("hash"); fault.KindOf(err) != fault.NotFound {
		t.Fatalf("a missing secret: %v", err)
	}
	plain := filepath.Join(dir, "hash-plain")
	if err := os.WriteFile(plain, []byte("the old secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing to adopt
		if err := v.Adopt("hash", plain); err != nil {
			t.Fatal(err)
		}
	}
	made := false
	got, err := v.LoadOrMake("hash", func() ([]byte, error) { made = true; return nil, nil })
	if err != nil || string(got) != "the old secret" || made {
		t.Fatalf("%q, %v, made anew: %v", got, err, made)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("left in the folder: %v, %v", entries, err)
	}
	b, err := os.ReadFile(filepath.Join(dir, entries[0].Name()))
	if err != nil || bytes.Contains(b, []byte("old secret")) {
		t.Errorf("in the clear: %q, %v", b, err)
	}
	if info, err := entries[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestKeysAndTokensPrintMasked(t *testing.T) {
	key, box, token := pki.NewSigningKey(), pki.NewBoxKey(), pki.NewToken(strings.Repeat("0", 32))
	secrets := []string{hex.EncodeToString(key.Seed()), fmt.Sprintf("%d", key.Seed()), hex.EncodeToString(box.Bytes()), token.Reveal()[:5]}
	var out strings.Builder
	for _, v := range []any{key, &key, box, token, sealer(t), struct{ K pki.SigningKey }{key}, []pki.Token{token}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
			fmt.Fprintf(&out, verb, v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", v)
		if b, err := json.Marshal(v); err == nil {
			out.Write(b)
		}
	}
	for _, s := range secrets {
		if strings.Contains(out.String(), s) {
			t.Errorf("a secret was printed: %s", s)
		}
	}
}
