package policystore

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/internal/wire"
)

// The centre of these tests, and a stranger.
var centreKey, strangerKey = pki.NewSigningKey(), pki.NewSigningKey()

var home = wire.Address{Site: "demo", Controller: "ctl-1", Kind: wire.Policy}

func bare(epoch, n uint64) access.Spec {
	return access.Spec{
		Version: access.Version{Epoch: epoch, N: n},
		Areas:   []access.Area{{ID: "A-1", Name: "電子計算機室", Grade: 2, Record: access.Strict}},
		Doors:   []access.Door{{ID: "D-1", Area: "A-1", EntryReads: []string{"IN-1"}, ReleaseMS: 5000, HeldMS: 30000}},
		People:  []access.Person{{ID: "P-1"}},
		Rights:  []access.Right{{Person: "P-1", Area: "A-1"}},
	}
}

func signed(s access.Spec, at wire.Address, by wire.Signer) wire.Signed {
	m, err := wire.SignPolicy(at, s, time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), by)
	if err != nil {
		panic(err)
	}
	return m
}

func spec(epoch, n uint64) (access.Spec, wire.Signed) {
	s := bare(epoch, n)
	return s, signed(s, home, centreKey)
}

func store(dir string, last access.Version) *Store {
	return New(Config{Dir: dir, Site: home.Site, Controller: home.Controller, Keys: wire.OneKey(centreKey.Public()), Last: last})
}

func save(t *testing.T, s *Store, epoch, n uint64) Stored {
	t.Helper()
	stored, err := s.Save(spec(epoch, n))
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

func TestASavedPolicyIsFoundAgain(t *testing.T) {
	dir := t.TempDir()
	saved := save(t, store(dir, access.Version{}), 1, 7)
	loaded, err := store(dir, access.Version{}).Load()
	if err != nil || loaded.Policy.Version() != (access.Version{Epoch: 1, N: 7}) || loaded.Hash != saved.Hash {
		t.Fatalf("loaded %v %s, %v", loaded.Policy.Version(), loaded.Hash, err)
	}
	if info, err := os.Stat(filepath.Join(dir, currentName)); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
}

func TestAFolderWithoutAPolicySaysSo(t *testing.T) {
	stored, err := store(t.TempDir(), access.Version{}).Load()
	if fault.KindOf(err) != fault.NotFound || stored.Policy != nil {
		t.Fatalf("loaded %+v, %v", stored, err)
	}
}

func TestAnOlderPolicyIsRefusedAlsoAfterARestart(t *testing.T) {
	dir := t.TempDir()
	s := store(dir, access.Version{})
	save(t, s, 2, 5)
	restarted := store(dir, access.Version{})
	if _, err := restarted.Load(); err != nil {
		t.Fatal(err)
	}
	remembered := store(t.TempDir(), access.Version{Epoch: 2, N: 5}) // by the journal; the files are lost
	for _, s := range []*Store{s, restarted, remembered} {
		for _, v := range []access.Version{{Epoch: 2, N: 4}, {Epoch: 1, N: 99}} {
			if _, err := s.Save(spec(v.Epoch, v.N)); fault.KindOf(err) != fault.Conflict {
				t.Fatalf("saved %v: %v", v, err)
			}
		}
		save(t, s, 2, 5) // the same again: a snapshot to be sure
		save(t, s, 3, 1) // a restored centre opens a higher epoch
	}
}

// R47-1, R76-2: what the centre has not signed for this controller is refused, whatever it says, and what was there stays.
func TestAPolicyThatDoesNotHoldIsRefusedAndTheOldOneStays(t *testing.T) {
	dir := t.TempDir()
	s := store(dir, access.Version{})
	save(t, s, 1, 1)
	good, manifest := spec(1, 2)
	noArea := good
	noArea.Areas = nil
	broken := manifest
	broken.Sig = append([]byte{manifest.Sig[0] ^ 1}, manifest.Sig[1:]...)
	for name, c := range map[string]struct {
		spec     access.Spec
		manifest wire.Signed
		kind     fault.Kind
	}{
		"manifest of another":     {good, signed(noArea, home, centreKey), fault.Invalid},
		"reference to nowhere":    {noArea, signed(noArea, home, centreKey), fault.Invalid},
		"not signed":              {good, wire.Signed{}, fault.Invalid},
		"a broken signature":      {good, broken, fault.Denied},
		"signed by a stranger":    {good, signed(good, home, strangerKey), fault.Denied},
		"another controller's":    {good, signed(good, wire.Address{Site: "demo", Controller: "ctl-2", Kind: wire.Policy}, centreKey), fault.Denied},
		"another site's":          {good, signed(good, wire.Address{Site: "demo-2", Controller: "ctl-1", Kind: wire.Policy}, centreKey), fault.Denied},
		"a version on top of old": {withVersion(good, 9), manifest, fault.Invalid},
	} {
		if _, err := s.Save(c.spec, c.manifest); fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
	if loaded, err := s.Load(); err != nil || loaded.Policy.Version().N != 1 {
		t.Fatalf("loaded %v, %v", loaded.Policy.Version(), err)
	}
}

func withVersion(s access.Spec, n uint64) access.Spec {
	s.Version.N = n
	return s
}

// Whoever changes any one thing in the file finds nothing changed at the door: the file no longer counts.
func TestEveryChangeOfTheFileIsFound(t *testing.T) {
	dir := t.TempDir()
	s := store(dir, access.Version{})
	full := bare(1, 2)
	full.Credentials = []access.Credential{{Key: access.Key{7}, Card: "C-1", Person: "P-1", State: access.Revoked}}
	full.Revocations = []access.Revocation{{Version: access.Version{Epoch: 1, N: 3}, Key: access.Key{7}, Card: "C-1", State: access.Revoked}}
	full.Lease.Visitor = 3600
	if _, err := s.Save(full, signed(full, home, centreKey)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, currentName)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for was, is := range map[string]string{
		`"epoch":1,"n":2}`: `"epoch":1,"n":9}`, `"visitor":3600`: `"visitor":36000`, `"grade":2`: `"grade":1`,
		`"record":"strict"`: `"record":"best_effort"`, `"IN-1"`: `"IN-2"`, `"release_ms":5000`: `"release_ms":9000`, `"held_ms":30000`: `"held_ms":99000`,
		`"people":[{"id":"P-1"}`: `"people":[{"id":"P-2"}`, `"card":"C-1","person":"P-1"`: `"card":"C-2","person":"P-1"`,
		`"person":"P-1","state":"revoked"`: `"person":"P-1","state":"active"`, `"card":"C-1","state":"revoked"`: `"card":"C-1","state":"active"`,
		`"key":"07`: `"key":"08`, `"rights":[{`: `"rights":[{"person":"P-1","area":"A-1","from":1},{`, `"key":"` + centreKey.KeyID(): `"key":"` + strangerKey.KeyID(),
		`"sig":"`: `"sig":"A`, `"hash":"`: `"hash":"0`, `"type":"manifest"`: `"type":"policy"`, `"type":"signed"`: `"type":"policy"`, `2026-11-23T00`: `2026-11-24T00`,
	} {
		changed := strings.Replace(string(whole), was, is, 1)
		if changed == string(whole) {
			t.Fatalf("%q is not in the file", was)
		}
		if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		if loaded, err := store(dir, access.Version{}).Load(); err == nil || loaded.Policy != nil {
			t.Errorf("%q for %q was not noticed", is, was)
		}
		if _, err := s.Spec(manifestHash(t, full)); err == nil {
			t.Errorf("%q for %q is the base of a delta", is, was)
		}
	}
}

func manifestHash(t *testing.T, s access.Spec) string {
	t.Helper()
	hash, err := wire.PolicyHash(s)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// A delta needs the policy in force whole again, and only that one.
func TestTheBaseOfADeltaIsReadFromTheDisk(t *testing.T) {
	s := store(t.TempDir(), access.Version{})
	save(t, s, 1, 1)
	stored := save(t, s, 1, 2)
	got, err := s.Spec(stored.Hash)
	if err != nil || manifestHash(t, got) != stored.Hash {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := s.Spec(strings.Repeat("0", 64)); fault.KindOf(err) != fault.NotFound {
		t.Fatalf("another's base: %v", err)
	}
}

func TestABrokenFileGivesThePreviousPolicyAndSaysSo(t *testing.T) {
	for name, harm := range map[string]func(b []byte) []byte{
		"cut":           func(b []byte) []byte { return b[:len(b)/2] },
		"empty":         func([]byte) []byte { return nil },
		"changed":       func(b []byte) []byte { return []byte(strings.Replace(string(b), "D-1", "D-2", 1)) },
		"more behind":   func(b []byte) []byte { return append(b, '{') },
		"unknown field": func(b []byte) []byte { return []byte(strings.Replace(string(b), `{"v"`, `{"w":1,"v"`, 1)) },
		"newer form":    func(b []byte) []byte { return []byte(strings.Replace(string(b), `"v":2`, `"v":3`, 1)) },
		"form before":   func(b []byte) []byte { return []byte(strings.Replace(string(b), `"v":2`, `"v":1`, 1)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := store(dir, access.Version{})
			save(t, s, 1, 1)
			save(t, s, 1, 2)
			path := filepath.Join(dir, currentName)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, harm(b), 0o600); err != nil {
				t.Fatal(err)
			}
			s = store(dir, access.Version{Epoch: 1, N: 2})
			loaded, err := s.Load()
			if err == nil || loaded.Policy.Version().N != 1 {
				t.Fatalf("loaded %v, %v", loaded.Policy.Version(), err)
			}
			save(t, s, 1, 2) // sent again by the centre
			again, err := store(dir, access.Version{}).Load()
			if err != nil || again.Policy.Version().N != 2 {
				t.Fatalf("loaded %v, %v", again.Policy.Version(), err)
			}
			if err := os.WriteFile(path, nil, 0o600); err != nil { // the broken file did not become the previous one
				t.Fatal(err)
			}
			if again, err = store(dir, access.Version{}).Load(); err == nil || again.Policy.Version().N != 1 {
				t.Fatalf("loaded %v, %v", again.Policy.Version(), err)
			}
		})
	}
}

// A crash between any two steps of Save leaves a whole policy, the old one or the new one.
func TestACrashDuringSaveLeavesAWholePolicy(t *testing.T) {
	build := func(t *testing.T) (dir string, next []byte) {
		t.Helper()
		dir, other := t.TempDir(), t.TempDir()
		save(t, store(dir, access.Version{}), 1, 1)
		save(t, store(other, access.Version{}), 1, 2)
		next, err := os.ReadFile(filepath.Join(other, currentName))
		if err != nil {
			t.Fatal(err)
		}
		return dir, next
	}
	current, previous, temp := currentName, previousName, currentName+".new"
	for name, c := range map[string]struct {
		crash func(dir string, next []byte) error
		want  uint64
	}{
		"half a temporary file": {func(dir string, next []byte) error { return os.WriteFile(filepath.Join(dir, temp), next[:9], 0o600) }, 1},
		"old one renamed": {func(dir string, next []byte) error {
			if err := os.WriteFile(filepath.Join(dir, temp), next, 0o600); err != nil {
				return err
			}
			return os.Rename(filepath.Join(dir, current), filepath.Join(dir, previous))
		}, 1},
		"new one renamed": {func(dir string, next []byte) error {
			if err := os.Rename(filepath.Join(dir, current), filepath.Join(dir, previous)); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, current), next, 0o600)
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			dir, next := build(t)
			if err := c.crash(dir, next); err != nil {
				t.Fatal(err)
			}
			s := store(dir, access.Version{})
			if loaded, _ := s.Load(); loaded.Policy.Version().N != c.want {
				t.Fatalf("loaded %v", loaded.Policy.Version())
			}
			save(t, s, 1, 3)
			if loaded, err := s.Load(); err != nil || loaded.Policy.Version().N != 3 {
				t.Fatalf("loaded %v, %v", loaded.Policy.Version(), err)
			}
		})
	}
}

func TestADiskThatCannotBeWrittenIsUnavailable(t *testing.T) {
	s := store(filepath.Join(t.TempDir(), "nowhere"), access.Version{})
	if _, err := s.Save(spec(1, 1)); fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("err %v", err)
	}
}

func FuzzPolicyFile(f *testing.F) {
	dir := f.TempDir()
	s := store(dir, access.Version{})
	if _, err := s.Save(spec(1, 1)); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(filepath.Join(dir, currentName))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte(`{"v":2,"stored":"2026-11-23T00:00:00Z","manifest":{"v":1,"type":"signed","key":"","sig":null,"body":{}},"spec":{"version":{"epoch":1,"n":1}}}`))
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"v":2}{`))
	want, err := s.Load()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := decode(b)
		if err != nil {
			return
		}
		if stored, err := s.verify(file); err == nil && (stored.Policy == nil || stored.Hash != want.Hash) {
			t.Fatalf("verified what the centre did not sign: %+v", stored)
		}
	})
}
