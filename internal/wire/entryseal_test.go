package wire_test

import (
	"strings"
	"testing"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/wire"
)

// R76-2: the seal of an entry is the bytes that another program makes, and proves that entry of that site and no other.
func TestASealProvesOneEntryOfOneSite(t *testing.T) {
	good := sealedEntry()
	list := []access.Revocation{lost(6), lost(7), lost(7)}
	wire.NewSealer("demo", centre).Seal(list)
	if list[1] != good || list[2] != good || list[0].Seal == good.Seal {
		t.Fatalf("sealed %+v, want the second as %+v", list, good)
	}
	for _, r := range list {
		if err := wire.CheckSeal("demo", r, centre.keys()); err != nil {
			t.Errorf("%+v: %v", r, err)
		}
	}
	for what, spoil := range map[string]func(*access.Revocation){
		"another epoch":    func(r *access.Revocation) { r.Version.Epoch++ },
		"another number":   func(r *access.Revocation) { r.Version.N++ },
		"another key":      func(r *access.Revocation) { r.Key[3] ^= 1 },
		"another card":     func(r *access.Revocation) { r.Card += "0" },
		"another state":    func(r *access.Revocation) { r.State = access.Active },
		"no seal":          func(r *access.Revocation) { r.Seal = "" },
		"no key":           func(r *access.Revocation) { _, r.Seal, _ = strings.Cut(r.Seal, ".") },
		"half a signature": func(r *access.Revocation) { r.Seal = r.Seal[:40] },
		"no base64":        func(r *access.Revocation) { r.Seal += "=" },
		"a device's seal":  func(r *access.Revocation) { r.Seal = sealedBy(*r, device) },
	} {
		r := good
		spoil(&r)
		if err := wire.CheckSeal("demo", r, centre.keys()); fault.KindOf(err) != fault.Denied {
			t.Errorf("%s: %v, want it denied", what, err)
		}
	}
	if err := wire.CheckSeal("other", good, centre.keys()); fault.KindOf(err) != fault.Denied {
		t.Errorf("at another site: %v", err)
	}
}

func sealedBy(r access.Revocation, by signer) string {
	list := []access.Revocation{r}
	wire.NewSealer("demo", by).Seal(list)
	return list[0].Seal
}
