package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const plainKey = "000102030405060708090a0b0c0d0e77"

// command runs one and returns its exit status and all it said.
func command(t *testing.T, args ...string) (int, string) {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), args, &out, &errs)
	said := out.String() + errs.String()
	if strings.Contains(said, plainKey[:12]) {
		t.Errorf("%v shows a key: %s", args, said)
	}
	return code, said
}

// tree is every file below a folder with its contents.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			all[path] = "folder"
			return err
		}
		b, err := os.ReadFile(path)
		all[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func sameTree(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for path, text := range a {
		if b[path] != text {
			return false
		}
	}
	return true
}

// R47-1: an operator makes a new key, which waits for the next start; the key is never shown, and a second one is refused while it waits.
func TestAnOperatorMakesANewKeyForADevice(t *testing.T) {
	config := enrolled(t)
	dir := filepath.Dir(config)
	before := tree(t, dir)
	if code, said := command(t, "rekey", "-config", config, "-show"); code != 0 || said != "IO-1\tpresent\n" {
		t.Fatalf("at first: %d %q", code, said)
	}
	if !sameTree(before, tree(t, dir)) {
		t.Error("-show changed something")
	}
	code, said := command(t, "rekey", "-config", config, "-device", "IO-1", "-reason", "年次の交換")
	if code != 0 || !strings.Contains(said, "IO-1") || !strings.Contains(said, "次に制御装置を起動すると") || !strings.Contains(said, "at the next start") {
		t.Fatalf("rekey: %d %q", code, said)
	}
	if _, err := os.Stat(filepath.Join(dir, "io1.key")); !os.IsNotExist(err) {
		t.Errorf("the plain key is still there: %v", err)
	}
	before = tree(t, dir)
	if code, said := command(t, "rekey", "-config", config, "-show"); code != 0 || !strings.HasPrefix(said, "IO-1\tpending since 2") || !strings.Contains(said, "\t年次の交換 (") || !strings.HasSuffix(said, ")\n") {
		t.Errorf("after it: %d %q", code, said)
	}
	if code, said := command(t, "rekey", "-config", config, "-device", "IO-1", "-reason", "x"); code != 1 || !strings.Contains(said, "already") {
		t.Errorf("a second one: %d %q", code, said)
	}
	if code, said := command(t, "-config", config, "-check"); code != 0 || !strings.Contains(said, "good") {
		t.Errorf("-check: %d %q", code, said)
	}
	after := tree(t, dir)
	delete(after, filepath.Join(dir, "data", "lock"))
	delete(before, filepath.Join(dir, "data", "lock"))
	if !sameTree(before, after) {
		t.Error("the refusal or -check changed something")
	}
}

func TestRekeySaysWhatIsMissingOrWrong(t *testing.T) {
	config := enrolled(t)
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"nothing":             {nil, "-config"},
		"neither":             {[]string{"-config", config}, "-device"},
		"both":                {[]string{"-config", config, "-device", "IO-1", "-show"}, "-device"},
		"no reason":           {[]string{"-config", config, "-device", "IO-1"}, "-reason"},
		"more words":          {[]string{"-config", config, "-device", "IO-1", "now"}, "-device"},
		"two lines of reason": {[]string{"-config", config, "-device", "IO-1", "-reason", "a\nb"}, "-reason"},
		"no configuration":    {[]string{"-config", "none.json", "-show"}, "none.json"},
		"no such device":      {[]string{"-config", config, "-device", "IN-9", "-reason", "x"}, "IN-9"},
		"not enrolled":        {[]string{"-config", site(t), "-device", "IO-1", "-reason", "x"}, "not enrolled yet"},
	} {
		t.Run(name, func(t *testing.T) {
			if code, said := command(t, append([]string{"rekey"}, c.args...)...); code != 2 || !strings.Contains(said, c.says) {
				t.Errorf("%d %q", code, said)
			}
		})
	}
}

// R47-1: the controller seals its plain keys at the first start, starts again without them, and lets nobody change them while it runs.
func TestARunningControllerHasSealedItsKeysAndLetsNobodyChangeThem(t *testing.T) {
	config := enrolled(t)
	plain := filepath.Join(filepath.Dir(config), "io1.key")
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		log := &watcher{saw: make(chan struct{}), word: `"kind":"started"`}
		code := make(chan int, 1)
		go func() { code <- run(ctx, []string{"-config", config, "-log", "json"}, &bytes.Buffer{}, log) }()
		<-log.saw
		if _, err := os.Stat(plain); !os.IsNotExist(err) {
			t.Errorf("the plain key is still there: %v", err)
		}
		if code, said := command(t, "rekey", "-config", config, "-device", "IO-1", "-reason", "x"); code != 1 || !strings.Contains(said, "動作中") || !strings.Contains(said, "running") {
			t.Errorf("rekey beside it: %d %q", code, said)
		}
		if code, said := command(t, "rekey", "-config", config, "-show"); code != 0 || said != "IO-1\tpresent\n" {
			t.Errorf("-show beside it: %d %q", code, said)
		}
		cancel()
		if c := <-code; c != 0 || strings.Contains(log.all.String(), plainKey[:12]) {
			t.Fatalf("code %d, log %s", c, log.all.String())
		}
	}
	for path, text := range tree(t, filepath.Dir(config)) {
		if strings.Contains(text, plainKey) {
			t.Errorf("%s holds the plain key", path)
		}
	}
}
