package policy

import (
	"context"
	"log/slog"
	"math"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/wire"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/period"
)

// door is a controller on the other side of a bad line: it loses every payload while deaf, puts parts together,
// and says what it has applied when asked to report.
type door struct {
	t       *testing.T
	city    *lifecycletest.City
	deaf    bool
	broken  bool // the broker takes nothing
	sent    int
	parts   wire.Assembler
	applied access.Spec
}

func (d *door) publish(_ context.Context, topic string, payload []byte) error {
	d.sent++
	if d.broken {
		return fault.New(fault.Unavailable, "mqtt.offline", "no connection")
	}
	if topic != "kanmon/v1/demo/ctl-1/policy" {
		return nil // ctl-2's
	}
	part, err := wire.DecodePolicyPart(payload)
	if err != nil {
		d.t.Error(err)
	}
	if d.deaf {
		return nil
	}
	spec, done, err := d.parts.Add(part)
	if err != nil {
		d.t.Error(err)
	}
	if done {
		d.applied = spec
	}
	return nil
}

func (d *door) report(change func(*device.Status)) {
	d.t.Helper()
	hash, err := wire.PolicyHash(d.applied)
	if err != nil {
		d.t.Fatal(err)
	}
	s := device.Status{Online: true, Policy: d.applied.Version, PolicyHash: hash}
	if change != nil {
		change(&s)
	}
	if err := d.city.Device.RecordStatus(d.t.Context(), "ctl-1", s, d.city.Clock.Now()); err != nil {
		d.t.Fatal(err)
	}
}

func (d *door) wanted() access.Version {
	d.t.Helper()
	c, err := d.city.Device.Controller(d.t.Context(), lifecycletest.Manager, "ctl-1")
	if err != nil {
		d.t.Fatal(err)
	}
	return c.Wanted
}

func open(t *testing.T, d *db.DB) (*Publisher, *door) {
	t.Helper()
	city := lifecycletest.Open(t, d)
	city.Found(t)
	far := &door{t: t, city: city}
	p := NewPublisher(PublisherConfig{
		Store: city.Store, Site: "demo", Publish: far.publish, Log: slog.New(slog.DiscardHandler), Look: time.Millisecond,
	})
	return p, far
}

func TestAPolicyIsSentUntilItIsApplied(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		p, far := open(t, d)
		now := time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)
		look := func(after time.Duration) int {
			t.Helper()
			far.sent = 0
			now = now.Add(after)
			if err := p.serve(t.Context(), now); err != nil {
				t.Fatal(err)
			}
			return far.sent
		}
		if n := look(0); n != 0 {
			t.Fatalf("%d payloads sent to a controller that never spoke", n)
		}
		far.deaf = true
		far.report(nil)
		if look(0) == 0 || look(time.Second) != 0 || look(time.Second) == 0 {
			t.Fatal("not sent, or not sent again after the pause")
		}
		far.deaf = false
		if look(4*time.Second) == 0 || far.applied.Version != far.wanted() {
			t.Fatalf("applied %v, wanted %v", far.applied.Version, far.wanted())
		}
		far.report(nil)
		if n := look(time.Hour); n != 0 {
			t.Fatalf("%d payloads after it was applied", n)
		}
		_, err := far.city.Area.Grant(t.Context(), lifecycletest.Manager, "1003", "archive", "", period.Period{})
		if err != nil {
			t.Fatal(err)
		}
		if look(time.Millisecond) == 0 || far.applied.Version != far.wanted() || len(far.applied.People) != 3 {
			t.Fatalf("after a change: %+v", far.applied)
		}
	})
}

func TestAnotherPolicyUnderTheSameVersionIsReplaced(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		p, far := open(t, d)
		far.report(func(s *device.Status) { s.Policy, s.PolicyHash = far.wanted(), "0123" })
		now := time.Now()
		for range 2 { // the first look learns the hash, the second one acts on it
			if err := p.serve(t.Context(), now); err != nil {
				t.Fatal(err)
			}
		}
		if far.applied.Version != far.wanted() || len(far.applied.Doors) != 2 {
			t.Fatalf("applied %+v", far.applied)
		}
	})
}

// After a restore the controllers are ahead of the registers and refuse everything older: a revocation must not
// wait until the registers have changed as often as they had before.
func TestAControllerAheadOfTheRegistersIsOvertaken(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		p, far := open(t, d)
		ahead := access.Version{Epoch: 1, N: far.wanted().N + 40}
		look := func() {
			t.Helper()
			if err := p.serve(t.Context(), time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		far.report(func(s *device.Status) { s.Policy, s.PolicyHash = ahead, "0123" })
		look()
		look()
		if want := (access.Version{Epoch: 1, N: ahead.N + 1}); far.wanted() != want || far.applied.Version != want {
			t.Fatalf("wanted %v, sent %v, want %v", far.wanted(), far.applied.Version, want)
		}
		far.report(nil)
		far.sent = 0
		if look(); far.sent != 0 {
			t.Fatalf("%d payloads after it was applied", far.sent)
		}
	})
}

// What a controller says of itself moves its own version only, and only as far as it can still rise.
func TestAnAbsurdVersionOvertakesNothing(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		p, far := open(t, d)
		before := far.wanted()
		for _, absurd := range []access.Version{{Epoch: 1, N: math.MaxInt64}, {Epoch: math.MaxInt64, N: 1}, {Epoch: 2, N: 99}} {
			far.report(func(s *device.Status) { s.Policy = absurd })
			if err := p.serve(t.Context(), time.Now()); err != nil || far.wanted() != before {
				t.Fatalf("%v: wanted %v, %v", absurd, far.wanted(), err)
			}
		}
	})
}

func TestABrokerThatIsAwayIsTriedAgainSoon(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		p, far := open(t, d)
		far.report(nil)
		far.broken = true
		now := time.Now()
		for range 10 {
			for range 3 { // within the pause it is not tried again
				if err := p.serve(t.Context(), now); err != nil {
					t.Fatal(err)
				}
			}
			now = now.Add(firstPause)
		}
		if far.sent != 10 {
			t.Fatalf("tried %d times, want 10", far.sent)
		}
		far.broken = false
		if err := p.serve(t.Context(), now); err != nil || far.applied.Version != far.wanted() {
			t.Fatalf("applied %v, %v", far.applied.Version, err)
		}
	})
}

func TestRunServesUntilItsContextEnds(t *testing.T) {
	city := lifecycletest.Open(t, dbtest.SQLite(t))
	city.Found(t)
	got := make(chan struct{}, 64)
	far := &door{t: t, city: city}
	far.report(nil)
	p := NewPublisher(PublisherConfig{
		Store: city.Store, Site: "demo", Log: slog.New(slog.DiscardHandler), Look: time.Millisecond,
		Publish: func(context.Context, string, []byte) error { got <- struct{}{}; return nil },
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	<-got
	if _, err := city.Area.AddArea(t.Context(), lifecycletest.Manager, area.Area{ID: "x", Name: "x", Grade: 1, Record: access.Strict}); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
