package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"kanmon/internal/db"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// config writes a configuration over a fresh data folder and returns its file and the folder.
func config(t *testing.T) (file, data string) {
	t.Helper()
	dir := t.TempDir()
	file, data = filepath.Join(dir, "kanmon.json"), filepath.Join(dir, "data")
	text := fmt.Sprintf(`{"data_dir":%q,"console_listen":"127.0.0.1:0","broker":{"listen":"127.0.0.1:0"}}`, data)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, data
}

// watched is an output that tells when a word was written.
type watched struct {
	mu   sync.Mutex
	text bytes.Buffer
	word string
	seen chan struct{}
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.text.Write(p)
	if w.word != "" && strings.Contains(w.text.String(), w.word) {
		w.word = ""
		close(w.seen)
	}
	return n, err
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// serveOnce runs the centre until its console is up and stops it.
func serveOnce(t *testing.T, file string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &watched{word: "console ", seen: make(chan struct{})}
	code := make(chan int, 1)
	var problems watched
	go func() { code <- run(ctx, []string{"-config", file}, out, &problems) }()
	select {
	case <-out.seen:
	case c := <-code:
		t.Fatalf("ended with %d: %s", c, problems.String())
	}
	cancel()
	if c := <-code; c != exitOK {
		t.Fatalf("exit code %d: %s", c, problems.String())
	}
	return out.String()
}

func TestServeSaysWhereItIsAndEndsInOrder(t *testing.T) {
	file, data := config(t)
	out := serveOnce(t, file)
	if !strings.Contains(out, "console  https://127.0.0.1:") || !strings.Contains(out, filepath.Join(data, "bootstrap-token")) {
		t.Errorf("printed %s", out)
	}
	token, err := os.ReadFile(filepath.Join(data, "bootstrap-token"))
	if err != nil || strings.Contains(out, strings.TrimSpace(string(token))) {
		t.Errorf("the token itself was printed (%v)", err)
	}
	if !strings.Contains(out, "trust    "+filepath.Join(data, "ca.pem")) {
		t.Errorf("does not say whom to trust: %s", out)
	}
	serveOnce(t, file)
}

// R84-1: a change made past the program is found and named.
func TestVerifyNamesARowChangedInTheDatabase(t *testing.T) {
	file, data := config(t)
	var out, problems bytes.Buffer
	if code := run(t.Context(), []string{"verify", "-config", file}, &out, &problems); code != exitFailed ||
		!strings.Contains(problems.String(), "nothing to verify") {
		t.Fatalf("without data: %d %s", code, problems.String())
	}
	serveOnce(t, file)
	setUp(t, file, data)
	out.Reset()
	if code := run(t.Context(), []string{"verify", "-config", file}, &out, &problems); code != exitOK {
		t.Fatalf("untouched: %d %s %s", code, out.String(), problems.String())
	}
	attack(t, filepath.Join(data, "kanmon.db"),
		`DROP TRIGGER account_version_no_update`, `UPDATE account_version SET roles = 'auditor' WHERE id = 'yamada'`)
	out.Reset()
	if code := run(t.Context(), []string{"verify", "-config", file}, &out, &problems); code != exitFailed {
		t.Fatalf("changed: %d %s", code, out.String())
	}
	for _, part := range []string{"row_changed", "account_version", "yamada", "NOT as recorded"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("verify does not say %q: %s", part, out.String())
		}
	}
}

func attack(t *testing.T, file string, statements ...string) {
	t.Helper()
	d, err := db.Open(t.Context(), db.Config{Driver: db.SQLite, Path: file, AllowDDL: true})
	if err != nil {
		t.Fatal(err)
	}
	err = d.Write(t.Context(), func(tx *db.Tx) error {
		for _, s := range statements {
			if _, err := tx.Exec(t.Context(), s); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestACommandLineNobodyMeantIsRefused(t *testing.T) {
	file, _ := config(t)
	wrong := filepath.Join(t.TempDir(), "wrong.json")
	if err := os.WriteFile(wrong, []byte(`{"data_dir":"d","bogus":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		say  string
	}{
		{nil, "give -config FILE"},
		{[]string{"serve"}, "give -config FILE"},
		{[]string{"destroy", "-config", file}, `no command "destroy"`},
		{[]string{"-config", file, "more"}, "nothing else"},
		{[]string{"-bogus"}, "not defined"},
		{[]string{"serve", "-config", file, "-reason", "x"}, "not defined"},
		{[]string{"-config", file + ".not"}, "no such file"},
		{[]string{"-config", wrong}, "bogus"},
	} {
		var problems bytes.Buffer
		if code := run(t.Context(), c.args, io.Discard, &problems); code != exitUsage || !strings.Contains(problems.String(), c.say) {
			t.Errorf("%q: %d %s", c.args, code, problems.String())
		}
	}
	var out bytes.Buffer
	if code := run(t.Context(), []string{"version"}, &out, io.Discard); code != exitOK || !strings.HasPrefix(out.String(), "kanmon-api ") {
		t.Errorf("version: %d %s", code, out.String())
	}
}

// R84-1: after a restore that nothing tells, an operator opens the epoch; it says so, and the next start goes on with it.
func TestAnOperatorOpensANewEpoch(t *testing.T) {
	file, _ := config(t)
	serveOnce(t, file)
	var out, problems bytes.Buffer
	if code := run(t.Context(), []string{"new-epoch", "-config", file}, &out, &problems); code != exitFailed || !strings.Contains(problems.String(), "reason") {
		t.Fatalf("without a reason: %d %s", code, problems.String())
	}
	if code := run(t.Context(), []string{"new-epoch", "-config", file, "-reason", "控えから戻した"}, &out, &problems); code != exitOK ||
		!strings.Contains(out.String(), "epoch 2 begins") {
		t.Fatalf("%d %s %s", code, out.String(), problems.String())
	}
	serveOnce(t, file)
	out.Reset()
	if code := run(t.Context(), []string{"verify", "-config", file}, &out, &problems); code != exitOK {
		t.Fatalf("%d %s", code, out.String())
	}
}

func TestTheFilesOfAnotherBrokerAreWrittenOnDemand(t *testing.T) {
	dir := t.TempDir()
	file, folder := filepath.Join(dir, "kanmon.json"), filepath.Join(dir, "mosquitto")
	text := fmt.Sprintf(`{"data_dir":%q,"broker":{"url":"tls://broker.example.jp:8883","files_dir":%q}}`, filepath.Join(dir, "data"), folder)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, problems bytes.Buffer
	if code := run(t.Context(), []string{"broker-files", "-config", file}, &out, &problems); code != exitOK || !strings.Contains(out.String(), "reload mosquitto") {
		t.Fatalf("%d %s %s", code, out.String(), problems.String())
	}
	for _, name := range []string{"mosquitto.conf", "acl", "ca.pem", "crl.pem", "server.pem", "server.key"} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Size() == 0 || info.Mode().Perm()&0o007 != 0 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	other, _ := config(t)
	if code := run(t.Context(), []string{"broker-files", "-config", other}, &out, &problems); code != exitFailed {
		t.Errorf("an embedded broker has files: %d", code)
	}
}
