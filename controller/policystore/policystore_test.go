package policystore

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/wire"
)

func spec(epoch, n uint64) (access.Spec, string) {
	s := access.Spec{
		Version: access.Version{Epoch: epoch, N: n},
		Areas:   []access.Area{{ID: "A-1", Name: "電子計算機室", Grade: 2, Record: access.Strict}},
		Doors:   []access.Door{{ID: "D-1", Area: "A-1", EntryReads: []string{"IN-1"}, ReleaseMS: 5000, HeldMS: 30000}},
		People:  []access.Person{{ID: "P-1"}},
		Rights:  []access.Right{{Person: "P-1", Area: "A-1"}},
	}
	hash, err := wire.PolicyHash(s)
	if err != nil {
		panic(err)
	}
	return s, hash
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
	saved := save(t, New(dir, access.Version{}), 1, 7)
	loaded, err := New(dir, access.Version{}).Load()
	if err != nil || loaded.Policy.Version() != (access.Version{Epoch: 1, N: 7}) || loaded.Hash != saved.Hash {
		t.Fatalf("loaded %v %s, %v", loaded.Policy.Version(), loaded.Hash, err)
	}
	if info, err := os.Stat(filepath.Join(dir, currentName)); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
}

func TestAFolderWithoutAPolicySaysSo(t *testing.T) {
	stored, err := New(t.TempDir(), access.Version{}).Load()
	if fault.KindOf(err) != fault.NotFound || stored.Policy != nil {
		t.Fatalf("loaded %+v, %v", stored, err)
	}
}

func TestAnOlderPolicyIsRefusedAlsoAfterARestart(t *testing.T) {
	dir := t.TempDir()
	s := New(dir, access.Version{})
	save(t, s, 2, 5)
	restarted := New(dir, access.Version{})
	if _, err := restarted.Load(); err != nil {
		t.Fatal(err)
	}
	remembered := New(t.TempDir(), access.Version{Epoch: 2, N: 5}) // by the journal; the files are lost
	for _, store := range []*Store{s, restarted, remembered} {
		for _, v := range []access.Version{{Epoch: 2, N: 4}, {Epoch: 1, N: 99}} {
			if _, err := store.Save(spec(v.Epoch, v.N)); fault.KindOf(err) != fault.Conflict {
				t.Fatalf("saved %v: %v", v, err)
			}
		}
		save(t, store, 2, 5) // the same again: a snapshot to be sure
		save(t, store, 3, 1) // a restored centre opens a higher epoch
	}
}

func TestAPolicyThatDoesNotHoldIsRefusedAndTheOldOneStays(t *testing.T) {
	dir := t.TempDir()
	s := New(dir, access.Version{})
	save(t, s, 1, 1)
	good, hash := spec(1, 2)
	noArea := good
	noArea.Areas = nil
	noAreaHash, err := wire.PolicyHash(noArea)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		spec access.Spec
		hash string
	}{
		"another hash":          {good, strings.Repeat("0", 64)},
		"hash of another":       {noArea, hash},
		"reference to nowhere":  {noArea, noAreaHash},
		"without a hash at all": {good, ""},
	} {
		if _, err := s.Save(c.spec, c.hash); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if loaded, err := s.Load(); err != nil || loaded.Policy.Version().N != 1 {
		t.Fatalf("loaded %v, %v", loaded.Policy.Version(), err)
	}
}

func TestABrokenFileGivesThePreviousPolicyAndSaysSo(t *testing.T) {
	for name, harm := range map[string]func(b []byte) []byte{
		"cut":           func(b []byte) []byte { return b[:len(b)/2] },
		"empty":         func([]byte) []byte { return nil },
		"changed":       func(b []byte) []byte { return []byte(strings.Replace(string(b), "D-1", "D-2", 1)) },
		"more behind":   func(b []byte) []byte { return append(b, '{') },
		"unknown field": func(b []byte) []byte { return []byte(strings.Replace(string(b), `{"v"`, `{"w":1,"v"`, 1)) },
		"newer form":    func(b []byte) []byte { return []byte(strings.Replace(string(b), `"v":1`, `"v":2`, 1)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := New(dir, access.Version{})
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
			s = New(dir, access.Version{Epoch: 1, N: 2})
			loaded, err := s.Load()
			if err == nil || loaded.Policy.Version().N != 1 {
				t.Fatalf("loaded %v, %v", loaded.Policy.Version(), err)
			}
			save(t, s, 1, 2) // sent again by the centre
			again, err := New(dir, access.Version{}).Load()
			if err != nil || again.Policy.Version().N != 2 {
				t.Fatalf("loaded %v, %v", again.Policy.Version(), err)
			}
			if err := os.WriteFile(path, nil, 0o600); err != nil { // the broken file did not become the previous one
				t.Fatal(err)
			}
			if again, err = New(dir, access.Version{}).Load(); err == nil || again.Policy.Version().N != 1 {
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
		save(t, New(dir, access.Version{}), 1, 1)
		save(t, New(other, access.Version{}), 1, 2)
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
			s := New(dir, access.Version{})
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
	s := New(filepath.Join(t.TempDir(), "nowhere"), access.Version{})
	if _, err := s.Save(spec(1, 1)); fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("err %v", err)
	}
}

func FuzzPolicyFile(f *testing.F) {
	f.Add([]byte(`{"v":1,"hash":"00","spec":{"version":{"epoch":1,"n":1}}}`))
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"v":1}{`))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := decode(b)
		if err != nil {
			return
		}
		if stored, err := verify(file); err == nil && (stored.Policy == nil || stored.Hash != file.Hash) {
			t.Fatalf("verified without a policy: %+v", stored)
		}
	})
}
