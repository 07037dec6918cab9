package main

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"kanmon/firmware-sim/control"
)

func TestStreamOfTapsHoldsTheCardsInTurn(t *testing.T) {
	var mu sync.Mutex
	var held []string
	socket := door(t, func(r control.Request) control.Answer {
		mu.Lock()
		defer mu.Unlock()
		held = append(held, string(r.Op)+" "+r.Reader+" "+r.Card)
		if len(held) == 8 {
			return control.Answer{Error: "no more"}
		}
		return control.Answer{}
	})
	args := []string{"taps", "--socket", socket, "--reader", "IN-2", "--cards", "佐藤,鈴木、田中", "--rate", "1000"}
	code, out, errs := call(t, append(args, "--count", "5")...)
	if code != 0 || out != "IN-2 に 5 枚かざしました\n" || errs != "" {
		t.Errorf("exit code %d, %q, %q", code, out, errs)
	}
	if want := []string{"hold IN-2 佐藤", "hold IN-2 鈴木", "hold IN-2 田中", "hold IN-2 佐藤", "hold IN-2 鈴木"}; !slices.Equal(held, want) {
		t.Errorf("held %q, want %q", held, want)
	}
	if code, out, errs := call(t, args...); code != 1 || out != "IN-2 に 2 枚かざしました\n" || !strings.Contains(errs, "no more") {
		t.Errorf("a simulator that refuses: exit code %d, %q, %q", code, out, errs)
	}
}

func TestStreamOfTapsNobodyMeantIsExplained(t *testing.T) {
	for _, args := range [][]string{{}, {"--cards", ","}, {"--cards", "x", "--rate", "0"}, {"--cards", "x", "--rate", "1001"}, {"--cards", "x", "--count", "-1"}} {
		if code, _, errs := call(t, append([]string{"taps"}, args...)...); code != 2 || !strings.Contains(errs, "--cards、--rate") {
			t.Errorf("%q: exit code %d, %s", args, code, errs)
		}
	}
}
