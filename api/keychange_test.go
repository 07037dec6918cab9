package api

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"kanmon/api/keychange"
	"kanmon/api/sitekey"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/device"
)

// R84-1: a controller judges by the policy on its disk after a restart, and reads it only under a key that it believes. So a new command key
// has every policy signed anew, and the one before is not retired while a controller still has a policy that it signed.
func TestACommandKeyIsNotRetiredWhileAControllersPolicyStandsOnIt(t *testing.T) {
	dir := t.TempDir()
	step := func(s keychange.Step) error {
		c := keychange.Change{Kind: keychange.Command, Step: s, Act: sitekey.Act{Reason: "年次の交換"}}
		_, err := ChangeKey(t.Context(), settings(t, dir), c, slog.New(slog.DiscardHandler))
		return err
	}
	n := uint64(0)
	applies := func(r *running) { // the policy it should have
		t.Helper()
		n++
		c, err := r.devices.Controller(t.Context(), store.System("test"), "ctl-1")
		if err == nil {
			_, err = r.devices.RecordStatus(t.Context(), "ctl-1", device.Status{Online: true, Start: 1, N: n, Policy: c.Wanted}, time.Now())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var d *farDoor
	within(t, dir, func(r *running) { d = r.enter("ctl-1"); applies(r) })
	if err := step(keychange.Announce); err != nil {
		t.Fatal(err)
	}
	says := func(r *running) {
		t.Helper()
		if err := r.devices.RecordBelieves(t.Context(), device.Believes{Controller: "ctl-1", CommandKeys: r.keys.CommandRotation().All()}, d.key.Public()); err != nil {
			t.Fatal(err)
		}
	}
	within(t, dir, says)
	if err := step(keychange.Use); err != nil {
		t.Fatal(err)
	}
	within(t, dir, says)
	if err := step(keychange.Retire); fault.CodeOf(err) != "sitekey.policy" || !strings.Contains(err.Error(), "ctl-1") {
		t.Fatalf("its policy is signed by the key before: %v", err)
	}
	var before string
	within(t, dir, func(r *running) {
		applies(r)
		before, _ = r.keys.CommandRotation().Leaving()
		if _, counts := r.sealedBy()(before); !counts {
			t.Error("what the key before has sealed does not count while controllers believe it")
		}
	})
	if err := step(keychange.Retire); err != nil {
		t.Fatal(err)
	}
	within(t, dir, func(r *running) { // it may have been stolen
		if _, counts := r.sealedBy()(before); counts || before == "" {
			t.Errorf("what the retired key %q seals brings a revocation back", before)
		}
		if _, counts := r.sealedBy()(r.keys.Command().KeyID()); !counts {
			t.Error("what the present key has sealed does not count")
		}
	})
}
