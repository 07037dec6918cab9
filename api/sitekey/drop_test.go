package sitekey_test

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

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
		do := func(steps ...func(sitekey.Act) error) {
			for _, step := range steps {
				if err := step(act("x")); err != nil {
					rt.Fatal(err)
				}
			}
		}
		var past [][]ed25519.PublicKey
		note := func() { list, _ := k.Believed(); past = append(past, list) }
		note()
		for i := range rapid.IntRange(1, 5).Draw(rt, "changes") {
			do(k.AnnounceCommandKey)
			note()
			if rapid.Bool().Draw(rt, fmt.Sprint("taken back ", i)) {
				do(k.DropCommandKey)
			} else {
				do(k.UseCommandKey)
				note()
				do(k.RetireCommandKey)
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
	k := stepped(t, cfg, (*sitekey.Keys).AnnounceAuthority)
	both, _ := k.Authorities()
	if err := k.Record(t.Context(), register, false); err != nil {
		t.Fatal(err)
	}
	k = stepped(t, cfg, (*sitekey.Keys).DropAuthority)
	list, words := k.Authorities()
	if got := pki.FollowAuthorities("demo", both, words); len(list) != 1 || !list[0].Equal(old.Certificate()) || len(got) != 1 || !got[0].Equal(list[0]) {
		t.Errorf("%d trusted, %d by who had heard of the other", len(list), len(got))
	}
	if err := k.Record(t.Context(), register, false); err != nil {
		t.Fatal(err)
	}
	all, err := register.List(t.Context(), lifecycletest.Manager)
	i := slices.IndexFunc(all, func(k key.Key) bool { return k.Purpose == key.DeviceCANext })
	if err != nil || i < 0 || all[i].State != key.Retired || all[i].Fingerprint != pki.CertificateFingerprint(both[1]) ||
		slices.ContainsFunc(all, func(k key.Key) bool { return k.Purpose == key.DeviceCABefore }) {
		t.Errorf("the register: %+v, %v", all, err)
	}
	for _, step := range []func(*sitekey.Keys, sitekey.Act) error{(*sitekey.Keys).AnnounceAuthority, (*sitekey.Keys).UseAuthority, (*sitekey.Keys).RetireAuthority} {
		k = stepped(t, cfg, step)
		if err := k.Record(t.Context(), register, false); err != nil {
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
	if err := k.AnnounceAuthority(act("x")); fault.CodeOf(err) != "pki.clock" {
		t.Errorf("in 1970: %v", err)
	}
	now = time.Now()
	if err := k.AnnounceAuthority(act("x")); err != nil {
		t.Fatal(err)
	}
	now = now.Add(20*365*24*time.Hour - pki.ServerLife/2)
	if err := k.UseAuthority(act("x")); fault.CodeOf(err) != "sitekey.soon_over" {
		t.Errorf("close to its end: %v", err)
	}
	if err := k.DropAuthority(act("x")); err != nil {
		t.Error(err)
	}
}

// R47-1: a copy of the keys from before an announcement has forgotten what controllers trust by now.
func TestACopyOfTheKeysFromBeforeAnAnnouncementIsRefused(t *testing.T) {
	for name, announce := range map[string]func(*sitekey.Keys, sitekey.Act) error{
		"device-ca": (*sitekey.Keys).AnnounceAuthority, "command-key": (*sitekey.Keys).AnnounceCommandKey,
	} {
		cfg, register := config(t.TempDir(), nil), key.New(lifecycletest.Open(t, dbtest.SQLite(t)).Store)
		open(t, cfg)
		copied := sealedFile(t, cfg, name)
		if err := stepped(t, cfg, announce).Record(t.Context(), register, true); err != nil {
			t.Fatal(err)
		}
		copied.back()
		if err := open(t, cfg).Record(t.Context(), register, true); fault.CodeOf(err) != "sitekey.lost" {
			t.Errorf("%s: %v", name, err)
		}
		if err := open(t, cfg).Accept(t.Context(), register, true, act("控えもない")); err != nil {
			t.Fatal(err)
		}
		if err := open(t, cfg).Record(t.Context(), register, true); err != nil {
			t.Errorf("%s: accepted, and then: %v", name, err)
		}
	}
}
