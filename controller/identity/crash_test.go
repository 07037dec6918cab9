package identity_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kanmon/controller/identity"
	"kanmon/internal/fault"
)

// order is that of the writes of an enrolment.
var order = []string{"credential-hash-key.sealed", "box-key.sealed", "controller-key.sealed", "ca.pem", "certificate.pem", "centre.json"}

// A crash after any of the writes leaves the old identity, the new one, or one that says to enrol again, and that works with the same token.
func TestACrashWhileEnrollingAnewCostsNothing(t *testing.T) {
	for before := range 2 { // without and with an older identity
		for written := range len(order) + 1 {
			t.Run(fmt.Sprintf("%d before, %d written", before, written), func(t *testing.T) { crash(t, before == 1, written) })
		}
	}
}

func crash(t *testing.T, older bool, written int) {
	c := startCentre(t)
	r := request(t, c)
	var old identity.Identity
	if older {
		var err error
		if old, err = identity.Enroll(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	c.set(http.StatusBadGateway, nil)
	_, _ = identity.Enroll(t.Context(), r)
	pending := files(t, r.Dir)
	c.set(0, nil)
	whole, err := identity.Enroll(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	after := files(t, r.Dir)
	for i, name := range order { // put back what would not have been written yet
		if was, ok := pending[name]; i >= written && ok {
			after[name] = was
		} else if i >= written {
			delete(after, name)
		}
	}
	for name, b := range pending {
		if strings.Contains(name, "-pending") {
			after[name] = b
		}
	}
	replace(t, r.Dir, after)

	got, err := identity.Load(r.Dir, r.Sealer)
	switch {
	case written >= 3 && written < len(order) && err == nil:
		t.Error("loads as one, and is half of two")
	case err == nil && !got.Key.Public().Equal(whole.Key.Public()) && (!older || !got.Key.Public().Equal(old.Key.Public())):
		t.Error("loads as neither")
	case err != nil && fault.KindOf(err) != fault.NotFound && fault.CodeOf(err) != "identity.mixed":
		t.Errorf("%v", err)
	}
	done := written == len(order)
	again, err := identity.Enroll(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if same := again.Key.Public().Equal(whole.Key.Public()); same == done {
		t.Errorf("the next attempt shows the same key: %v", same)
	}
	if loaded, err := identity.Load(r.Dir, r.Sealer); err != nil || !loaded.Key.Public().Equal(again.Key.Public()) {
		t.Errorf("%v", err)
	}
	for name := range files(t, r.Dir) {
		if strings.Contains(name, "pending") || strings.Contains(name, "new") {
			t.Errorf("left: %s", name)
		}
	}
}

func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, e := range entries {
		if all[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func replace(t *testing.T, dir string, all map[string][]byte) {
	t.Helper()
	for name := range files(t, dir) {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, b := range all {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A key that the centre has revoked, or knows as another controller's, is not shown a second time.
func TestAKeyThatTheCentreWillNeverTakeIsReplaced(t *testing.T) {
	c := startCentre(t)
	r := request(t, c)
	c.take(true)
	_, err := identity.Enroll(t.Context(), r)
	if fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), "409") {
		t.Fatalf("%v", err)
	}
	c.take(false)
	if _, err := identity.Enroll(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if seen := c.asked(); len(seen) != 2 || seen[0].Equal(seen[1]) {
		t.Errorf("%d keys shown, the refused one again", len(seen))
	}
}
