package policystore

import (
	"os"
	"path/filepath"
	"testing"

	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/internal/wire"
)

// Promise 9: an old decision can be made again, so the policies of the past are found again, each as the centre signed it.
func TestPoliciesOfThePastAreFoundAgain(t *testing.T) {
	dir := t.TempDir()
	s := store(dir, access.Version{})
	for n := range uint64(5) {
		save(t, s, 1, n+1)
	}
	restarted := store(dir, access.Version{})
	for n := range uint64(5) {
		v := access.Version{Epoch: 1, N: n + 1}
		if spec, err := restarted.Past(v); err != nil || spec.Version != v {
			t.Errorf("%v: %v, %v", v, spec.Version, err)
		}
	}
	if _, err := restarted.Past(access.Version{Epoch: 1, N: 6}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("one that never was: %v", err)
	}
	stranger := New(Config{Dir: dir, Site: home.Site, Controller: home.Controller, Keys: wire.OneKey(strangerKey.Public())})
	if _, err := stranger.Past(access.Version{Epoch: 1, N: 1}); fault.KindOf(err) != fault.Denied {
		t.Errorf("signed by a stranger: %v", err)
	}
}

func TestAPolicyOfThePastThatWasChangedIsNotTaken(t *testing.T) {
	dir := t.TempDir()
	s := store(dir, access.Version{})
	for n := range uint64(4) {
		save(t, s, 1, n+1)
	}
	one, two := filepath.Join(dir, pastDir, "1-1.json.gz"), filepath.Join(dir, pastDir, "1-2.json.gz")
	b, err := os.ReadFile(two)
	if err == nil {
		err = os.WriteFile(one, b, 0o600) // another policy under its name
	}
	if err != nil {
		t.Fatal(err)
	}
	if spec, err := s.Past(access.Version{Epoch: 1, N: 1}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("%v, %v", spec.Version, err)
	}
	if err := os.WriteFile(two, b[:len(b)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if spec, err := s.Past(access.Version{Epoch: 1, N: 2}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("cut: %v, %v", spec.Version, err)
	}
}

func TestTheOldestPoliciesGoWhenThereIsNoRoom(t *testing.T) {
	dir := t.TempDir()
	s := store(dir, access.Version{})
	for n := range uint64(6) {
		save(t, s, 1, n+1)
	}
	past := filepath.Join(dir, pastDir)
	var newest int64
	for _, name := range []string{"1-3.json.gz", "1-4.json.gz"} {
		info, err := os.Stat(filepath.Join(past, name))
		if err != nil {
			t.Fatal(err)
		}
		newest += info.Size()
	}
	if err := prunePast(past, newest); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(past, "*"))
	if err != nil || len(left) != 2 || filepath.Base(left[0]) != "1-3.json.gz" || filepath.Base(left[1]) != "1-4.json.gz" {
		t.Errorf("left %v, %v", left, err)
	}
}
