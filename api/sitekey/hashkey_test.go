package sitekey_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kanmon/api/sitekey"
	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/lifecycle/key"
)

// given is what a controller gets.
func given(t *testing.T, k *sitekey.Keys) []byte {
	t.Helper()
	box := pki.NewBoxKey()
	sealed, err := k.SealHashKey("ctl-1", box.Public())
	if err != nil {
		t.Fatal(err)
	}
	b, err := box.Open(pki.HashKeyInfo("demo", "ctl-1"), sealed)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// forms of a card at the centre.
func forms(t *testing.T, k *sitekey.Keys) []access.Key {
	t.Helper()
	return k.HashKey().Forms(access.Key{7})
}

// fingerprints of layers, by hand.
func fingerprints(b []byte) (ids []string) {
	for one := range slices.Chunk(b, 32) {
		sum := sha256.Sum256(append([]byte("kanmon credential hash key fingerprint v1\n"), one...))
		ids = append(ids, hex.EncodeToString(sum[:]))
	}
	return ids
}

// R47-1: a new layer is given to controllers before cards are hashed under it; what was hashed before stays as it was.
func TestALayerOfTheHashKeyIsAnnouncedAndThenUsed(t *testing.T) {
	cfg := config(t.TempDir(), nil)
	first := open(t, cfg)
	old, before := given(t, first), forms(t, first)
	if len(old) != 32 || len(before) != 1 || before[0] != (access.Key{7}) {
		t.Fatalf("at first %d bytes, %d forms", len(old), len(before))
	}

	k := stepped(t, cfg, hashKey(sitekey.Announce))
	both := given(t, k)
	if len(both) != 64 || !bytes.Equal(both[:32], old) || !slices.Equal(forms(t, k), before) || !slices.Equal(k.HashKeys(), fingerprints(both)) {
		t.Fatalf("announced: %d bytes, forms %v", len(both), forms(t, k))
	}
	if id, ok := k.HashKeyRotation().Announced(); !ok || id != fingerprints(both)[1] {
		t.Errorf("announced %s, %v", id, ok)
	}

	k = stepped(t, cfg, hashKey(sitekey.Use))
	after := forms(t, k)
	if !bytes.Equal(given(t, k), both) || len(after) != 2 || after[1] != before[0] || after[0] == before[0] {
		t.Errorf("in use: forms %v after %v", after, before)
	}
	if _, ok := k.HashKeyRotation().Announced(); ok {
		t.Error("still announced")
	}
}

func TestStepsOfTheHashKeyOutOfTurnChangeNothing(t *testing.T) {
	cfg := config(t.TempDir(), nil)
	k := open(t, cfg)
	file := filepath.Join(cfg.Dir, "credential-hash-key.sealed")
	refused := func(name, code string, s sitekey.Step, a sitekey.Act) {
		t.Helper()
		before, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := k.HashKeyRotation().Take(s, a); fault.CodeOf(err) != code {
			t.Errorf("%s: %v", name, err)
		}
		if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, before) {
			t.Errorf("%s changed the file (%v)", name, err)
		}
	}
	refused("use", "sitekey.step", sitekey.Use, act("x"))
	refused("nobody", "sitekey.act", sitekey.Announce, sitekey.Act{At: act("x").At, Reason: "x"})
	for i := 1; i < 8; i++ {
		if err := k.HashKeyRotation().Take(sitekey.Announce, act("x")); err != nil {
			t.Fatal(err)
		}
		refused("a second announcement", "sitekey.step", sitekey.Announce, act("x"))
		if err := k.HashKeyRotation().Take(sitekey.Use, act("x")); err != nil {
			t.Fatal(err)
		}
	}
	refused("a ninth layer", "sitekey.layers", sitekey.Announce, act("x"))
	if again := open(t, cfg); len(forms(t, again)) != 8 || !slices.Equal(again.HashKeys(), k.HashKeys()) {
		t.Errorf("%d layers after a start", len(forms(t, again)))
	}
}

// A step is one file written: when that fails nothing has happened, here or for the next start.
func TestAStepOfTheHashKeyThatCannotBeWrittenWasNotTaken(t *testing.T) {
	cfg := config(t.TempDir(), nil)
	k := open(t, cfg)
	before := given(t, k)
	aside := cfg.Dir + "-aside"
	if err := os.Rename(cfg.Dir, aside); err != nil {
		t.Fatal(err)
	}
	if err := k.HashKeyRotation().Take(sitekey.Announce, act("x")); err == nil {
		t.Error("announced without a disk")
	}
	if err := os.Rename(aside, cfg.Dir); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(given(t, k), before) || !bytes.Equal(given(t, open(t, cfg)), before) {
		t.Error("another key")
	}
}

func TestTheHashKeyOfAnEarlierVersionIsReadOnAsTheFirstLayer(t *testing.T) {
	cfg := config(t.TempDir(), nil)
	open(t, cfg)
	old := bytes.Repeat([]byte{0xA5}, 32)
	save(t, cfg, hex.EncodeToString(old))
	if b := given(t, open(t, cfg)); !bytes.Equal(b, old) {
		t.Fatal("another key")
	}
	if b := given(t, stepped(t, cfg, hashKey(sitekey.Announce))); len(b) != 64 || !bytes.Equal(b[:32], old) {
		t.Error("the new layer does not stand on the old one")
	}
}

// save puts another hash key in place.
func save(t *testing.T, cfg sitekey.Config, text string) {
	t.Helper()
	vault := vaultOf(t, cfg)
	if err := vault.Save("credential-hash-key", []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func TestAHashKeyFileThatDoesNotHoldTogetherIsRefused(t *testing.T) {
	cfg := config(t.TempDir(), nil)
	open(t, cfg)
	one := func(fill byte, stage string) string {
		return `{"key":"` + b64(bytes.Repeat([]byte{fill}, 32)) + `","stage":"` + stage + `"}`
	}
	for name, list := range map[string][]string{
		"no layer": {}, "only announced": {one(1, "announced")}, "used after announced": {one(1, "in use"), one(2, "announced"), one(3, "in use")},
		"another stage": {one(1, "in use"), one(2, "retired")}, "one twice": {one(1, "in use"), one(1, "in use")}, "a short one": {`{"key":"AAAA","stage":"in use"}`},
	} {
		save(t, cfg, `{"layers":[`+strings.Join(list, ",")+`]}`)
		if _, err := sitekey.Open(cfg); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	save(t, cfg, `{"layers":[`+one(1, "in use")+","+one(2, "announced")+`]}`)
	if _, err := sitekey.Open(cfg); err != nil {
		t.Error(err)
	}
}

// R47-1: the register says which layer is in use since when, who put it there and why.
func TestTheRegisterTellsOfEveryLayerOfTheHashKey(t *testing.T) {
	keep, cfg := recorder(t), config(t.TempDir(), nil)
	record := func(k *sitekey.Keys) (now, next key.Key) {
		t.Helper()
		keep(k)
		by := keep(k) // a start that finds its keys records nothing
		return by[key.CredentialHash], by[key.CredentialHashNext]
	}
	k := open(t, cfg)
	if now, next := record(k); now.Fingerprint != k.HashKeys()[0] || next.Purpose != "" || now.Version != 1 {
		t.Errorf("at first %+v, %+v", now, next)
	}
	k = stepped(t, cfg, hashKey(sitekey.Announce))
	ids := k.HashKeys()
	if now, next := record(k); now.Fingerprint != ids[0] || now.Version != 1 || next.Fingerprint != ids[1] || next.State != key.Active || next.Reason != "年次の交換 (山田)" {
		t.Errorf("announced: %+v, %+v", now, next)
	}
	now, next := record(stepped(t, cfg, hashKey(sitekey.Use)))
	if now.Fingerprint != ids[1] || now.Version != 2 || now.Reason != "年次の交換 (山田)" || next.State != key.Retired || next.Version != 2 {
		t.Errorf("in use: %+v, %+v", now, next)
	}
}
