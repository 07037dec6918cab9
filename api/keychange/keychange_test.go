package keychange_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kanmon/api/keychange"
	"kanmon/api/sitekey"
	"kanmon/internal/access"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
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
		for i := range said {
			said[i].At = act.At.Add(time.Minute)
		}
		err := keychange.Ready(k, keychange.Authority, keychange.Heard{Believed: said}, step)
		if fault.CodeOf(err) != code || (code != "" && (!strings.Contains(err.Error(), "late") || strings.Contains(err.Error(), "good"))) {
			t.Errorf("%s: %v, want %q", step, err, code)
		}
	}
	take := func(step sitekey.Step) {
		t.Helper()
		if err := k.AuthorityRotation().Take(step, act); err != nil {
			t.Fatal(err)
		}
	}
	old := k.CA().Pin()
	ready(keychange.Announce, "", device.Believes{Controller: "late"})
	take(sitekey.Announce)
	next, _ := k.AuthorityRotation().Announced()
	good := device.Believes{Controller: "good", Authorities: []string{old, next}, Issuer: old}
	ready(keychange.Use, "sitekey.missing", good, device.Believes{Controller: "late", Authorities: []string{old}, Issuer: old})
	ready(keychange.Use, "sitekey.missing", good, device.Believes{Controller: "late"}) // it has said nothing
	ready(keychange.Use, "sitekey.foreign", good, device.Believes{Controller: "late", Authorities: []string{old, next, "thief"}, Issuer: old})
	before := keychange.Heard{Believed: []device.Believes{{Controller: "late", Authorities: good.Authorities, Issuer: old, At: act.At.Add(-time.Second)}}}
	if err := keychange.Ready(k, keychange.Authority, before, keychange.Use); fault.CodeOf(err) != "sitekey.missing" {
		t.Errorf("what was said before the step counts: %v", err)
	}
	ready(keychange.Use, "", good)
	good.At = act.At.Add(time.Minute)
	late := device.Believes{Controller: "late", Authorities: []string{old, next}, Issuer: old, At: act.At.Add(-time.Minute)}
	list := keychange.Standings(k, keychange.Authority, []device.Believes{good, late}) // late said so of another time
	if len(list) != 2 || list[0].Stage != "present" || len(list[0].Missing) != 0 || list[1].Stage != "announced" || strings.Join(list[1].Missing, ",") != "late" {
		t.Errorf("announced: %+v", list)
	}
	take(sitekey.Use)
	late.At = good.At
	good.Issuer = next
	ready(keychange.Retire, "sitekey.certificate", good, late)
	ready(keychange.Retire, "", good)
	list = keychange.Standings(k, keychange.Authority, []device.Believes{good, late})
	if len(list) != 2 || list[0].Stage != "leaving" || list[1].Stage != "present" || strings.Join(list[1].Outdated, ",") != "late" {
		t.Errorf("in use: %+v", list)
	}
	take(sitekey.Retire)
	late.Authorities = append(late.Authorities, "thief")
	list = keychange.Standings(k, keychange.Authority, []device.Believes{late})
	if len(list) != 3 || list[1].Stage != "retired" || list[2].Stage != "unknown" || list[2].Key != "thief" || strings.Join(list[1].Held, ",") != "late" {
		t.Errorf("who did not follow: %+v", list)
	}
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

// A new authority changes no policy, and a step that is refused changes nothing: a higher version wanted for nothing would stand in the way of the
// command key's retirement.
func TestOnlyANewCommandKeyHasPoliciesMadeAnew(t *testing.T) {
	k, city := open(t), lifecycletest.Open(t, dbtest.SQLite(t))
	key := pki.NewSigningKey()
	if _, err := city.Device.AddController(t.Context(), lifecycletest.Manager, device.NewController{Name: "ctl-1", Place: "x"}); err != nil {
		t.Fatal(err)
	}
	enrolled(t, city, "ctl-1", key)
	wanted := func() access.Version {
		t.Helper()
		c, err := city.Device.Controller(t.Context(), lifecycletest.Manager, "ctl-1")
		if err != nil {
			t.Fatal(err)
		}
		return c.Wanted
	}
	take := func(kind keychange.Kind, step keychange.Step) error {
		_, err := keychange.Change{Kind: kind, Step: step, Act: act, Force: true}.Take(t.Context(), k, city.Store)
		return err
	}
	first := wanted()
	if err := errors.Join(take(keychange.Authority, keychange.Announce), take(keychange.Authority, keychange.Use)); err != nil {
		t.Fatal(err)
	}
	if err := take(keychange.Command, keychange.Use); fault.CodeOf(err) != "sitekey.step" || wanted() != first {
		t.Errorf("wanted %v, before %v, %v", wanted(), first, err)
	}
	if err := errors.Join(take(keychange.Command, keychange.Announce), take(keychange.Command, keychange.Use)); err != nil || !first.Less(wanted()) {
		t.Errorf("wanted %v, before %v, %v", wanted(), first, err)
	}
}

func enrolled(t *testing.T, city *lifecycletest.City, name string, key pki.SigningKey) {
	t.Helper()
	token := pki.NewToken(strings.Repeat("0", 32))
	if err := city.Device.NewToken(t.Context(), lifecycletest.Manager, name, token.Hash(), city.Clock.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	err := city.Device.Enroll(t.Context(), device.Enrolment{
		Controller: name, TokenHash: token.Hash(), Public: key.Public(), BoxKey: pki.NewBoxKey().Public(),
	}, func() (device.Certificate, error) {
		return device.Certificate{Serial: "1", Fingerprint: "f", Issued: city.Clock.Now(), Until: city.Clock.Now().AddDate(0, 6, 0), DER: []byte("x")}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
