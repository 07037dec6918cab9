package sitekey_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kanmon/api/sitekey"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/lifecycle/key"
)

func act(reason string) sitekey.Act {
	return sitekey.Act{At: time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC), By: "山田", Reason: reason}
}

// stepped takes a step and starts anew, as the operator does.
func stepped(t *testing.T, cfg sitekey.Config, step func(*sitekey.Keys, sitekey.Act) error) *sitekey.Keys {
	t.Helper()
	if err := step(open(t, cfg), act("年次の交換")); err != nil {
		t.Fatal(err)
	}
	return open(t, cfg)
}

func equalKeys(a, b []ed25519.PublicKey) bool {
	return slices.EqualFunc(a, b, func(x, y ed25519.PublicKey) bool { return x.Equal(y) })
}

// R47-1: a new command key is announced, then signs, then the one before is believed no more and its secret is gone.
func TestACommandKeyIsReplacedInThreeSteps(t *testing.T) {
	cfg := config(t.TempDir(), nil)
	old := open(t, cfg).Command()
	believes := []ed25519.PublicKey{old.Public()}
	hears := func(k *sitekey.Keys) []ed25519.PublicKey {
		_, words := k.Believed()
		return pki.FollowKeys("demo", believes, words)
	}

	k := stepped(t, cfg, command(sitekey.Announce))
	both, _ := k.Believed()
	if k.Command().KeyID() != old.KeyID() || len(both) != 2 || !both[0].Equal(old.Public()) || !equalKeys(hears(k), both) {
		t.Fatalf("announced: %d keys", len(both))
	}
	next := both[1]
	if id, ok := k.CommandRotation().Announced(); !ok || id != pki.KeyID(next) {
		t.Errorf("announced %s, %v", id, ok)
	}

	k = stepped(t, cfg, command(sitekey.Use))
	if list, _ := k.Believed(); !k.Command().Public().Equal(next) || !equalKeys(list, both) || !equalKeys(hears(k), both) {
		t.Errorf("in use: %s, %d keys", k.Command().KeyID(), len(list))
	}
	if id, ok := k.CommandRotation().Leaving(); !ok || id != old.KeyID() {
		t.Errorf("leaving %s, %v", id, ok)
	}

	k = stepped(t, cfg, command(sitekey.Retire))
	alone := []ed25519.PublicKey{next}
	if list, _ := k.Believed(); !equalKeys(list, alone) || !equalKeys(hears(k), alone) {
		t.Errorf("who knew the old one alone believes %d keys of %d", len(hears(k)), len(list))
	}
	if all := k.CommandRotation().All(); !slices.Equal(all, []string{pki.KeyID(next), old.KeyID()}) {
		t.Errorf("the site had the keys %v", all)
	}
	if text := plain(t, cfg, "command-key"); strings.Contains(text, b64(old.Seed())) || !strings.Contains(text, b64(k.Command().Seed())) {
		t.Error("the retired secret is still there, or the present one is not")
	}
}

func TestWhoMissedTwoChangesOfTheCommandKeyBelievesTheThird(t *testing.T) {
	cfg := config(t.TempDir(), nil)
	known := []ed25519.PublicKey{open(t, cfg).Command().Public()}
	for range 2 {
		for _, step := range []func(*sitekey.Keys, sitekey.Act) error{
			command(sitekey.Announce), command(sitekey.Use), command(sitekey.Retire),
		} {
			stepped(t, cfg, step)
		}
	}
	k := stepped(t, cfg, command(sitekey.Announce))
	list, words := k.Believed()
	if got := pki.FollowKeys("demo", known, words); !equalKeys(got, list) || len(list) != 2 {
		t.Errorf("believes %d of %d", len(got), len(list))
	}
	if all := k.CommandRotation().All(); len(all) != 4 || all[0] != k.Command().KeyID() || all[3] != pki.KeyID(known[0]) {
		t.Errorf("%d keys to check with", len(all))
	}
}

func TestStepsOutOfTurnAndActsOfNobodyChangeNothing(t *testing.T) {
	cfg := config(t.TempDir(), nil)
	k := open(t, cfg)
	file := filepath.Join(cfg.Dir, "command-key.sealed")
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(name, code string, err error) {
		t.Helper()
		if fault.CodeOf(err) != code {
			t.Errorf("%s: %v", name, err)
		}
		if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, before) {
			t.Errorf("%s changed the file (%v)", name, err)
		}
	}
	refused("use", "sitekey.step", k.CommandRotation().Take(sitekey.Use, act("x")))
	refused("retire", "sitekey.step", k.CommandRotation().Take(sitekey.Retire, act("x")))
	refused("nobody", "sitekey.act", k.CommandRotation().Take(sitekey.Announce, sitekey.Act{At: time.Now(), Reason: "x"}))
	refused("no reason", "sitekey.act", k.CommandRotation().Take(sitekey.Announce, sitekey.Act{At: time.Now(), By: "x"}))
	if err := k.CommandRotation().Take(sitekey.Announce, act("x")); err != nil {
		t.Fatal(err)
	}
	if before, err = os.ReadFile(file); err != nil {
		t.Fatal(err)
	}
	refused("a second announcement", "sitekey.step", k.CommandRotation().Take(sitekey.Announce, act("x")))
	if err := k.CommandRotation().Take(sitekey.Use, act("x")); err != nil {
		t.Fatal(err)
	}
	if before, err = os.ReadFile(file); err != nil {
		t.Fatal(err)
	}
	refused("a change during a change", "sitekey.step", k.CommandRotation().Take(sitekey.Announce, act("x")))
}

// R47-1: the register says who changed the command key, when and why, also when the program died before it could.
func TestTheRegisterTellsOfEveryStep(t *testing.T) {
	record, cfg := recorder(t), config(t.TempDir(), nil)
	first := record(open(t, cfg))
	if _, ok := first[key.CommandNext]; ok {
		t.Error("a next key, and none was made")
	}
	old := first[key.Command].KeyID

	k := stepped(t, cfg, command(sitekey.Announce))
	got := record(k)
	next, _ := k.CommandRotation().Announced()
	if got[key.Command].KeyID != old || got[key.CommandNext].KeyID != next || got[key.CommandNext].State != key.Active ||
		got[key.CommandNext].Reason != "年次の交換 (山田)" {
		t.Errorf("announced: %+v", got)
	}
	got = record(stepped(t, cfg, command(sitekey.Use)))
	if got[key.Command].KeyID != next || got[key.Command].Reason != "年次の交換 (山田)" || got[key.CommandNext].State != key.Retired ||
		got[key.CommandBefore].KeyID != old || got[key.CommandBefore].State != key.Active {
		t.Errorf("in use: %+v", got)
	}
	got = record(stepped(t, cfg, command(sitekey.Retire)))
	if got[key.CommandBefore].KeyID != old || got[key.CommandBefore].State != key.Retired || got[key.Command].KeyID != next {
		t.Errorf("retired: %+v", got)
	}
	again := record(open(t, cfg))
	if again[key.CommandBefore].Version != got[key.CommandBefore].Version || again[key.Command].Version != got[key.Command].Version {
		t.Error("a start that found its keys recorded something")
	}
}

func TestACommandKeyFileThatDoesNotHoldTogetherIsRefused(t *testing.T) {
	cfg := config(t.TempDir(), nil)
	open(t, cfg)
	vault := vaultOf(t, cfg)
	one, other := pki.NewSigningKey(), pki.NewSigningKey()
	for name, text := range map[string]string{
		"nothing":       `{}`,
		"no text":       `x`,
		"none in use":   `{"keys":[{"seed":"` + b64(one.Seed()) + `","public":"` + b64(one.Public()) + `","stage":"announced"}]}`,
		"another's key": `{"keys":[{"seed":"` + b64(one.Seed()) + `","public":"` + b64(other.Public()) + `","stage":"present"}]}`,
		"no seed":       `{"keys":[{"public":"` + b64(one.Public()) + `","stage":"present"}]}`,
	} {
		if err := vault.Save("command-key", []byte(text)); err != nil {
			t.Fatal(err)
		}
		if _, err := sitekey.Open(cfg); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
