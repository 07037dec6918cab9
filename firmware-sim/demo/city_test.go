package demo

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"kanmon/reader/credential"
	"kanmon/reader/osdp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func made(t *testing.T) *City {
	t.Helper()
	c, err := Make(t.TempDir(), "127.0.0.1:1", "127.0.0.1:2")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// R79-1: nothing of one city is known from another, or from the program.
func TestEveryCityHasKeysCardsAndPasswordsOfItsOwn(t *testing.T) {
	seen := map[string]string{}
	once := func(what, secret string) {
		t.Helper()
		if was, again := seen[secret]; again {
			t.Errorf("%s is the same as %s", what, was)
		}
		seen[secret] = what
	}
	for range 2 {
		c := made(t)
		for _, dev := range devices() {
			text, err := os.ReadFile(c.Files.scbk(dev.name))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := osdp.ParseKey(string(text)); err != nil {
				t.Errorf("key of %s: %v", dev.name, err)
			}
			once("the key of "+dev.name, strings.TrimSpace(string(text)))
		}
		for name, bits := range c.Cards {
			if _, err := credential.Parse(bits); err != nil {
				t.Errorf("card %s: %v", name, err)
			}
			once("the card "+name, bits)
		}
		for _, u := range c.Users {
			if !regexp.MustCompile(`^([a-z2-9]{5}-){3}[a-z2-9]{5}$`).MatchString(u.Password) || strings.ContainsAny(u.Password, "lo01") {
				t.Errorf("password of %s: %q is not four groups of five letters that cannot be mistaken", u.Name, u.Password)
			}
			once("the password of "+u.Name, u.Password)
		}
	}
}

func TestEveryPersonHasACardAndTheStrayCardIsNobodys(t *testing.T) {
	c := made(t)
	want := []string{StrayCard}
	for _, p := range people() {
		want = append(want, p.Card)
	}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(c.Cards)); !slices.Equal(got, want) {
		t.Errorf("cards %q, want %q", got, want)
	}
}

func TestCityIsReadableByItsOwnerAlone(t *testing.T) {
	c := made(t)
	err := filepath.WalkDir(c.Files.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == c.Files.dir {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestOpenedCityIsTheOneThatWasMade(t *testing.T) {
	c := made(t)
	opened, err := Open(c.Files.dir, "127.0.0.1:3", "127.0.0.1:4")
	if err != nil {
		t.Fatal(err)
	}
	want := *c
	want.Console, want.Broker = "127.0.0.1:3", "127.0.0.1:4"
	if !reflect.DeepEqual(*opened, want) {
		t.Errorf("opened %+v, want %+v", *opened, want)
	}
	for path, address := range map[string]string{c.Files.CentreConfig(): "127.0.0.1:3", c.Files.ControllerConfig(): "tls://127.0.0.1:4"} {
		if text, err := os.ReadFile(path); err != nil || !strings.Contains(string(text), address) {
			t.Errorf("%s does not have the new address %s (%v)", filepath.Base(path), address, err)
		}
	}
}

func TestBrokenCityIsNamed(t *testing.T) {
	for file, spoil := range map[string]func(path string) error{
		"demo-logins.json": os.Remove,
		"cards.json":       func(path string) error { return os.WriteFile(path, []byte("{"), 0o600) },
	} {
		c := made(t)
		path := c.Files.logins()
		if file == "cards.json" {
			path = c.Files.Cards()
		}
		if err := spoil(path); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(c.Files.dir, "a:1", "b:1"); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestFolderThatCannotBeMadeIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Make(file, "a:1", "b:1"); err == nil {
		t.Error("a city was made below a file")
	}
}

// An earlier version kept one file for both ends of the line; the controller seals and removes its own at the first start.
func TestACityOfAnEarlierVersionGetsTheDevicesOwnCopiesOfTheirKeys(t *testing.T) {
	c := made(t)
	for _, dev := range devices() {
		if err := os.Remove(c.Files.readerKey(dev.name)); err != nil {
			t.Fatal(err)
		}
	}
	again, err := Open(c.Files.dir, c.Console, c.Broker)
	if err != nil {
		t.Fatal(err)
	}
	for _, dev := range devices() {
		ours, err := os.ReadFile(again.Files.scbk(dev.name))
		if err != nil {
			t.Fatal(err)
		}
		if theirs, err := os.ReadFile(again.Files.readerKey(dev.name)); err != nil || string(theirs) != string(ours) {
			t.Errorf("%s: %v", dev.name, err)
		}
		if err := os.Remove(again.Files.scbk(dev.name)); err != nil { // sealed
			t.Fatal(err)
		}
	}
	if _, err := Open(c.Files.dir, c.Console, c.Broker); err != nil {
		t.Errorf("after the controller's first start: %v", err)
	}
}
