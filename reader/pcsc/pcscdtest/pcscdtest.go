// Package pcscdtest is for tests only: a real pcscd with virtual readers that lives as long as a test. It needs root, and Debian's pcscd and
// vsmartcard-vpcd (make setup-test); a test that cannot have them fails.
package pcscdtest

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"kanmon/firmware-sim/vreader"
)

// dir is one for the whole process: libpcsclite reads once where the daemon's socket is.
var dir = sync.OnceValues(func() (string, error) {
	d, err := os.MkdirTemp("", "pcscd")
	if err == nil {
		err = os.Setenv(vreader.Env, filepath.Join(d, "run", "pcscd.comm"))
	}
	return d, err
})

// Start starts a daemon with some readers. Tests that use one do not run in parallel.
func Start(tb testing.TB, readers int) *vreader.Daemon {
	tb.Helper()
	d, err := dir()
	if err != nil {
		tb.Fatal(err)
	}
	var log bytes.Buffer
	daemon, err := vreader.New(d, readers, &log)
	if err == nil {
		err = daemon.Start(tb.Context())
	}
	if err != nil {
		tb.Fatalf("a pcscd with virtual readers is needed (make setup-test): %v\n%s", err, log.String())
	}
	tb.Cleanup(func() {
		_ = daemon.Thaw() // else it would not end in order
		daemon.Stop()
		if tb.Failed() {
			tb.Logf("pcscd: %s", log.String())
		}
	})
	return daemon
}

// Clean removes the folder; for TestMain.
func Clean() {
	if d, err := dir(); err == nil {
		_ = os.RemoveAll(d) // a folder that stays behind in /tmp harms nobody
	}
}
