package main

import (
	"bytes"
	"strings"
	"testing"
)

// R47-1: an operator replaces a key in three steps, each with a reason, in their order; the centre starts with the new one, and the ledger holds as
// recorded.
func TestAnOperatorReplacesAKeyInThreeSteps(t *testing.T) {
	for command, name := range map[string]string{"command-key": "command key", "device-ca": "device authority"} {
		t.Run(command, func(t *testing.T) { replaceKey(t, command, name) })
	}
}

func replaceKey(t *testing.T, command, name string) {
	file, _ := config(t)
	serveOnce(t, file)
	step := func(want int, args ...string) string {
		t.Helper()
		return operate(t, want, append([]string{command, "-config", file}, args...)...)
	}
	if got := stages(step(exitOK)); got != "present" {
		t.Fatalf("at first %s", got)
	}
	if got := step(exitFailed, "-step", "announce"); !strings.Contains(got, "reason") {
		t.Fatalf("without a reason: %s", got)
	}
	if got := step(exitFailed, "-step", "use", "-reason", "x"); !strings.Contains(got, "no "+name+" is announced") {
		t.Fatalf("out of order: %s", got)
	}
	step(exitFailed, "-step", "burn", "-reason", "x")
	for _, c := range []struct{ step, want string }{
		{"announce", "present,announced"}, {"drop", "present"}, {"announce", "present,announced"}, {"use", "leaving,present"}, {"retire", "present"},
	} {
		if got := stages(step(exitOK, "-step", c.step, "-reason", "年次の交換")); got != c.want {
			t.Fatalf("after %s: %s, want %s", c.step, got, c.want)
		}
		serveOnce(t, file)
	}
	operate(t, exitOK, "verify", "-config", file)
}

// operate runs a command and returns what it said.
func operate(t *testing.T, want int, args ...string) string {
	t.Helper()
	var out, problems bytes.Buffer
	if code := run(t.Context(), args, &out, &problems); code != want {
		t.Fatalf("%v: %d %s %s", args, code, out.String(), problems.String())
	}
	return out.String() + problems.String()
}

// stages are what a list of keys says of each behind its id.
func stages(text string) string {
	var list []string
	for line := range strings.Lines(text) {
		if _, stage, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			list = append(list, stage)
		}
	}
	return strings.Join(list, ",")
}
