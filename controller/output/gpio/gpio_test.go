package gpio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"kanmon/controller/inputs"
	"kanmon/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// chip is a GPIO chip in memory. There is no hardware on the machines that test this.
type chip struct {
	mu     sync.Mutex
	values uint64
	sets   []string
	gone   bool
	closed int
}

var errGone = errors.New("no such device")

func (c *chip) open(cfg Config) (handle, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return nil, errGone
	}
	c.values = c.values&^cfg.outputMask() | cfg.rest()
	return c, nil
}

func (c *chip) Set(mask, values uint64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return errGone
	}
	c.values = c.values&^mask | values&mask
	c.sets = append(c.sets, fmt.Sprintf("%b/%b", values, mask))
	return nil
}

func (c *chip) Get(mask uint64) (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return 0, errGone
	}
	return c.values & mask, nil
}

func (c *chip) Close() error { c.closed++; return nil }

func (c *chip) change(fn func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fn()
}

// desk runs a Chip over one in memory: outputs 17 and 27, of which the second rests energised, inputs 22 and 5.
func desk(t *testing.T) (sim *chip, c *Chip, said func() []string, stop func()) {
	t.Helper()
	sim = &chip{}
	var mu sync.Mutex
	var words []string
	say := func(s string) { mu.Lock(); words = append(words, s); mu.Unlock() }
	c, err := New(Config{
		Outputs: []Output{{Line: 17}, {Line: 27, Rest: true}}, Inputs: []int{22, 5}, Log: slog.New(slog.DiscardHandler), open: sim.open,
		Up: func() { say("up") }, Down: func(s string) { say("down: " + s) },
		Report: func(l []inputs.Level) { say(fmt.Sprint(l[5], " ", l[22], " ", l[17])) },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := c.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
	said = func() []string { mu.Lock(); defer mu.Unlock(); all := words; words = nil; return all }
	return sim, c, said, func() { cancel(); running.Wait() }
}

func TestInputsAreReportedAtTheStartAndAtEachChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim, _, said, stop := desk(t)
		defer stop()
		time.Sleep(10 * Look)
		sim.change(func() { sim.values |= 0b1000 }) // line 5
		time.Sleep(10 * Look)
		sim.change(func() { sim.values |= 0b0001 }) // an output is no input
		time.Sleep(10 * Look)
		want := []string{"up", "inactive inactive unknown", "active inactive unknown"}
		if got := said(); !slices.Equal(got, want) {
			t.Fatalf("said %q, want %q", got, want)
		}
	})
}

func TestAnOutputIsDrivenAndPutToRestAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim, c, _, stop := desk(t)
		atStart := sim.values
		a, b := Line{Chip: c, Number: 17}, Line{Chip: c, Number: 27, Watchdog: true}
		if err := errors.Join(a.Flash(t.Context(), true, time.Second), b.Flash(t.Context(), false, time.Second)); err != nil {
			t.Fatal(err)
		}
		driven := sim.values
		stop()
		if atStart != 0b10 || driven != 0b01 || sim.values != 0b10 || sim.closed != 1 {
			t.Fatalf("at the start %b, driven %b, at the end %b, closed %d times", atStart, driven, sim.values, sim.closed)
		}
		// the watchdog's line has an edge at each release
		if want := []string{"1/1", "10/10", "0/10", "10/11"}; !slices.Equal(sim.sets, want) {
			t.Fatalf("set %q, want %q", sim.sets, want)
		}
		if a.Returns() || !b.Returns() {
			t.Fatal("a line locks by itself only with a watchdog behind it")
		}
	})
}

func TestAChipThatIsLostIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim, c, said, stop := desk(t)
		defer stop()
		sim.change(func() { sim.gone = true })
		time.Sleep(2 * Look)
		if err := (Line{Chip: c, Number: 17}).Set(t.Context(), true); fault.KindOf(err) != fault.Unavailable {
			t.Fatalf("while it is lost: %v", err)
		}
		sim.change(func() { sim.gone = false })
		time.Sleep(2 * reopen)
		want := []string{"up", "inactive inactive unknown", "down: no such device", "up", "inactive inactive unknown"}
		if got := said(); !slices.Equal(got, want) {
			t.Fatalf("said %q, want %q", got, want)
		}
	})
}

func TestLinesThatMakeNoSenseAreRefused(t *testing.T) {
	for _, c := range []Config{{}, {Inputs: []int{64}}, {Inputs: []int{-1}}, {Inputs: []int{3}, Outputs: []Output{{Line: 3}}}} {
		if _, err := New(c); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%+v: %v", c, err)
		}
	}
	c, err := New(Config{Inputs: []int{3}})
	if err != nil {
		t.Fatal(err)
	}
	if err := (Line{Chip: c, Number: 3}).Set(t.Context(), true); fault.KindOf(err) != fault.Invalid {
		t.Errorf("an input driven: %v", err)
	}
}
