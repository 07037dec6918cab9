package store_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/store"
)

// childVar carries the database's configuration to a copy of this test binary that only writes.
const childVar = "KANMON_STORE_CHILD"

// child appends taps for ever and prints the leaf of each after its commit.
func child() int {
	var cfg db.Config
	if err := json.Unmarshal([]byte(os.Getenv(childVar)), &cfg); err != nil {
		return 2
	}
	ctx := context.Background()
	d, err := db.Open(ctx, cfg)
	if err != nil {
		return 3
	}
	s, err := store.New(d, store.Config{Origin: origin})
	if err != nil {
		return 4
	}
	for i := 0; ; i++ {
		var leaf int64
		err := s.Write(ctx, taro, "", func(tx *store.Tx) error {
			leaf, err = tx.Append(ctx, "tap", tap(fmt.Sprint("pid-", os.Getpid()), i))
			return err
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 5
		}
		fmt.Println(leaf)
	}
}

// a process killed at any moment leaves every row it had announced, and a whole ledger.
func TestAKilledWriterLosesNothingItAnnounced(t *testing.T) {
	const bound = 2500 * time.Millisecond // for each database
	onBoth(t, func(t *testing.T, f *fixture) {
		cfg, err := json.Marshal(struct {
			Driver    db.Dialect
			Path, DSN string
		}{f.db.Dialect(), dbtest.Config(t, f.db).Path, dbtest.Config(t, f.db).DSN})
		if err != nil {
			t.Fatal(err)
		}
		announced := map[int64]bool{}
		kills := 0
		for end := time.Now().Add(bound); time.Now().Before(end) || kills == 0; kills++ {
			killAfter(t, string(cfg), rand.IntN(40), announced)
		}
		for leaf := range announced {
			if f.number(t, `SELECT COUNT(*) FROM tap WHERE leaf = ?`, leaf) != 1 {
				t.Errorf("leaf %d was announced and is gone", leaf)
			}
		}
		r := f.wantClean(t)
		t.Logf("%d kills, %d announced, %d kept", kills, len(announced), r.Rows)
		if r.Rows < int64(len(announced)) || len(announced) == 0 {
			t.Errorf("%d kept of %d announced", r.Rows, len(announced))
		}
	})
}

// killAfter runs a child, kills it once it has announced n leaves, and reads what else it had announced.
func killAfter(t *testing.T, cfg string, n int, announced map[int64]bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0]) // ourselves
	cmd.Env = append(os.Environ(), childVar+"="+cfg)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for i := 0; lines.Scan(); i++ {
		var leaf int64
		if _, err := fmt.Sscan(lines.Text(), &leaf); err == nil {
			announced[leaf] = true
		}
		if i == n {
			_ = cmd.Process.Kill() // it may have ended, which Wait tells
		}
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() >= 0 {
		t.Fatalf("the child ended by itself: %v", err)
	}
}
