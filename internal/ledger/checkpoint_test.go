package ledger_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"kanmon/internal/ledger"
)

const goldenCheckpoint = "kanmon.example/demo\n42\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"

func goldenRoot() ledger.Hash {
	var h ledger.Hash
	for i := range h {
		h[i] = byte(i)
	}
	return h
}

func newSigner(t testing.TB) *ledger.Signer {
	t.Helper()
	s, err := ledger.NewSigner(rand.Reader, "kanmon.example/demo")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestACheckpointHasThreeLines(t *testing.T) {
	c := ledger.Checkpoint{Origin: "kanmon.example/demo", Size: 42, Root: goldenRoot()}
	if c.Text() != goldenCheckpoint {
		t.Errorf("%q", c.Text())
	}
	back, err := ledger.ParseCheckpoint(goldenCheckpoint)
	if err != nil || back != c {
		t.Errorf("%+v, %v", back, err)
	}
}

func TestOtherFormsOfACheckpointAreRefused(t *testing.T) {
	const root = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	for _, text := range []string{
		"", "a\n", "\n42\n" + root + "\n", "a\n042\n" + root + "\n", "a\n+42\n" + root + "\n", "a\n-1\n" + root + "\n", "a\n42\nAAEC\n",
		"a\n42\n" + root, "a\n42\n" + root + "\nmore\n", "a\n42\n" + strings.ReplaceAll(root, "=", "") + "\n", "a\n9223372036854775808\n" + root + "\n",
		"a\n42\n" + root[:43] + "\r=\n", "a\n42\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=\n",
	} {
		if c, err := ledger.ParseCheckpoint(text); err == nil {
			t.Errorf("%q was read as %+v", text, c)
		}
	}
}

func TestASignedCheckpointIsOpenedByItsKeyOnly(t *testing.T) {
	s, other := newSigner(t), newSigner(t)
	c := ledger.Checkpoint{Origin: s.Origin(), Size: 42, Root: goldenRoot()}
	msg, err := s.Sign(c)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(msg, []byte(goldenCheckpoint+"\n— kanmon.example/demo ")) {
		t.Errorf("not a signed note: %q", msg)
	}
	v, err := ledger.NewVerifier(s.Verifier().Key())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := v.Open(msg); err != nil || got != c {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := other.Verifier().Open(msg); err == nil {
		t.Error("another key opened it")
	}
	if _, err := v.Open(bytes.Replace(msg, []byte("\n42\n"), []byte("\n43\n"), 1)); err == nil {
		t.Error("a changed size passed")
	}
	if got, err := ledger.ReadUnverified(msg); err != nil || got != c {
		t.Errorf("unverified: %+v, %v", got, err)
	}
	if _, err := s.Sign(ledger.Checkpoint{Origin: "another", Size: 1}); err == nil {
		t.Error("signed for another origin")
	}
}

func TestAKeySurvivesItsFile(t *testing.T) {
	s := newSigner(t)
	again, err := ledger.ParseSigner(s.Secret())
	if err != nil || again.Verifier().Key() != s.Verifier().Key() || again.Origin() != s.Origin() {
		t.Fatalf("%v, %v", again, err)
	}
	own, _, _ := strings.Cut(s.Secret(), "\n")
	for name, text := range map[string]string{
		"nothing": "", "half": own + "\n", "two keys": own + "\n" + newSigner(t).Verifier().Key() + "\n", "more": s.Secret() + "x\n", "rubbish": "a\nb\n",
	} {
		_, err := ledger.ParseSigner(text)
		if err == nil {
			t.Errorf("%s: accepted", name)
		} else if strings.Contains(err.Error(), own) {
			t.Errorf("%s: the error tells the key", name)
		}
	}
	for _, origin := range []string{"", "a b", "a+b", "関門", "a\n"} {
		if _, err := ledger.NewSigner(rand.Reader, origin); err == nil {
			t.Errorf("origin %q was accepted", origin)
		}
	}
}

func TestAKeyCannotBePrinted(t *testing.T) {
	s := newSigner(t)
	key := strings.SplitN(s.Secret(), "+", 5)[4][:20] // of PRIVATE+KEY+name+hash+key; base64 has a + of its own
	var out bytes.Buffer
	fmt.Fprintf(&out, "%v %+v %#v %s %q %x %v %+v", s, s, s, s, s, s, *s, *s)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "key", s)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "key", s)
	if err := json.NewEncoder(&out).Encode(s); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), key) || strings.Contains(out.String(), fmt.Sprintf("%x", key)) {
		t.Errorf("printed: %s", out.String())
	}
}

func FuzzParseCheckpoint(f *testing.F) {
	f.Add(goldenCheckpoint)
	f.Add("a\n0\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n")
	f.Add("\n\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ledger.ParseCheckpoint(text)
		if err == nil && (c.Text() != text || c.Size < 0 || c.Origin == "") {
			t.Fatalf("%q was read as %+v", text, c)
		}
	})
}

func FuzzOpenCheckpoint(f *testing.F) {
	s := newSigner(f)
	msg, err := s.Sign(ledger.Checkpoint{Origin: s.Origin(), Size: 42, Root: goldenRoot()})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(msg)
	f.Add(msg[:len(msg)/2])
	f.Add([]byte(goldenCheckpoint + "\n— kanmon.example/demo AAAA\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := s.Verifier().Open(data)
		if err == nil && c.Text() != goldenCheckpoint {
			t.Fatalf("a checkpoint nobody signed: %+v", c)
		}
		_, _ = ledger.ReadUnverified(data)
	})
}
