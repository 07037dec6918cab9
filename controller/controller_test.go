package controller

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"kanmon/controller/core"
	"kanmon/controller/inputs"
	"kanmon/controller/journal"
	"kanmon/controller/output"
	"kanmon/controller/wiring"
	"kanmon/internal/event"
	"kanmon/reader"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeJournal commits in order, after a delay, and polices nothing; fakeStrike does, by asking it.
type fakeJournal struct {
	delay time.Duration
	queue chan func()
	mu    sync.Mutex
	disk  []event.Event
	fail  bool // answer with an error
	lie   bool // … but write all the same
}

func newFakeJournal() *fakeJournal { return &fakeJournal{queue: make(chan func(), 1000)} }

func (j *fakeJournal) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case work := <-j.queue:
			work()
		}
	}
}

func (j *fakeJournal) Submit(events []event.Event, _ journal.Change, done func(journal.Position, error)) {
	j.queue <- func() {
		time.Sleep(j.delay)
		j.mu.Lock()
		var err error
		if j.fail {
			err = errDisk
		}
		if !j.fail || j.lie {
			j.disk = append(j.disk, events...)
		}
		j.mu.Unlock()
		done(journal.Position{}, err)
	}
}

func (j *fakeJournal) set(fail, lie bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fail, j.lie = fail, lie
}

func (j *fakeJournal) kinds() []event.Kind {
	j.mu.Lock()
	defer j.mu.Unlock()
	var all []event.Kind
	for _, e := range j.disk {
		all = append(all, e.Kind)
	}
	return all
}

func (j *fakeJournal) has(k event.Kind) int {
	n := 0
	for _, kind := range j.kinds() {
		if kind == k {
			n++
		}
	}
	return n
}

// fakeStrike fails the test when it is energised more often than decisions to open are on disk.
type fakeStrike struct {
	t       testing.TB
	journal *fakeJournal
	mu      sync.Mutex
	times   []time.Time
	err     error
	hang    time.Duration
	free    bool // no warrant needed
}

func (s *fakeStrike) Release(ctx context.Context, _ time.Duration) error {
	s.mu.Lock()
	s.times = append(s.times, time.Now())
	n, free := len(s.times), s.free
	s.mu.Unlock()
	if on := s.journal.has(event.AccessGranted); !free && on < n {
		s.t.Errorf("release %d with %d decisions on disk", n, on)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(s.hang):
		return s.err
	}
}

func (s *fakeStrike) Keep(context.Context, time.Duration) error { return nil }
func (s *fakeStrike) Lock(context.Context) error                { return nil }
func (s *fakeStrike) Rest(context.Context) error                { return nil }
func (s *fakeStrike) SelfLocking() bool                         { return true }

func (s *fakeStrike) released() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.times)
}

type fakePanel struct {
	mu    sync.Mutex
	shown []core.Show
}

func (p *fakePanel) Show(_ context.Context, name string, f reader.Feedback) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shown = append(p.shown, core.Show{Reader: name, Feedback: f})
	return nil
}

func (p *fakePanel) all() []core.Show {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.shown)
}

// rig is a running Controller between fakes, inside a bubble.
type rig struct {
	*Controller
	journal *fakeJournal
	strike1 *fakeStrike
	strike2 *fakeStrike
	panel   *fakePanel
	stop    func()
	took    time.Duration // how long Run took to end
}

func newRig(t *testing.T, delay time.Duration) *rig {
	t.Helper()
	return newRigWith(t, delay, func(*Parts) {})
}

func newRigWith(t *testing.T, delay time.Duration, change func(*Parts)) *rig {
	t.Helper()
	r := &rig{journal: newFakeJournal(), panel: &fakePanel{}}
	r.journal.delay = delay
	r.strike1 = &fakeStrike{t: t, journal: r.journal}
	r.strike2 = &fakeStrike{t: t, journal: r.journal, free: true}
	parts := Parts{
		Wiring: siteWiring(), Journal: r.journal, Panel: r.panel, Log: slog.New(slog.DiscardHandler),
		Strikes: map[string]output.Strike{"D-1": r.strike1, "D-2": r.strike2},
	}
	change(&parts)
	r.Controller = New(parts)
	ctx, cancel := context.WithCancel(t.Context())
	diskCtx, diskEnd := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go r.journal.run(diskCtx)
	go func() { ended <- r.Run(ctx, core.Saved{Policy: sitePolicy(t, 1), Floor: time.Now()}) }()
	r.stop = sync.OnceFunc(func() {
		begin := time.Now()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run ended with %v", err)
		}
		r.took = time.Since(begin)
		diskEnd()
		synctest.Wait()
	})
	t.Cleanup(r.stop)
	synctest.Wait()
	time.Sleep(delay)
	synctest.Wait()
	return r
}

func (r *rig) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestTheStrikeWaitsForTheDiskAndForNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 30*time.Millisecond)
		begin := time.Now()
		r.Post(core.Presented{Reader: "IN-1", Key: keyAlways})
		r.wait(time.Second)
		if got := r.strike1.released(); len(got) != 1 || got[0].Sub(begin) != 30*time.Millisecond {
			t.Fatalf("released %v after the tap at %v", got, begin)
		}
		if got := r.panel.all(); !slices.Equal(got, []core.Show{{Reader: "IN-1", Feedback: reader.ShowGranted}}) {
			t.Fatalf("shown %v", got)
		}
		r.stop()
	})
}

// R84-1: failed and not applied, and failed but applied: a strict door stays shut, and the log tells it so.
func TestAFailedRecordShutsTheDoorWhetherItWasWrittenOrNot(t *testing.T) {
	for name, lie := range map[string]bool{"not applied": false, "applied but reported failed": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, time.Millisecond)
				r.journal.set(true, lie)
				r.Post(core.Presented{Reader: "IN-1", Key: keyAlways})
				r.wait(100 * time.Millisecond)
				if got := r.strike1.released(); len(got) != 0 {
					t.Fatalf("released %v", got)
				}
				if st := r.Status(); !slices.Contains(st.Trouble, "journal") {
					t.Fatalf("trouble %v", st.Trouble)
				}
				r.journal.set(false, false)
				r.wait(2 * core.RetryRecord)
				if r.journal.has(event.JournalTrouble) != 1 || r.journal.has(event.AccessDenied) != 1 {
					t.Fatalf("on disk %v", r.journal.kinds())
				}
				r.stop()
			})
		})
	}
}

func TestAHangingStrikeHoldsUpNoOtherDoorAndRaisesAnAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, time.Millisecond)
		r.strike1.hang = time.Hour
		r.Post(core.Presented{Reader: "IN-1", Key: keyAlways})
		r.wait(10 * time.Millisecond)
		r.Post(core.Presented{Reader: "IN-2", Key: keyAlways})
		r.wait(10 * time.Millisecond)
		if len(r.strike2.released()) != 1 {
			t.Fatal("the other door waited")
		}
		r.wait(commandTime + time.Millisecond)
		if r.journal.has(event.StrikeFailed) != 1 {
			t.Fatalf("on disk %v", r.journal.kinds())
		}
		r.stop()
	})
}

// A release that waited behind a dead one is dropped, not carried out late.
func TestAStrikeNeverOpensLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, time.Millisecond)
		r.strike2.hang = time.Hour
		r.Post(inputsOf(inputs.Inactive, inputs.Inactive, inputs.Inactive, inputs.Inactive))
		for range 3 {
			r.Post(inputsOf(inputs.Inactive, inputs.Inactive, inputs.Inactive, inputs.Active))
			r.Post(inputsOf(inputs.Inactive, inputs.Inactive, inputs.Inactive, inputs.Inactive))
		}
		r.wait(10 * commandTime)
		if got := r.strike2.released(); len(got) != 1 {
			t.Fatalf("released %v", got)
		}
		if n := r.journal.has(event.StrikeFailed); n != 3 {
			t.Fatalf("%d failures on disk", n)
		}
		r.stop()
	})
}

func TestAStrikeThatIsNotConfirmedIsAnAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, time.Millisecond)
		r.strike1.err = errors.New("no answer")
		r.Post(core.Presented{Reader: "IN-1", Key: keyAlways})
		r.wait(100 * time.Millisecond)
		if r.journal.has(event.StrikeFailed) != 1 {
			t.Fatalf("on disk %v", r.journal.kinds())
		}
		r.stop()
	})
}

func TestTimeAloneEndsAReleaseAndHoldsADoor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, time.Millisecond)
		r.Post(allQuiet)
		r.Post(core.Presented{Reader: "IN-1", Key: keyAlways})
		r.wait(7 * time.Second)
		if r.journal.has(event.NotEntered) != 1 {
			t.Fatalf("on disk %v", r.journal.kinds())
		}
		r.Post(inputsOf(inputs.Inactive, inputs.Inactive, inputs.Active, inputs.Inactive))
		r.wait(time.Hour)
		if r.journal.has(event.DoorForced) != 1 || r.Status().Doors[1].State != "forced" {
			t.Fatalf("on disk %v, status %+v", r.journal.kinds(), r.Status().Doors)
		}
		r.stop()
	})
}

func TestTheDecisionInHandIsFinishedBeforeTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 500*time.Millisecond)
		r.Post(core.Presented{Reader: "IN-1", Key: keyAlways})
		r.wait(100 * time.Millisecond)
		r.stop()
		if len(r.strike1.released()) != 1 || len(r.panel.all()) != 1 {
			t.Fatalf("released %v, shown %v", r.strike1.released(), r.panel.all())
		}
	})
}

func TestADeadJournalDoesNotKeepTheProgramAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0)
		r.journal.delay = time.Hour
		r.Post(core.Presented{Reader: "IN-1", Key: keyAlways})
		r.wait(time.Millisecond)
		if r.stop(); r.took > 2*core.RecordTimeout {
			t.Fatalf("the end took %v", r.took)
		}
		r.wait(2 * time.Hour) // the journal wakes up to nobody
	})
}

func TestPostNeverWaitsAndDropsWhatIsTooMuch(t *testing.T) {
	b := newInbox()
	for range inboxSize {
		if !b.put(core.Tick{}) {
			t.Fatal("dropped with room left")
		}
	}
	if b.put(core.Tick{}) {
		t.Fatal("took more than there is room for")
	}
	if !b.put(core.Recorded{}) {
		t.Fatal("dropped the journal's answer")
	}
	if n := len(b.take()); n != inboxSize+1 || b.dropped != 1 {
		t.Fatalf("%d inputs, %d dropped", n, b.dropped)
	}
}

func TestChangedTellsOfEveryNewStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, time.Millisecond)
		for len(r.Changed()) > 0 {
			<-r.Changed()
		}
		r.Post(core.DeviceUp{Device: "IN-1"})
		<-r.Changed()
		if !r.Status().Devices[0].Online {
			t.Fatalf("status %+v", r.Status())
		}
		r.Post(core.Tick{})
		r.wait(time.Millisecond)
		if len(r.Changed()) != 0 {
			t.Fatal("told of a change where there was none")
		}
		r.stop()
	})
}

// lockingStrike counts how often it was locked.
type lockingStrike struct {
	fakeStrike
	locked int
}

func (s *lockingStrike) Lock(context.Context) error { s.locked++; return nil }

// A lock that does not go to rest by itself is locked when the program stops in good order; the others are left to their timers.
func TestALatchingLockIsLockedWhenTheControllerStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newFakeJournal()
		ctx, cancel := context.WithCancel(t.Context())
		go j.run(ctx)
		latching, timed := &lockingStrike{}, &lockingStrike{}
		w := core.Wiring{Doors: []wiring.Door{{ID: "D-1", Latching: true}, {ID: "D-2"}}}
		c := New(Parts{Wiring: w, Journal: j, Strikes: map[string]output.Strike{"D-1": latching, "D-2": timed}, Log: slog.New(slog.DiscardHandler)})
		stopped := make(chan error)
		running, stop := context.WithCancel(ctx)
		go func() { stopped <- c.Run(running, core.Saved{}) }()
		synctest.Wait()
		stop()
		if err := <-stopped; err != nil || latching.locked != 1 || timed.locked != 0 {
			t.Fatalf("%v; locked %d and %d times", err, latching.locked, timed.locked)
		}
		cancel()
		synctest.Wait()
	})
}
