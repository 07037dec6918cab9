package policy

import (
	"testing"
	"time"

	"kanmon/internal/access"
)

func TestPlanSendsUntilTheControllerSaysItHasIt(t *testing.T) {
	start := time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)
	v1, v2 := access.Version{Epoch: 1, N: 1}, access.Version{Epoch: 1, N: 2}
	sent := progress{wanted: v2, hash: "h2", attempts: 1, next: start.Add(2 * time.Second)}
	tests := map[string]struct {
		t     target
		p     progress
		after time.Duration
		want  step
	}{
		"offline":                      {target{Wanted: v2, Applied: v1}, progress{}, 0, rest},
		"older applied":                {target{Wanted: v2, Applied: v1, Online: true}, progress{}, 0, send},
		"none applied":                 {target{Wanted: v2, Online: true}, progress{}, 0, send},
		"sent just now":                {target{Wanted: v2, Applied: v1, Online: true}, sent, time.Second, rest},
		"sent and no answer":           {target{Wanted: v2, Applied: v1, Online: true}, sent, 2 * time.Second, send},
		"wanted rose while waiting":    {target{Wanted: access.Version{Epoch: 1, N: 3}, Applied: v1, Online: true}, sent, 0, send},
		"applied, hash right":          {target{Wanted: v2, Applied: v2, Hash: "h2", Online: true}, sent, 0, rest},
		"applied, other bytes":         {target{Wanted: v2, Applied: v2, Hash: "other", Online: true}, sent, time.Hour, raise},
		"other bytes, raised just now": {target{Wanted: v2, Applied: v2, Hash: "other", Online: true}, progress{wanted: v2, hash: "h2", raised: start}, time.Second, rest},
		"a large one under way":        {target{Wanted: v2, Applied: v1, Online: true}, progress{wanted: v1, rest: &transfer{}}, 0, goOn},
		"under way, gone offline":      {target{Wanted: v2, Applied: v1}, progress{wanted: v1, rest: &transfer{}}, 0, rest},
		"applied, hash not known here": {target{Wanted: v2, Applied: v2, Hash: "h2", Online: true}, progress{}, 0, inspect},
		"newer than wanted":            {target{Wanted: v1, Applied: v2, Online: true}, progress{}, 0, rest},
		"newer epoch than wanted":      {target{Wanted: v2, Applied: access.Version{Epoch: 2, N: 1}, Online: true}, progress{}, 0, rest},
		"two versions in one second":   {target{Wanted: v2, Applied: v1, Online: true}, progress{wanted: v1, sent: start}, spacing / 2, rest},
		"two versions, a second later": {target{Wanted: v2, Applied: v1, Online: true}, progress{wanted: v1, sent: start}, spacing, send},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got, _ := plan(tt.t, tt.p, start.Add(tt.after)); got != tt.want {
				t.Fatalf("step %d, want %d", got, tt.want)
			}
		})
	}
}

func TestThePausesGrowToAMinuteAndStartAgainForANewVersion(t *testing.T) {
	now := time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)
	at := target{Wanted: access.Version{Epoch: 1, N: 1}, Online: true}
	var p progress
	for _, want := range []time.Duration{2, 4, 8, 16, 32, 60, 60, 60} {
		var do step
		if do, p = plan(at, p, now); do != send || p.next.Sub(now) != want*time.Second {
			t.Fatalf("step %d, pause %v, want %ds", do, p.next.Sub(now), want)
		}
		now = p.next
	}
	at.Wanted.N++
	now = now.Add(spacing)
	if do, p := plan(at, p, now); do != send || p.next.Sub(now) != firstPause {
		t.Fatalf("step %d, pause %v", do, p.next.Sub(now))
	}
}
