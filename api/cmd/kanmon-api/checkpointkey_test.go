package main

import (
	"bytes"
	"strings"
	"testing"
)

// R47-1: an operator has a new key sign the ledger, with a reason; the centre starts with it, and the ledger holds as recorded, twice over.
func TestAnOperatorReplacesTheCheckpointKey(t *testing.T) {
	file, _ := config(t)
	serveOnce(t, file)
	command := func(want int, args ...string) string {
		t.Helper()
		return operate(t, want, append(args, "-config", file)...)
	}
	first := command(exitOK, "checkpoint-key")
	if !strings.Contains(first, "kanmon/demo signs, the first\n") || !strings.Contains(first, "verifier    kanmon/demo+") || !strings.Contains(first, "fingerprint ") {
		t.Fatalf("at first: %s", first)
	}
	if got := command(exitFailed, "checkpoint-key", "-step", "use"); !strings.Contains(got, "reason") {
		t.Errorf("without a reason: %s", got)
	}
	command(exitFailed, "checkpoint-key", "-step", "burn", "-reason", "x")
	if now := command(exitOK, "checkpoint-key", "-step", "show"); now != first {
		t.Errorf("what was refused changed something: %s", now)
	}
	for _, want := range []string{"kanmon/demo/2", "kanmon/demo/3"} {
		told := command(exitOK, "checkpoint-key", "-step", "use", "-reason", "年次の交換")
		if !strings.Contains(told, want+" signs, since 20") || !strings.Contains(told, "年次の交換 (") || !strings.Contains(told, "kanmon/demo before, the first\n") ||
			strings.Count(told, " signs, ") != 1 || strings.Contains(told, "PRIVATE") {
			t.Errorf("told %s", told)
		}
		if again := command(exitOK, "checkpoint-key"); again != told {
			t.Errorf("shown later: %s", again)
		}
		command(exitOK, "verify") // before the first checkpoint by the new key
		serveOnce(t, file)
		command(exitOK, "verify")
	}
}

// A folder that was never served, and two changes with no start between them.
func TestACheckpointKeyIsReplacedBeforeTheCentreEverRan(t *testing.T) {
	file, _ := config(t)
	for range 2 {
		var out, problems bytes.Buffer
		if code := run(t.Context(), []string{"checkpoint-key", "-config", file, "-step", "use", "-reason", "試験"}, &out, &problems); code != exitOK {
			t.Fatalf("%d %s %s", code, out.String(), problems.String())
		}
	}
	for range 2 {
		serveOnce(t, file)
		var out, problems bytes.Buffer
		if code := run(t.Context(), []string{"verify", "-config", file}, &out, &problems); code != exitOK {
			t.Fatalf("%d %s %s", code, out.String(), problems.String())
		}
	}
}
