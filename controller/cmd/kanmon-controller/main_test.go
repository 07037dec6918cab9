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

	"kanmon/controller/controllertest"
	"kanmon/controller/identity"
	"kanmon/internal/pki"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func site(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"controller.json": `{"site":"demo","controller":"ctl-1","data_dir":"data",
			"broker":{"url":"tls://127.0.0.1:1"},
			"lines":[{"port":"line0","devices":[{"name":"IO-1","address":3,"scbk_file":"io1.key"}]}],
			"doors":[{"id":"D-1","strike":{"device":"IO-1","output":0}}]}`,
		"io1.key": "000102030405060708090a0b0c0d0e77",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "controller.json")
}

// enrolled is a site whose controller has its identity.
func enrolled(t *testing.T) string {
	t.Helper()
	config := site(t)
	controllertest.StartCentre(t, "demo").Enrol(t, "ctl-1", filepath.Join(filepath.Dir(config), "data"))
	return config
}

func TestArgumentsAndConfigurationAreCheckedFirst(t *testing.T) {
	good := enrolled(t)
	bad := filepath.Join(t.TempDir(), "bad.json")
	if err := os.WriteFile(bad, []byte(`{"site":"demo"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	noKey := enrolled(t)
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
		"not enrolled":    {[]string{"-config", site(t), "-check"}, 2, "not enrolled yet: run kanmon-controller enroll"},
		"run, by name":    {[]string{"run", "-config", good, "-check"}, 0, "good"},
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
	if plain, err := os.ReadFile(filepath.Join(filepath.Dir(good), "io1.key")); err != nil || len(plain) == 0 {
		t.Fatalf("-check took the key file: %v", err)
	}
	if sealed, _ := filepath.Glob(filepath.Join(filepath.Dir(good), "data", "scbk*")); len(sealed) != 0 {
		t.Fatal("-check sealed a key")
	}
	if journals, _ := filepath.Glob(filepath.Join(filepath.Dir(good), "data", "journal*")); len(journals) != 0 {
		t.Fatal("-check opened a journal")
	}
}

// R103-1: enrolling shows the fingerprints of both sides, and what follows runs.
func TestEnrollMakesAnIdentityAndShowsTheFingerprints(t *testing.T) {
	config := site(t)
	centre := controllertest.StartCentre(t, "demo")
	var out, errs bytes.Buffer
	args := []string{"enroll", "-config", config, "--url", centre.URL, "--token", centre.Token.Reveal()}
	if code := run(t.Context(), args, &out, &errs); code != 0 {
		t.Fatalf("code %d: %s", code, errs.String())
	}
	dir := filepath.Join(filepath.Dir(config), "data")
	sealer, err := pki.OpenSealer(filepath.Join(dir, "sealing-key"), false)
	if err != nil {
		t.Fatal(err)
	}
	id, err := identity.Load(filepath.Join(dir, "identity"), sealer)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{pki.Fingerprint(id.Key.Public()), pki.CertificateFingerprint(centre.CA.Certificate()), "登録しました", "Enrolled"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not shown:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String()+errs.String(), centre.Token.Reveal()) {
		t.Error("the token is shown")
	}
	if code := run(t.Context(), []string{"-config", config, "-check"}, &out, &errs); code != 0 {
		t.Fatalf("code %d: %s", code, errs.String())
	}
}

func TestEnrollSaysWhatIsMissingOrRefused(t *testing.T) {
	config := site(t)
	centre := controllertest.StartCentre(t, "demo")
	stranger := controllertest.StartCentre(t, "demo")
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no token":         {[]string{"-config", config, "--url", centre.URL}, 2, "-token"},
		"no config":        {[]string{"--url", centre.URL, "--token", centre.Token.Reveal()}, 2, "-config"},
		"no url":           {[]string{"-config", config, "--token", centre.Token.Reveal()}, 2, "centre_url"},
		"no token at all":  {[]string{"-config", config, "--url", centre.URL, "--token", "abc"}, 2, "token"},
		"another's centre": {[]string{"-config", config, "--url", stranger.URL, "--token", centre.Token.Reveal()}, 1, "登録できませんでした"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			code := run(t.Context(), append([]string{"enroll"}, c.args...), &out, &errs)
			if code != c.code || !strings.Contains(errs.String(), c.says) || strings.Contains(errs.String(), centre.Token.Reveal()[:23]) {
				t.Fatalf("code %d, out %q, err %q", code, out.String(), errs.String())
			}
		})
	}
}

func TestItRunsUntilItIsToldToEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var out bytes.Buffer
	log := &watcher{saw: make(chan struct{}), word: `"kind":"started"`}
	code := make(chan int, 1)
	go func() { code <- run(ctx, []string{"-config", enrolled(t), "-log", "json"}, &out, log) }()
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
