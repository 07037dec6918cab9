package challenge

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/internal/wire"
)

// M-6, M-7: a nonce is good for its command, for ten seconds, once.
func TestANonceIsGoodOnceForItsCommandAndTenSeconds(t *testing.T) {
	var table Table
	ask := func(id, fresh string, now time.Duration) string {
		nonce, ok := table.Ask(id, fresh, now)
		if !ok {
			t.Fatalf("%s was not answered", id)
		}
		return nonce
	}
	if n := ask("a", "n1", 0); n != "n1" {
		t.Fatalf("nonce %s", n)
	}
	if n := ask("a", "n2", time.Second); n != "n1" {
		t.Fatalf("the same question again got %s", n)
	}
	ask("b", "n3", time.Second)
	for name, c := range map[string]struct{ id, nonce string }{
		"never made": {"a", "nx"}, "another's": {"a", "n3"}, "none": {"a", ""}, "no such command": {"c", "n1"},
	} {
		if got, _ := table.Take(c.id, c.nonce, time.Second); got != Unknown {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got, _ := table.Take("a", "n1", wire.CommandTime-1); got != Good {
		t.Fatalf("in time: %v", got)
	}
	if got, before := table.Take("a", "n1", wire.CommandTime-1); got != Double || before != nil {
		t.Fatalf("again: %v, %v", got, before)
	}
	table.Settle("a", wire.CommandAnswer{ID: "a", Done: true})
	if got, before := table.Take("a", "n1", wire.CommandTime-1); got != Double || !before.Done {
		t.Fatalf("again, later: %v, %v", got, before)
	}
	if _, ok := table.Ask("a", "n4", wire.CommandTime); ok {
		t.Fatal("a command that was carried out got a new nonce")
	}
	if got, _ := table.Take("b", "n3", time.Second+wire.CommandTime); got != Expired {
		t.Fatalf("too late: %v", got)
	}
	if got, _ := table.Take("b", "n3", time.Second); got != Double {
		t.Fatalf("tried again after it was too late: %v", got)
	}
	ask("d", "n5", 0)
	if n := ask("d", "n6", wire.CommandTime); n != "n6" {
		t.Fatalf("asked again after the end: %s", n)
	}
	if got, _ := table.Take("d", "n5", wire.CommandTime); got != Unknown {
		t.Fatalf("the nonce before: %v", got)
	}
}

// In any order of questions and commands no nonce is good twice, none after its time, and no more than Most are remembered.
func TestNoNonceIsGoodTwiceInAnyHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var table Table
		type made struct {
			id string
			at time.Duration
		}
		nonces, used := map[string]made{}, map[string]bool{}
		now := time.Duration(0)
		for i := range rapid.IntRange(1, 100).Draw(t, "length") {
			now += time.Duration(rapid.Int64Range(0, int64(4*time.Second)).Draw(t, "pass"))
			id := fmt.Sprint("c-", rapid.IntRange(0, 25).Draw(t, "id"))
			if rapid.Bool().Draw(t, "ask") {
				fresh := fmt.Sprint("n-", i)
				if nonce, ok := table.Ask(id, fresh, now); ok && nonce == fresh {
					nonces[fresh] = made{id, now}
				}
				if len(table.all) > Most {
					t.Fatalf("%d remembered", len(table.all))
				}
				continue
			}
			nonce := fmt.Sprint("n-", rapid.IntRange(0, i).Draw(t, "nonce"))
			if m, there := nonces[nonce]; there && rapid.Bool().Draw(t, "its own") {
				id = m.id
			}
			if got, _ := table.Take(id, nonce, now); got != Good {
				continue
			}
			m, there := nonces[nonce]
			if !there || m.id != id || now-m.at >= wire.CommandTime || used[nonce] {
				t.Fatalf("%s for %s at %v: made %+v, used %v", nonce, id, now, m, used[nonce])
			}
			used[nonce] = true
		}
	})
}
