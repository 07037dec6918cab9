package pki_test

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"kanmon/internal/pki"
)

// R47-1
func TestNoSecretIsPrintedFromInsideOtherThings(t *testing.T) {
	ca, key, box, token := authority(t), pki.NewSigningKey(), pki.NewBoxKey(), pki.NewToken(pin)
	server, err := ca.IssueServer([]string{"127.0.0.1"}, now)
	if err != nil {
		t.Fatal(err)
	}
	client, err := ca.IssueDevice("ctl-1", key.Public(), now)
	if err != nil {
		t.Fatal(err)
	}
	seal := sealer(t)
	vault, err := pki.NewVault(t.TempDir(), seal)
	if err != nil {
		t.Fatal(err)
	}
	inside := struct {
		k pki.SigningKey
		b pki.BoxKey
		t pki.Token
		s pki.Sealer
		c *pki.CA
	}{key, box, token, seal, ca}
	var out strings.Builder
	for _, v := range []any{ca, *ca, server, *server, key.TLS(client), *key.TLS(client), key.Private(), vault, inside, &inside, []any{inside, token}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%d", "%q"} {
			fmt.Fprintf(&out, verb, v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", v)
		if b, err := json.Marshal(v); err == nil {
			out.Write(b)
		}
	}
	printed := out.String()
	for name, secret := range map[string][]byte{
		"signing key": key.Seed(), "box key": box.Bytes(), "token": []byte(strings.ReplaceAll(token.Reveal()[:23], "-", "")),
		"authority's key": scalar(t, must(ca.Bytes())), "server's key": scalar(t, second(pki.EncodePair(server))),
	} {
		for form, text := range map[string]string{
			"raw": string(secret), "hex": hex.EncodeToString(secret), "HEX": fmt.Sprintf("%X", secret), "list": strings.Trim(fmt.Sprintf("%d", secret), "[]"),
			"base64": base64.StdEncoding.EncodeToString(secret),
		} {
			if strings.Contains(printed, text) {
				t.Errorf("the %s was printed (%s)", name, form)
			}
		}
	}
	if strings.Contains(printed, token.Reveal()[:5]) {
		t.Error("part of the token was printed")
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func second(_, b []byte, err error) []byte { return must(b, err) }

// scalar is the private number of an ECDSA key in PEM.
func scalar(t *testing.T, text []byte) []byte {
	t.Helper()
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			t.Fatal("no private key")
		}
		if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			return must(key.(*ecdsa.PrivateKey).Bytes())
		}
	}
}

func TestAnEmptyTokenOpensNothing(t *testing.T) {
	var none pki.Token
	if !none.IsZero() || none.Reveal() != "" || none.Hash() != "" || none.Pin() != "" {
		t.Errorf("%q %q %q", none.Reveal(), none.Hash(), none.Pin())
	}
	if pki.NewToken(pin).IsZero() || !(pki.SigningKey{}).IsZero() || pki.NewSigningKey().IsZero() {
		t.Error("what is there and what is not")
	}
}

func TestLettersThatNoTokenHasAreRefusedAtOnce(t *testing.T) {
	good := pki.NewToken(pin).Reveal()
	for _, letter := range []string{"i", "l", "o", "0", "1", "é", "-", "_"} {
		if _, err := pki.ParseToken(letter + good[1:]); err == nil {
			t.Errorf("%q was read", letter)
		}
	}
}
