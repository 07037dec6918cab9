package credential_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"kanmon/reader/credential"
)

// R44-1. The expected hash is another program's: printf 'verdict\000\000\02017ctl-1/BIO-1' | openssl dgst -sha256 -mac HMAC -macopt hexkey:0707…07
func TestAVerdictIsTheWordOfOneTerminal(t *testing.T) {
	key, err := credential.NewHashKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	said, err := credential.FromVerdict("17")
	if err != nil {
		t.Fatal(err)
	}
	one, other := said.At("ctl-1/BIO-1"), said.At("ctl-1/BIO-2")
	if got := one.Key(key); hex.EncodeToString(got[:]) != "396cabf055a4f83c3a6a61b34d6a880323a9410348322b976fbde98bc62eed40" {
		t.Errorf("hash %x", got)
	}
	if one == other || one.Key(key) == other.Key(key) || one.Key(key) == said.Key(key) || one.Shape() != said.Shape() {
		t.Error("two terminals share their people")
	}
	card, err := credential.Parse("uid:32:04a1b2c3")
	if err != nil || card.At("ctl-1/PC-1") != card {
		t.Errorf("a card is another one at another reader: %v", err)
	}
}
