package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func site(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"controller.json": `{"site":"demo","controller":"ctl-1","data_dir":"data",
			"broker":{"url":"tcp://127.0.0.1:1","username":"ctl-1","password_file":"password"},"credential_hash_key_file":"hash.key",
			"lines":[{"port":"line0","devices":[{"name":"IO-1","address":3,"scbk_file":"io1.key"}]}],
			"doors":[{"id":"D-1","strike":{"device":"IO-1","output":0}}]}`,
		"password": "geheim", "hash.key": strings.Repeat("5a", 32), "io1.key": "000102030405060708090a0b0c0d0e77",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "controller.json")
}

func TestArgumentsAndConfigurationAreCheckedFirst(t *testing.T) {
	good := site(t)
	bad := filepath.Join(t.TempDir(), "bad.json")
	if err := os.WriteFile(bad, []byte(`{"site":"demo"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	noKey := site(t)
	if err := os.Remove(filepath.Join(filepath.Dir(noKey), "io1.key")); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"nothing":         {nil, 2, "-config"},
		"unknown flag":    {[]string{"-x"}, 2, "-x"},
		"unknown log":     {[]string{"-config", good, "-log", "xml"}, 2, "-log"},
		"more words":      {[]string{"-config", good, "now"}, 2, "-config"},
		"no such file":    {[]string{"-config", "none.json"}, 2, "none.json"},
		"bad file":        {[]string{"-config", bad, "-check"}, 2, "controller"},
		"no key":          {[]string{"-config", noKey, "-check"}, 2, "io1.key"},
		"checked as good": {[]string{"-config", good, "-check"}, 0, "1 lines, 1 doors: good"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			if code := run(t.Context(), c.args, &out, &errs); code != c.code || !strings.Contains(out.String()+errs.String(), c.says) {
				t.Fatalf("code %d, out %q, err %q", code, out.String(), errs.String())
			}
		})
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(good), "data")); err == nil {
		t.Fatal("-check made the data folder")
	}
}

func TestItRunsUntilItIsToldToEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var out bytes.Buffer
	log := &watcher{saw: make(chan struct{}), word: `"kind":"started"`}
	code := make(chan int, 1)
	go func() { code <- run(ctx, []string{"-config", site(t), "-log", "json"}, &out, log) }()
	<-log.saw
	cancel()
	if c := <-code; c != 0 || out.Len() != 0 {
		t.Fatalf("code %d, out %q, log %s", c, out.String(), log.all.String())
	}
	for line := range strings.Lines(log.all.String()) {
		if !json.Valid([]byte(line)) || strings.Contains(line, "geheim") {
			t.Fatalf("log line %q", line)
		}
	}
}

// watcher is a log that tells when a word has come. slog writes one record at a time.
type watcher struct {
	all  bytes.Buffer
	word string
	saw  chan struct{}
	done bool
}

func (w *watcher) Write(p []byte) (int, error) {
	if !w.done && bytes.Contains(p, []byte(w.word)) {
		w.done = true
		close(w.saw)
	}
	return w.all.Write(p)
}
