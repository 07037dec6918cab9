package sitekey_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kanmon/api/sitekey"
	"kanmon/internal/fault"
	"kanmon/internal/ledger"
	"kanmon/internal/pki"
	"kanmon/lifecycle/key"
)

// kept is what the sealed checkpoint file holds, and a way to put other things there.
func kept(t *testing.T, cfg sitekey.Config) (text string, vault *pki.Vault) {
	t.Helper()
	return plain(t, cfg, "checkpoint-key"), vaultOf(t, cfg)
}

func useCheckpointKey(k *sitekey.Keys, a sitekey.Act) error { return k.UseCheckpointKey(42, a) }

// R47-1, R84-1: a new checkpoint key signs under the next origin; what the one before signed still verifies, its farewell names the new one, and
// its secret is gone.
func TestACheckpointKeyIsReplacedAndLeavesAFarewell(t *testing.T) {
	cfg := config(t.TempDir(), nil)
	first := open(t, cfg).Checkpoint()
	if text, _ := kept(t, cfg); text != first.Secret() {
		t.Fatal("a key that was never replaced is not kept as it always was")
	}
	note, err := first.Sign(ledger.Checkpoint{Origin: origin, Size: 42})
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{first.Secret()}
	for n := 2; n <= 3; n++ {
		k := stepped(t, cfg, useCheckpointKey)
		if got := k.Checkpoint().Origin(); got != ledger.OriginAt(origin, n) || len(k.CheckpointsBefore()) != n-1 {
			t.Fatalf("after change %d: %s, %d before", n-1, got, len(k.CheckpointsBefore()))
		}
		secrets = append(secrets, k.Checkpoint().Secret())
	}
	s, past, err := sitekey.Checkpoint(cfg)
	if err != nil || s.Secret() != secrets[2] || len(past) != 2 {
		t.Fatalf("read alone: %d before, %v", len(past), err)
	}
	if c, err := past[0].Verifier.Open(note); err != nil || c.Size != 42 {
		t.Errorf("what the first one signed: %+v, %v", c, err)
	}
	v := first.Verifier()
	for i, p := range past {
		f, err := v.Follow(p.Farewell)
		if err != nil || f.Size != 42 {
			t.Fatalf("farewell %d: %+v, %v", i, f, err)
		}
		v = f.Next
	}
	if v.Key() != s.Verifier().Key() {
		t.Errorf("the farewells lead to %s", v.Key())
	}
	text, _ := kept(t, cfg)
	for i, secret := range secrets {
		line, _, _ := strings.Cut(secret, "\n")
		quoted, _ := json.Marshal(line)
		if here := strings.Contains(text, string(quoted[1:len(quoted)-1])); here != (i == 2) {
			t.Errorf("secret %d kept: %v", i+1, here)
		}
	}
}

func TestAnActOfNobodyReplacesNoCheckpointKey(t *testing.T) {
	cfg := config(t.TempDir(), nil)
	k := open(t, cfg)
	before, _ := kept(t, cfg)
	for name, a := range map[string]sitekey.Act{
		"nobody": {At: act("x").At, Reason: "x"}, "no reason": {At: act("x").At, By: "x"}, "no time": {By: "x", Reason: "x"},
	} {
		if err := k.UseCheckpointKey(42, a); fault.CodeOf(err) != "sitekey.act" {
			t.Errorf("%s: %v", name, err)
		}
		if now, _ := kept(t, cfg); now != before {
			t.Errorf("%s changed the file", name)
		}
	}
}

// R47-1: the register says who replaced the checkpoint key, when and why, also when the program died before it could.
func TestTheRegisterTellsOfANewCheckpointKeyAlsoAfterACrash(t *testing.T) {
	record, cfg := recorder(t), config(t.TempDir(), nil)
	first := record(open(t, cfg))
	if _, ok := first[key.CheckpointBefore]; ok || first[key.Checkpoint].State != key.Active {
		t.Errorf("at first %+v", first)
	}
	k := stepped(t, cfg, useCheckpointKey) // and nothing recorded: the next start does it
	got := record(k)
	list, err := k.CheckpointKeys()
	if err != nil || len(list) != 2 || list[1].Since != act("年次の交換") || !list[1].Signs || list[0].Signs {
		t.Fatalf("%+v, %v", list, err)
	}
	now, before := got[key.Checkpoint], got[key.CheckpointBefore]
	if now.Fingerprint != list[1].Fingerprint || now.KeyID != origin+"/2" || now.Reason != "年次の交換 (山田)" || now.State != key.Active {
		t.Errorf("the new one: %+v", now)
	}
	if before.Fingerprint != first[key.Checkpoint].Fingerprint || before.KeyID != origin || before.Reason != now.Reason || before.State != key.Retired {
		t.Errorf("the one before: %+v", before)
	}
	if again := record(open(t, cfg)); again[key.Checkpoint].Version != now.Version || again[key.CheckpointBefore].Version != before.Version {
		t.Error("a start that found its keys recorded something")
	}
}

func TestACheckpointKeyFileThatDoesNotHoldTogetherIsRefused(t *testing.T) {
	cfg, other := config(t.TempDir(), nil), config(t.TempDir(), nil)
	two := func(cfg sitekey.Config) (file string, alone string) {
		open(t, cfg)
		k := stepped(t, cfg, useCheckpointKey)
		file, _ = kept(t, cfg)
		return file, k.Checkpoint().Secret()
	}
	good, second := two(cfg)
	strange, _ := two(other)
	_, vault := kept(t, cfg)
	swapped := func(field string) string {
		var a, b map[string]any
		if json.Unmarshal([]byte(good), &a) != nil || json.Unmarshal([]byte(strange), &b) != nil {
			t.Fatal("no JSON")
		}
		a[field] = b[field]
		text, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for name, text := range map[string]string{
		"nothing": `{}`, "no text": `{"secret`, "the second without the first": second, "another's secret": swapped("secret"),
		"another's past": swapped("before"), "another origin": strings.Replace(good, `"origin":"`+origin+`"`, `"origin":"kanmon/x"`, 1),
	} {
		if err := vault.Save("checkpoint-key", []byte(text)); err != nil {
			t.Fatal(err)
		}
		if _, err := sitekey.Open(cfg); err == nil {
			t.Errorf("%s was taken", name)
		} else if strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("%s: the error tells the key", name)
		}
	}
	if err := vault.Save("checkpoint-key", []byte(good)); err != nil {
		t.Fatal(err)
	}
	open(t, cfg)
}

func TestCheckpointKeysRestSealedAndPrintMasked(t *testing.T) {
	cfg := config(t.TempDir(), nil)
	open(t, cfg)
	k := stepped(t, cfg, useCheckpointKey)
	list, err := k.CheckpointKeys()
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%v %+v %#v %+v", k, k, k, list); strings.Contains(text, "PRIVATE") {
		t.Errorf("printed %s", text)
	}
	b, err := os.ReadFile(filepath.Join(cfg.Dir, "checkpoint-key.sealed"))
	if err != nil || bytes.Contains(b, []byte("PRIVATE")) || bytes.Contains(b, []byte("farewell")) {
		t.Errorf("lies in the clear (%v)", err)
	}
}
