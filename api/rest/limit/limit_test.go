package limit

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"
)

func TestAttemptsComeBackOneByOne(t *testing.T) {
	l, now := New(), time.Unix(1_000_000, 0)
	for i := range mostAttempts {
		if err := l.Take("a", now); err != nil {
			t.Fatalf("attempt %d: %v", i, err)
		}
	}
	for _, step := range []struct {
		after time.Duration
		ok    bool
	}{{0, false}, {attemptBack - 1, false}, {1, true}, {0, false}, {3 * attemptBack, true}, {0, true}, {0, true}, {0, false}} {
		now = now.Add(step.after)
		if err := l.Take("a", now); (err == nil) != step.ok {
			t.Errorf("%v later: %v", step.after, err)
		}
	}
	if err := l.Take("b", now); err != nil {
		t.Errorf("another address: %v", err)
	}
}

func TestTheLimiterRemembersNoMoreThanItHasRoomFor(t *testing.T) {
	l, now := New(), time.Unix(1_000_000, 0)
	for i := range mostAddresses {
		if err := l.Take(strconv.Itoa(i), now); err != nil {
			t.Fatal(err)
		}
	}
	if l.Take("one more", now) == nil || l.Take("0", now) != nil {
		t.Error("a new address is let in, or a known one is not")
	}
	if err := l.Take("one more", now.Add(2*attemptBack)); err != nil || len(l.spent) > 2 {
		t.Errorf("later: %v, %d addresses", err, len(l.spent))
	}
}

func TestANetworkOfOneCustomerIsOneAddress(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.7:1234": "192.0.2.7", "[::ffff:192.0.2.7]:5": "192.0.2.7", "[2001:db8:1:2:3::4]:5": "2001:db8:1:2::/64", "[fe80::1%eth0]:5": "fe80::/64", "pipe": "pipe",
	} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.RemoteAddr = remote
		if got := From(r); got != want {
			t.Errorf("%s counts as %s, want %s", remote, got, want)
		}
	}
}
