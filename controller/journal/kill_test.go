package journal

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"kanmon/internal/event"
)

const childEnv = "KANMON_JOURNAL_CHILD"

// child appends until it is killed. Each number that Append returned goes to standard output at once: that is
// what was promised.
func child(dir string) int {
	j, err := New(Config{Dir: dir, Controller: controllerName, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		return 1
	}
	ctx := context.Background()
	go func() { _ = j.Run(ctx) }()
	for i := 0; ; i++ {
		at, err := j.Append(ctx, []event.Event{draft(i), draft(i)}, Change{})
		if err != nil {
			return 1
		}
		if _, err := os.Stdout.WriteString(strconv.FormatUint(at.Seq, 10) + "\n"); err != nil {
			return 1
		}
		if i%10 == 9 {
			if err := j.Ack(ctx, at.Epoch, at.Seq-5); err != nil {
				return 1
			}
		}
	}
}

// promised runs the child, kills it without warning after a random time, and returns the last number it promised.
func promised(t *testing.T, dir string, after time.Duration) uint64 {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var last uint64
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if last == 0 { // it works: now its days are numbered
			time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		}
		if last, err = strconv.ParseUint(lines.Text(), 10, 64); err != nil {
			break // the line was cut off
		}
	}
	_ = cmd.Wait() // killed
	if last == 0 {
		t.Fatal("the child promised nothing")
	}
	return last
}

// A process killed at any moment loses nothing that it was told is on disk, and its successor goes on counting.
// (A killed process keeps the page cache: this tests recovery, not power loss, which synchronous=FULL is for.)
func TestAKilledProcessLosesNothingItWasPromised(t *testing.T) {
	dir := t.TempDir()
	var epoch, most uint64
	begin := time.Now()
	for round := 0; round < 3 || time.Since(begin) < 4*time.Second; round++ {
		last := promised(t, dir, time.Duration(rand.IntN(40))*time.Millisecond)
		if last <= most {
			t.Fatalf("round %d went back to %d, had %d", round, last, most)
		}
		most = last
		j, stop := open(t, dir, nil)
		st := j.State()
		if !st.Open || st.SetAside != "" || st.Seq < most || (epoch != 0 && st.Epoch != epoch) {
			t.Fatalf("round %d, promised %d: state %+v", round, most, st)
		}
		epoch = st.Epoch
		if n := len(readAll(t, j, 0)); uint64(n) != st.Seq || st.Seq%2 != 0 {
			t.Fatalf("round %d: %d events, head %d: half a commit", round, n, st.Seq)
		}
		if err := j.Verify(t.Context()); err != nil {
			t.Fatal(err)
		}
		most = max(most, st.Seq)
		stop()
	}
	t.Log(fmt.Sprint("events that outlived the kills: ", most))
}
