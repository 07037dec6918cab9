package sitekey_test

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/api/keyrecord"
	"kanmon/api/sitekey"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/lifecycle/key"
	"kanmon/lifecycle/lifecycletest"
)

// R47-1: whatever changes were made or taken back while a controller was away, it ends with the keys of the site. The model is the list of what was
// believed at each time.
func TestWhoWasAwayThroughChangesThatWereTakenBackCatchesUp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		k := open(t, config(t.TempDir(), nil))
		do := func(s sitekey.Step) {
			if err := k.CommandRotation().Take(s, act("x")); err != nil {
				rt.Fatal(err)
			}
		}
		var past [][]ed25519.PublicKey
		note := func() { list, _ := k.Believed(); past = append(past, list) }
		note()
		for i := range rapid.IntRange(1, 5).Draw(rt, "changes") {
			do(sitekey.Announce)
			note()
			if rapid.Bool().Draw(rt, fmt.Sprint("taken back ", i)) {
				do(sitekey.Drop)
			} else {
				do(sitekey.Use)
				note()
				do(sitekey.Retire)
			}
			note()
		}
		want, words := k.Believed()
		known := rapid.SampledFrom(past).Draw(rt, "away since")
		if got := pki.FollowKeys("demo", known, words); !equalKeys(got, want) || len(want) != 1 {
			rt.Fatalf("believes %d of %d keys", len(got), len(want))
		}
	})
}

func TestAnAuthorityThatWasTakenBackIsTrustedNoMore(t *testing.T) {
	cfg := config(t.TempDir(), nil)
	old := open(t, cfg).CA()
	register := key.New(lifecycletest.Open(t, dbtest.SQLite(t)).Store)
	k := stepped(t, cfg, authority(sitekey.Announce))
	both, _ := k.Authorities()
	if err := keyrecord.Record(t.Context(), register, k, false); err != nil {
		t.Fatal(err)
	}
	k = stepped(t, cfg, authority(sitekey.Drop))
	list, words := k.Authorities()
	if got := pki.FollowAuthorities("demo", both, words); len(list) != 1 || !list[0].Equal(old.Certificate()) || len(got) != 1 || !got[0].Equal(list[0]) {
		t.Errorf("%d trusted, %d by who had heard of the other", len(list), len(got))
	}
	if err := keyrecord.Record(t.Context(), register, k, false); err != nil {
		t.Fatal(err)
	}
	all, err := register.List(t.Context(), lifecycletest.Manager)
	i := slices.IndexFunc(all, func(k key.Key) bool { return k.Purpose == key.DeviceCANext })
	if err != nil || i < 0 || all[i].State != key.Retired || all[i].Fingerprint != pki.CertificateFingerprint(both[1]) ||
		slices.ContainsFunc(all, func(k key.Key) bool { return k.Purpose == key.DeviceCABefore }) {
		t.Errorf("the register: %+v, %v", all, err)
	}
	for _, step := range []func(*sitekey.Keys, sitekey.Act) error{authority(sitekey.Announce), authority(sitekey.Use), authority(sitekey.Retire)} {
		k = stepped(t, cfg, step)
		if err := keyrecord.Record(t.Context(), register, k, false); err != nil {
			t.Fatal(err)
		}
	}
	if list, words = k.Authorities(); len(list) != 1 || len(pki.FollowAuthorities("demo", both, words)) != 1 || !pki.FollowAuthorities("demo", both, words)[0].Equal(list[0]) {
		t.Error("who knew the one that was taken back does not get to the one that came instead")
	}
}

// A clock that stands in 1970 makes no authority, and one that ends soon is not used: every start would fail, and no command could mend it.
func TestAWrongClockMakesNoAuthority(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	cfg := config(dir, func() time.Time { return now })
	k := open(t, cfg)
	now = time.Unix(0, 0)
	if err := k.AuthorityRotation().Take(sitekey.Announce, act("x")); fault.CodeOf(err) != "pki.clock" {
		t.Errorf("in 1970: %v", err)
	}
	now = time.Now()
	if err := k.AuthorityRotation().Take(sitekey.Announce, act("x")); err != nil {
		t.Fatal(err)
	}
	now = now.Add(20*365*24*time.Hour - pki.ServerLife/2)
	if err := k.AuthorityRotation().Take(sitekey.Use, act("x")); fault.CodeOf(err) != "sitekey.soon_over" {
		t.Errorf("close to its end: %v", err)
	}
	if err := k.AuthorityRotation().Take(sitekey.Drop, act("x")); err != nil {
		t.Error(err)
	}
}

// R47-1: a copy of the keys from before an announcement has forgotten what controllers trust by now.
func TestACopyOfTheKeysFromBeforeAnAnnouncementIsRefused(t *testing.T) {
	next := map[string]string{"device-ca": key.DeviceCANext, "command-key": key.CommandNext}
	for name, announce := range map[string]func(*sitekey.Keys, sitekey.Act) error{
		"device-ca": authority(sitekey.Announce), "command-key": command(sitekey.Announce),
	} {
		cfg, register := config(t.TempDir(), nil), key.New(lifecycletest.Open(t, dbtest.SQLite(t)).Store)
		open(t, cfg)
		copied := sealedFile(t, cfg, name)
		if err := keyrecord.Record(t.Context(), register, stepped(t, cfg, announce), true); err != nil {
			t.Fatal(err)
		}
		copied.back()
		if err := keyrecord.Record(t.Context(), register, open(t, cfg), true); fault.CodeOf(err) != "sitekey.lost" {
			t.Errorf("%s: %v", name, err)
		}
		if err := keyrecord.Accept(t.Context(), register, open(t, cfg), true, []string{next[name]}, act("控えもない")); err != nil {
			t.Fatal(err)
		}
		if err := keyrecord.Record(t.Context(), register, open(t, cfg), true); err != nil {
			t.Errorf("%s: accepted, and then: %v", name, err)
		}
	}
}

// R47-1: a copy from before a key was retired, or an announcement taken back, would have it believed again: it may have been stolen.
func TestACopyOfTheKeysDoesNotBringBackWhatWasRetired(t *testing.T) {
	type step = func(*sitekey.Keys, sitekey.Act) error
	for name, steps := range map[string][]step{
		"retired":    {command(sitekey.Announce), command(sitekey.Use), command(sitekey.Retire)},
		"taken back": {command(sitekey.Announce), command(sitekey.Drop)},
	} {
		cfg, register := config(t.TempDir(), nil), key.New(lifecycletest.Open(t, dbtest.SQLite(t)).Store)
		record := func() error { return keyrecord.Record(t.Context(), register, open(t, cfg), true) }
		if err := record(); err != nil {
			t.Fatal(err)
		}
		var before copied
		for _, step := range steps {
			before = sealedFile(t, cfg, "command-key")
			if err := keyrecord.Record(t.Context(), register, stepped(t, cfg, step), true); err != nil {
				t.Fatal(err)
			}
		}
		now := sealedFile(t, cfg, "command-key")
		before.back()
		if err := record(); fault.CodeOf(err) != "sitekey.lost" {
			t.Errorf("%s: %v", name, err)
		}
		now.back()
		if err := record(); err != nil {
			t.Errorf("%s: with the newest copy again: %v", name, err)
		}
	}
}

// The whole folder was lost: nothing is accepted halfway, and the copy that is found later is not a stranger.
func TestNothingIsAcceptedHalfway(t *testing.T) {
	cfg, register := config(t.TempDir(), nil), key.New(lifecycletest.Open(t, dbtest.SQLite(t)).Store)
	if err := keyrecord.Record(t.Context(), register, open(t, cfg), true); err != nil {
		t.Fatal(err)
	}
	aside := cfg.Dir + "-aside"
	if err := os.Rename(cfg.Dir, aside); err != nil {
		t.Fatal(err)
	}
	all := []string{"centre", key.Checkpoint, key.Command, key.CredentialHash, key.DeviceCA}
	if err := keyrecord.Accept(t.Context(), register, open(t, cfg), true, all, act("x")); fault.CodeOf(err) != "sitekey.lost" || !strings.Contains(err.Error(), "ledger") {
		t.Errorf("without the key that the ledger stands on: %v", err)
	}
	if err := errors.Join(os.RemoveAll(cfg.Dir), os.Rename(aside, cfg.Dir)); err != nil {
		t.Fatal(err)
	}
	if err := keyrecord.Record(t.Context(), register, open(t, cfg), true); err != nil {
		t.Errorf("with the copy: %v", err)
	}
}
