package policy

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kanmon/internal/access"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/period"
)

// door is a controller on the other side of a bad line: it loses every payload while deaf, checks signatures, puts parts and differences
// together, refuses what is not newer, and says what it has applied when asked to report.
type door struct {
	t       *testing.T
	city    *lifecycletest.City
	deaf    bool
	broken  bool // the broker takes nothing
	sent    int
	bytes   int
	deltas  int
	n       uint64
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
	at := wire.Address{Site: "demo", Controller: "ctl-1", Kind: wire.Policy}
	m, err := wire.DecodePolicy(at, payload, wire.OneKey(lifecycletest.CentreSigner().Public()))
	if err != nil {
		d.t.Error(err)
	}
	if d.deaf {
		return nil
	}
	d.bytes += len(payload)
	if m.Delta != nil {
		d.deltas++
		d.apply(m.Delta.Apply(d.applied, d.hash(), m.Manifest))
		return nil
	}
	spec, done, err := d.parts.Add(m)
	if done || err != nil {
		d.apply(spec, err)
	}
	return nil
}

func (d *door) apply(spec access.Spec, err error) {
	if err != nil {
		d.t.Error(err)
		return
	}
	if d.applied.Version.Less(spec.Version) {
		d.applied = spec
	}
}

func (d *door) hash() string {
	hash, err := wire.PolicyHash(d.applied)
	if err != nil {
		d.t.Fatal(err)
	}
	return hash
}

func (d *door) report(change func(*device.Status)) {
	d.t.Helper()
	d.n++
	s := device.Status{Online: true, Start: 1, N: d.n, Policy: d.applied.Version, PolicyHash: d.hash()}
	if change != nil {
		change(&s)
	}
	if _, err := d.city.Device.RecordStatus(d.t.Context(), "ctl-1", s, d.city.Clock.Now()); err != nil {
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
		Store: city.Store, Site: "demo", Signer: lifecycletest.CentreSigner(), Seals: lifecycletest.Seals(), Forms: city.Forms, Publish: far.publish, Log: slog.New(slog.DiscardHandler),
		Look: time.Millisecond,
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
		if n := look(-time.Hour + spacing/2); n != 0 {
			t.Fatalf("%d payloads within a second of the version before", n)
		}
		if look(time.Hour) == 0 || far.applied.Version != far.wanted() || len(far.applied.People) != 3 {
			t.Fatalf("after a change: %+v", far.applied)
		}
	})
}

// A controller refuses a second policy under a version it has: only a higher one replaces what it has wrongly.
func TestAnotherPolicyUnderTheSameVersionIsReplacedUnderAHigherOneAndCounted(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		p, far := open(t, d)
		before := far.wanted()
		far.report(func(s *device.Status) { s.Policy, s.PolicyHash = before, "0123" })
		now := time.Now()
		for range 3 { // learn the hash, raise the version, send
			if err := p.serve(t.Context(), now); err != nil {
				t.Fatal(err)
			}
		}
		if want := (access.Version{Epoch: 1, N: before.N + 1}); far.applied.Version != want || far.wanted() != want || len(far.applied.Doors) != 2 {
			t.Fatalf("applied %+v, want %v", far.applied, want)
		}
		if n := p.Stats().Repaired; n != 1 {
			t.Fatalf("repaired %d times", n)
		}
		// One that goes on saying so is not sent a policy every moment.
		for range 5 {
			far.report(func(s *device.Status) { s.Policy, s.PolicyHash = far.wanted(), "0123" })
			now = now.Add(2 * time.Second)
			for range 3 {
				if err := p.serve(t.Context(), now); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n := p.Stats().Repaired; n != 1 {
			t.Fatalf("repaired %d times in ten seconds", n)
		}
	})
}

// Whoever is ahead waits for a new epoch (package epoch), and is then served.
func TestAControllerAheadOfTheRegistersIsSentNothingOlder(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		p, far := open(t, d)
		look := func() {
			t.Helper()
			if err := p.serve(t.Context(), time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		before := far.wanted()
		for _, ahead := range []access.Version{{Epoch: 1, N: before.N + 40}, {Epoch: 2, N: 1}, {Epoch: 1, N: math.MaxInt64}} {
			far.applied.Version = ahead
			far.report(nil)
			if look(); far.sent != 0 || far.wanted() != before {
				t.Fatalf("%v: %d payloads, wanted %v", ahead, far.sent, far.wanted())
			}
		}
		if _, err := far.city.Device.OpenEpoch(t.Context(), 3, "test"); err != nil {
			t.Fatal(err)
		}
		look()
		if want := (access.Version{Epoch: 3, N: 1}); far.applied.Version != want {
			t.Fatalf("applied %v, want %v", far.applied.Version, want)
		}
	})
}

// R76-2: a policy carries the whole revocation set, and what changed travels alone to a controller that has the one before.
func TestWhatChangedTravelsAloneAndGivesTheSamePolicy(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		p, far := open(t, d)
		now := time.Now()
		look := func() {
			t.Helper()
			now = now.Add(2 * spacing)
			if err := p.serve(t.Context(), now); err != nil {
				t.Fatal(err)
			}
		}
		far.report(nil)
		look()
		if far.deltas != 0 || len(far.applied.People) != 3 {
			t.Fatalf("%d differences to one that has nothing", far.deltas)
		}
		far.report(nil)
		look()
		cards, err := far.city.Card.List(t.Context(), lifecycletest.Guard, card.Filter{Person: "1002"})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := far.city.Card.Suspend(t.Context(), lifecycletest.Manager, cards[0].ID, "紛失", time.Time{}); err != nil {
			t.Fatal(err)
		}
		look()
		if far.deltas != 1 || len(far.applied.Revocations) != 1 || far.applied.Revocations[0].State != access.Suspended {
			t.Fatalf("%d differences, applied %+v", far.deltas, far.applied)
		}
		want, err := New(far.city.Store, access.Lease{}, lifecycletest.Seals(), access.OneForm).Compile(t.Context(), "ctl-1")
		if err != nil {
			t.Fatal(err)
		}
		if hash, err := wire.PolicyHash(want); err != nil || hash != far.hash() {
			t.Fatalf("another policy than the whole: %+v, %v", far.applied, err)
		}
		// One that does not come through is followed by the whole.
		far.report(nil)
		if _, err := far.city.Area.Grant(t.Context(), lifecycletest.Manager, "1003", "archive", "", period.Period{}); err != nil {
			t.Fatal(err)
		}
		far.deaf = true
		look()
		far.deaf = false
		now = now.Add(mostPause)
		look()
		if far.deltas != 1 || far.applied.Version != far.wanted() {
			t.Fatalf("%d differences, applied %v, wanted %v", far.deltas, far.applied.Version, far.wanted())
		}
	})
}

// The publisher forgets with the program what controllers have; one look at a controller that is up to date is enough to know it again.
func TestAfterARestartADifferenceIsSentAgain(t *testing.T) {
	p, far := open(t, dbtest.SQLite(t))
	far.report(nil)
	if err := p.serve(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	far.report(nil)
	p = NewPublisher(p.cfg)
	now := time.Now()
	if err := p.serve(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	if _, err := far.city.Area.Grant(t.Context(), lifecycletest.Manager, "1003", "archive", "", period.Period{}); err != nil {
		t.Fatal(err)
	}
	if err := p.serve(t.Context(), now.Add(time.Minute)); err != nil || far.deltas != 1 || far.applied.Version != far.wanted() {
		t.Fatalf("%d differences, applied %v, %v", far.deltas, far.applied.Version, err)
	}
}

// A snapshot of hundreds of parts neither overruns its controller nor holds up the others.
func TestALargePolicyIsSpreadOverTimeAndTheOthersAreServedBetween(t *testing.T) {
	var sent []string
	publish := func(_ context.Context, topic string, _ []byte) error { sent = append(sent, topic); return nil }
	spec := access.Spec{Version: access.Version{Epoch: 1, N: 1}}
	for i := range 300_000 {
		spec.People = append(spec.People, access.Person{ID: fmt.Sprintf("%032d", i)})
	}
	at := wire.Address{Site: "demo", Controller: "ctl-1", Kind: wire.Policy}
	tr, err := newTransfer(at, spec, wire.Signed{})
	if err != nil || len(tr.parts) <= atOnce+2*perLook {
		t.Fatalf("%d parts, %v", len(tr.parts), err)
	}
	looks := 0
	for done := false; !done; looks++ {
		before := len(sent)
		if done, err = tr.send(t.Context(), publish); err != nil {
			t.Fatal(err)
		}
		if n := len(sent) - before; n > atOnce || (looks > 0 && n > perLook) {
			t.Fatalf("look %d: %d parts", looks, n)
		}
	}
	if len(sent) != len(tr.parts) || looks < 3 {
		t.Fatalf("%d of %d parts in %d looks", len(sent), len(tr.parts), looks)
	}
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
		Store: city.Store, Site: "demo", Signer: lifecycletest.CentreSigner(), Seals: lifecycletest.Seals(), Forms: city.Forms, Log: slog.New(slog.DiscardHandler),
		Look:    time.Millisecond,
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

// R43-7: what each version was made from is kept once, and stays what it was when the registers move on.
func TestWhatEachVersionWasMadeFromIsKept(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		p, far := open(t, d)
		ctx := t.Context()
		kept := func() (sizes map[access.Version]int64) {
			sizes = map[access.Version]int64{}
			var rows []struct {
				Epoch, N uint64
				Size     int64
			}
			err := far.city.Store.Read(ctx, func(q store.Queryer) error {
				return q.Select(ctx, &rows, `SELECT epoch, n, size FROM policy_made WHERE controller = 'ctl-1'`)
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				sizes[access.Version{Epoch: r.Epoch, N: r.N}] = r.Size
			}
			return sizes
		}
		size := func() int64 {
			n, err := far.city.Store.Size(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		far.report(nil)
		want := map[access.Version]int64{}
		now := time.Now()
		for i := range 3 {
			want[far.wanted()] = size()
			for range 2 {
				if err := p.serve(ctx, now); err != nil {
					t.Fatal(err)
				}
				now = now.Add(time.Minute)
			}
			if got := kept(); !maps.Equal(got, want) {
				t.Fatalf("round %d: kept %v, want %v", i, got, want)
			}
			far.report(nil)
			_, err := far.city.Area.Grant(ctx, lifecycletest.Manager, "1003", "archive", "", period.Period{})
			if i > 0 {
				_, err = far.city.Area.Grant(ctx, lifecycletest.Manager, "1003", "server-room", "", period.Period{})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}
