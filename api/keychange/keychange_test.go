package keychange_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kanmon/api/keychange"
	"kanmon/api/sitekey"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/lifecycletest"
)

func open(t *testing.T) *sitekey.Keys {
	t.Helper()
	dir := t.TempDir()
	k, err := sitekey.Open(sitekey.Config{
		Dir: filepath.Join(dir, "keys"), SealingKey: filepath.Join(dir, "sealing-key"), Site: "demo", Origin: "kanmon/demo", Hosts: []string{"localhost"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var act = sitekey.Act{At: time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC), By: "山田", Reason: "年次の交換"}

// R47-1: a new authority is used only when every controller trusts it, and the one before is retired only when every controller has a certificate
// by the new one; who is missing is named.
func TestAnAuthorityIsNotReplacedOverTheHeadsOfControllers(t *testing.T) {
	k := open(t)
	ready := func(step keychange.Step, code string, said ...device.Believes) {
		t.Helper()
		err := keychange.Ready(k, keychange.Authority, keychange.Heard{Believed: said}, step)
		if fault.CodeOf(err) != code || (code != "" && (!strings.Contains(err.Error(), "late") || strings.Contains(err.Error(), "good"))) {
			t.Errorf("%s: %v, want %q", step, err, code)
		}
	}
	take := func(step func(sitekey.Act) error) {
		t.Helper()
		if err := step(act); err != nil {
			t.Fatal(err)
		}
	}
	old := k.CA().Pin()
	ready(keychange.Announce, "", device.Believes{Controller: "late"})
	take(k.AnnounceAuthority)
	next, _ := k.AnnouncedAuthority()
	good := device.Believes{Controller: "good", Authorities: []string{old, next}, Issuer: old}
	ready(keychange.Use, "sitekey.missing", good, device.Believes{Controller: "late", Authorities: []string{old}, Issuer: old})
	ready(keychange.Use, "sitekey.missing", good, device.Believes{Controller: "late"}) // it has said nothing
	ready(keychange.Use, "", good)
	list := keychange.Standings(k, keychange.Authority, []device.Believes{good, {Controller: "late", Authorities: []string{old}}})
	if len(list) != 2 || list[0].Stage != "present" || len(list[0].Missing) != 0 || list[1].Stage != "announced" || strings.Join(list[1].Missing, ",") != "late" {
		t.Errorf("announced: %+v", list)
	}
	take(k.UseAuthority)
	late := device.Believes{Controller: "late", Authorities: []string{old, next}, Issuer: old}
	good.Issuer = next
	ready(keychange.Retire, "sitekey.certificate", good, late)
	ready(keychange.Retire, "", good)
	take(k.RetireAuthority)
	if list := keychange.Standings(k, keychange.Authority, nil); len(list) != 1 || list[0].Key != next || list[0].Stage != "present" {
		t.Errorf("retired: %+v", list)
	}
}

func TestAStepThatAKeyDoesNotHaveIsRefused(t *testing.T) {
	k, city := open(t), lifecycletest.Open(t, dbtest.SQLite(t))
	for _, kind := range []keychange.Kind{keychange.Command, keychange.Authority} {
		change := keychange.Change{Kind: kind, Step: "burn", Act: act, Force: true}
		if _, err := change.Take(t.Context(), k, city.Store); fault.CodeOf(err) != "sitekey.step" {
			t.Errorf("%s: %v", kind, err)
		}
		change.Step = keychange.Show
		if list, err := change.Take(t.Context(), k, city.Store); err != nil || len(list) != 1 || list[0].Stage != "present" {
			t.Errorf("%s: show: %+v, %v", kind, list, err)
		}
	}
}
