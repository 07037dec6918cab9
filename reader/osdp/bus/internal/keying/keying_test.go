package keying

import (
	"testing"
	"time"

	"kanmon/reader/osdp"
)

func key(t *testing.T, n byte) osdp.Key {
	t.Helper()
	b := []byte{0x5c, 0x9a, 0x1e, 0x77, 0xd3, 0x04, 0x6b, 0xf8, 0x2b, 0x60, 0xc4, 0xe9, 0x91, 0xa7, 0x3d, n}
	k, err := osdp.NewKey(b)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// handshake runs one round against a device that holds a key, and says what came of it; ok false: neither key was its own.
func handshake(p *Plan, device osdp.Key) (o Outcome, tried []osdp.Key, ok bool) {
	for {
		k := p.Key()
		tried = append(tried, k)
		if k.Equal(device) {
			return p.Completed(), tried, true
		}
		if !p.Failed() {
			return Nothing, tried, false
		}
	}
}

var limits = Limits{Offers: 3, Wait: time.Minute}

func TestWithoutAPendingKeyTheOneKeyIsTriedOnceARound(t *testing.T) {
	own, other := key(t, 1), key(t, 2)
	p := New(own, osdp.Key{}, limits)
	for range 3 {
		if _, tried, ok := handshake(p, other); ok || len(tried) != 1 {
			t.Errorf("tried %d keys, completed %t", len(tried), ok)
		}
	}
	if o, _, ok := handshake(p, own); !ok || o != Nothing || p.Due(time.Time{}) || p.Spent() {
		t.Errorf("outcome %d, %t", o, ok)
	}
}

// R47-1: whichever key a device holds, a round finds it; the likelier one is tried first, and only the pending one proves.
func TestTheLikelierKeyIsTriedFirstAndTheOtherSecond(t *testing.T) {
	old, pending := key(t, 1), key(t, 2)
	now := time.Unix(0, 0)
	for name, c := range map[string]struct {
		before func(*Plan)
		device osdp.Key
		tries  int
		want   Outcome
	}{
		"after a start, taken earlier":            {func(*Plan) {}, pending, 1, Proven},
		"after a start, not taken":                {func(*Plan) {}, old, 2, Nothing},
		"not offered in this session":             {func(p *Plan) { handshake(p, old) }, old, 1, Nothing},
		"not offered, and taken late":             {func(p *Plan) { handshake(p, old) }, pending, 2, Proven},
		"offered and taken":                       {func(p *Plan) { handshake(p, old); p.Offered(now) }, pending, 1, Proven},
		"offered and kept":                        {func(p *Plan) { handshake(p, old); p.Offered(now); p.Acknowledged() }, old, 2, Kept},
		"offered, and nothing heard":              {func(p *Plan) { handshake(p, old); p.Offered(now) }, old, 2, Nothing},
		"offered for the last time":               {func(p *Plan) { handshake(p, old); p.Offered(now); p.Offered(now); p.Offered(now) }, old, 2, Kept},
		"offered and refused":                     {func(p *Plan) { handshake(p, old); p.Offered(now); p.Refused() }, old, 1, Nothing},
		"a round that was cut off after its half": {func(p *Plan) { p.Failed(); p.Restart() }, pending, 1, Proven},
	} {
		p := New(old, pending, limits)
		c.before(p)
		o, tried, ok := handshake(p, c.device)
		if !ok || len(tried) != c.tries || o != c.want {
			t.Errorf("%s: completed %t after %d tries, outcome %d; want %d tries, outcome %d", name, ok, len(tried), o, c.tries, c.want)
		}
		if o == Proven {
			if _, tried, ok := handshake(p, old); ok || len(tried) != 1 {
				t.Errorf("%s: the old key is still tried", name)
			}
		}
	}
}

func TestAKeyIsOfferedAFewTimesAndEverLessOften(t *testing.T) {
	old := key(t, 1)
	p := New(old, key(t, 2), limits)
	now := time.Unix(0, 0)
	if p.Due(now) {
		t.Error("offered before the device has shown that it does not hold it")
	}
	var offers []time.Duration
	for range 3600 {
		if handshake(p, old); p.Due(now) {
			offers = append(offers, now.Sub(time.Unix(0, 0)))
			p.Offered(now)
			if p.Due(now) {
				t.Error("offered twice")
			}
		}
		now = now.Add(time.Second)
	}
	if len(offers) != 3 || offers[1] < time.Minute || offers[2]-offers[1] < 2*time.Minute || !p.Spent() {
		t.Errorf("offered at %v", offers)
	}
}
