package api

import (
	"log/slog"
	"strings"
	"testing"

	"kanmon/api/keychange"
	"kanmon/api/sitekey"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/device"
)

// R47-1: a further layer of the credential hash key is not used while a controller lacks it, unless that is forced; its use has every policy made
// anew.
func TestALayerOfTheHashKeyIsNotUsedWhileAControllerLacksIt(t *testing.T) {
	dir := t.TempDir()
	step := func(s keychange.Step, force bool) error {
		c := keychange.Change{Kind: keychange.HashKey, Step: s, Act: sitekey.Act{Reason: "年次の交換"}, Force: force}
		_, err := ChangeKey(t.Context(), settings(t, dir), c, slog.New(slog.DiscardHandler))
		return err
	}
	wanted := func(r *running) uint64 {
		t.Helper()
		c, err := r.devices.Controller(t.Context(), store.System("test"), "ctl-1")
		if err != nil {
			t.Fatal(err)
		}
		return c.Wanted.N
	}
	says := func(r *running, d *farDoor, layers []string) {
		t.Helper()
		if err := r.devices.RecordBelieves(t.Context(), device.Believes{Controller: "ctl-1", HashKeys: layers}, d.key.Public()); err != nil {
			t.Fatal(err)
		}
	}
	var d *farDoor
	before := uint64(0)
	within(t, dir, func(r *running) { d = r.enter("ctl-1"); before = wanted(r); says(r, d, r.keys.HashKeys()) })
	if err := step(keychange.Announce, false); err != nil {
		t.Fatal(err)
	}
	if err := step(keychange.Use, false); fault.CodeOf(err) != "sitekey.missing" || !strings.Contains(err.Error(), "ctl-1") {
		t.Fatalf("a controller lacks it: %v", err)
	}
	within(t, dir, func(r *running) {
		if wanted(r) != before {
			t.Error("a policy is wanted anew for a step that was not taken")
		}
		says(r, d, r.keys.HashKeys())
	})
	if err := step(keychange.Use, false); err != nil {
		t.Fatal(err)
	}
	within(t, dir, func(r *running) {
		if wanted(r) <= before {
			t.Error("no policy is wanted anew")
		}
	})
	if err := step(keychange.Announce, false); err != nil {
		t.Fatal(err)
	}
	if err := step(keychange.Use, true); err != nil {
		t.Errorf("forced: %v", err)
	}
}
