package main

import (
	"strings"
	"testing"
)

// R47-1: an operator puts a further layer on the credential hash key in two steps; none is retired, and the ledger holds as recorded.
func TestAnOperatorPutsALayerOnTheHashKey(t *testing.T) {
	file, _ := config(t)
	serveOnce(t, file)
	step := func(want int, args ...string) string {
		t.Helper()
		return operate(t, want, append([]string{"credential-hash-key", "-config", file}, args...)...)
	}
	if got := stages(step(exitOK)); got != "in use" {
		t.Fatalf("at first %s", got)
	}
	if got := step(exitFailed, "-step", "use", "-reason", "x"); !strings.Contains(got, "is announced") {
		t.Fatalf("out of order: %s", got)
	}
	if got := step(exitFailed, "-step", "retire", "-reason", "x"); !strings.Contains(got, "no step") {
		t.Fatalf("retired: %s", got)
	}
	for _, c := range []struct{ step, want string }{{"announce", "in use,announced"}, {"use", "in use,in use"}} {
		if got := stages(step(exitOK, "-step", c.step, "-reason", "年次の交換")); got != c.want {
			t.Fatalf("after %s: %s, want %s", c.step, got, c.want)
		}
		serveOnce(t, file)
	}
	operate(t, exitOK, "verify", "-config", file)
}
