package identity_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kanmon/controller/identity"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
)

// layersOf are hash keys that the small centre may give out; "k" is the one it gives at the enrolment.
func layersOf(names string) []byte {
	var b []byte
	for _, n := range names {
		b = append(b, strings.Repeat(string(n), 32)...)
	}
	return b
}

// printed are their fingerprints, by hand.
func printed(names string) (ids []string) {
	for b := range slices.Chunk(layersOf(names), 32) {
		sum := sha256.Sum256(append([]byte("kanmon credential hash key fingerprint v1\n"), b...))
		ids = append(ids, hex.EncodeToString(sum[:]))
	}
	return ids
}

// gives has the centre hand out hash keys with its authority's word, spoilt by fn.
func (c *centre) gives(t *testing.T, keys []byte, fn func(answer map[string]any)) {
	t.Helper()
	sealed, err := pki.SealTo(c.box, "kanmon hash key v1\ndemo\nctl-1", keys)
	if err != nil {
		t.Fatal(err)
	}
	c.set(0, func(a map[string]any) {
		a["hash_keys"], a["introduction"] = sealed, c.introduce(sealed, c.command.Public())
		if fn != nil {
			fn(a)
		}
	})
}

func (c *centre) toldHashKeys() [][]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.hashes)
}

// R47-1: further layers of the credential hash key are taken on the authority's word, kept over a restart, and confirmed at once.
func TestFurtherLayersOfTheHashKeyAreTakenKeptAndConfirmed(t *testing.T) {
	c := startCentre(t)
	r, id := enrolled(t, c)
	var heard []byte
	k := identity.NewKeeper(identity.KeeperConfig{
		Dir: r.Dir, Sealer: r.Sealer, Identity: id, Warn: func(int) {}, Log: slog.New(slog.DiscardHandler), HashKey: func(h identity.HashKey) { heard = h.Bytes() },
	})
	c.gives(t, layersOf("kl"), nil)
	if err := k.Ask(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := [][]string{printed("kl")}; !slices.EqualFunc(c.toldHashKeys(), want, slices.Equal) {
		t.Errorf("said %v, want %v", c.toldHashKeys(), want)
	}
	if !bytes.Equal(heard, layersOf("kl")) || !bytes.Equal(k.Identity().HashKey.Bytes(), heard) {
		t.Errorf("cards are hashed under %d bytes", len(heard))
	}
	loaded, err := identity.Load(r.Dir, r.Sealer)
	if err != nil || !bytes.Equal(loaded.HashKey.Bytes(), layersOf("kl")) || len(loaded.HashKey.Layers()) != 2 {
		t.Fatalf("after a restart %d layers, %v", len(loaded.HashKey.Layers()), err)
	}
	c.gives(t, layersOf("klm"), nil)
	again := keeper(r, loaded, new(bytes.Buffer))
	if err := again.Renew(t.Context()); err != nil { // a renewal brings them too
		t.Fatal(err)
	}
	if loaded, err = identity.Load(r.Dir, r.Sealer); err != nil || !bytes.Equal(loaded.HashKey.Bytes(), layersOf("klm")) {
		t.Errorf("after a renewal %d layers, %v", len(loaded.HashKey.Layers()), err)
	}
}

func TestHashKeysThatDoNotGoOnFromTheKnownOnesAreRefused(t *testing.T) {
	c := startCentre(t)
	r, id := enrolled(t, c)
	k := keeper(r, id, new(bytes.Buffer))
	c.gives(t, layersOf("klm"), nil)
	if err := k.Ask(t.Context()); err != nil {
		t.Fatal(err)
	}
	other, err := pki.NewCA("demo", id.Certificate.NotBefore)
	if err != nil {
		t.Fatal(err)
	}
	for name, give := range map[string]func(){
		"fewer":         func() { c.gives(t, layersOf("kl"), nil) },
		"another order": func() { c.gives(t, layersOf("kml"), nil) },
		"foreign ones":  func() { c.gives(t, layersOf("xyz"), nil) },
		"one twice":     func() { c.gives(t, layersOf("klmk"), nil) },
		"too many":      func() { c.gives(t, layersOf("klmnopqrs"), nil) },
		"half a layer":  func() { c.gives(t, append(layersOf("klm"), 1), nil) },
		"no word":       func() { c.gives(t, layersOf("klmn"), func(a map[string]any) { delete(a, "introduction") }) },
		"the word of another authority": func() {
			c.gives(t, layersOf("klmn"), func(a map[string]any) {
				a["introduction"], _ = other.Introduce(pki.Introduction{
					Site: "demo", Controller: id.Key.Public(), CommandKeys: id.CommandKeys, HashKey: a["hash_keys"].([]byte),
				})
			})
		},
		"sealed to another": func() {
			c.gives(t, layersOf("klmn"), func(a map[string]any) {
				sealed, _ := pki.SealTo(pki.NewBoxKey().Public(), "kanmon hash key v1\ndemo\nctl-1", layersOf("klmn"))
				a["hash_keys"], a["introduction"] = sealed, c.introduce(sealed, c.command.Public())
			})
		},
	} {
		var log bytes.Buffer
		loaded, err := identity.Load(r.Dir, r.Sealer)
		if err != nil {
			t.Fatal(err)
		}
		k := keeper(r, loaded, &log)
		give()
		if err := k.Ask(t.Context()); err != nil || !strings.Contains(log.String(), "level=ERROR") {
			t.Errorf("%s: %v, %s", name, err, log.String())
		}
		loaded, err = identity.Load(r.Dir, r.Sealer)
		if err != nil || !bytes.Equal(loaded.HashKey.Bytes(), layersOf("klm")) || !bytes.Equal(k.Identity().HashKey.Bytes(), layersOf("klm")) {
			t.Errorf("%s: taken (%v)", name, err)
		}
	}
}

// A list that cannot be kept is not used either: after a restart cards would be strangers.
func TestLayersThatCannotBeKeptAreNotUsed(t *testing.T) {
	c := startCentre(t)
	r, id := enrolled(t, c)
	k := keeper(r, id, new(bytes.Buffer))
	file := filepath.Join(r.Dir, "credential-hash-key.sealed")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Rename(file, file+".aside"))
	must(os.MkdirAll(filepath.Join(file, "in the way"), 0o700))
	c.gives(t, layersOf("kl"), nil)
	must(k.Ask(t.Context()))
	if !bytes.Equal(k.Identity().HashKey.Bytes(), layersOf("k")) || len(c.toldHashKeys()) != 1 {
		t.Errorf("used, and said %v", c.toldHashKeys())
	}
	must(os.RemoveAll(file))
	must(os.Rename(file+".aside", file))
	must(k.Ask(t.Context()))
	if len(k.Identity().HashKey.Layers()) != 2 {
		t.Error("not taken later")
	}
}

func TestAnEnrolmentTakesAllLayersOrNone(t *testing.T) {
	for keys, good := range map[string]bool{"kl": true, "klmnopqr": true, "klmnopqrs": false, "kk": false, "": false} {
		c := startCentre(t)
		r := request(t, c)
		c.set(0, func(a map[string]any) {
			sealed, _ := pki.SealTo(c.box, "kanmon hash key v1\ndemo\nctl-1", layersOf(keys))
			a["hash_key"], a["introduction"] = sealed, c.introduce(sealed, c.command.Public())
		})
		id, err := identity.Enroll(t.Context(), r)
		if good != (err == nil) || good && !bytes.Equal(id.HashKey.Bytes(), layersOf(keys)) || !good && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", keys, err)
		}
	}
}
