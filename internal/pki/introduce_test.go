package pki_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"kanmon/internal/fault"
	"kanmon/internal/pki"
)

// R103-1: what a controller is told at its enrolment stands on the authority of its token, and on nothing else.
func TestAnIntroductionHoldsForItsControllerAndItsKeysAlone(t *testing.T) {
	ca, other := authority(t), authority(t)
	me, first, second := pki.NewSigningKey().Public(), pki.NewSigningKey().Public(), pki.NewSigningKey().Public()
	good := pki.Introduction{Site: "demo", Controller: me, CommandKeys: []ed25519.PublicKey{first, second}, HashKey: []byte("sealed")}
	sig, err := ca.Introduce(good)
	if err != nil {
		t.Fatal(err)
	}
	if err := good.Verify(ca.Certificate(), sig); err != nil {
		t.Error(err)
	}
	if fault.KindOf(good.Verify(other.Certificate(), sig)) != fault.Denied || fault.KindOf(good.Verify(ca.Certificate(), nil)) != fault.Denied {
		t.Error("another authority's word, or none, is taken")
	}
	for name, change := range map[string]func(*pki.Introduction){
		"another site":          func(i *pki.Introduction) { i.Site = "other" },
		"another controller":    func(i *pki.Introduction) { i.Controller = first },
		"one key less":          func(i *pki.Introduction) { i.CommandKeys = i.CommandKeys[:1] },
		"another key":           func(i *pki.Introduction) { i.CommandKeys = []ed25519.PublicKey{first, me} },
		"another order":         func(i *pki.Introduction) { i.CommandKeys = []ed25519.PublicKey{second, first} },
		"another hash key":      func(i *pki.Introduction) { i.HashKey = []byte("sealed by another") },
		"a key as the hash key": func(i *pki.Introduction) { i.HashKey = first },
	} {
		bad := good
		change(&bad)
		if err := bad.Verify(ca.Certificate(), sig); fault.KindOf(err) != fault.Denied {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// openssl judges the signature over the text as it is documented.
func TestOpensslVerifiesAnIntroduction(t *testing.T) {
	ca, me, key := authority(t), pki.NewSigningKey().Public(), pki.NewSigningKey().Public()
	sig, err := ca.Introduce(pki.Introduction{Site: "demo", Controller: me, CommandKeys: []ed25519.PublicKey{key}, HashKey: []byte("sealed")})
	if err != nil {
		t.Fatal(err)
	}
	sealed := sha256.Sum256([]byte("sealed"))
	text := "kanmon introduction v1\ndemo\n" + hex.EncodeToString(me) + "\n" + hex.EncodeToString(sealed[:]) + "\n" + hex.EncodeToString(key) + "\n"
	public := file(t, "ca-public.pem", []byte(openssl(t, "x509", "-in", file(t, "ca.pem", ca.PEM()), "-pubkey", "-noout")))
	out := openssl(t, "dgst", "-sha256", "-verify", public, "-signature", file(t, "sig", sig), file(t, "text", []byte(text)))
	if !strings.Contains(out, "Verified OK") {
		t.Error(out)
	}
}
