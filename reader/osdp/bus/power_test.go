package bus

import (
	"context"
	"crypto/rand"
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	sim "kanmon/firmware-sim/pd"
	"kanmon/reader/osdp"
	"kanmon/reader/readertest"
	"kanmon/reader/serialport"
)

// ends are a controller and a device with what each has on disk: all that outlives a power cut.
type ends struct {
	t                *testing.T
	present, pending osdp.Key // the controller's
	flash            osdp.Key // the device's
}

func newEnds(t *testing.T) *ends {
	t.Helper()
	return &ends{t: t, present: testKey(t, 1), pending: testKey(t, 50), flash: testKey(t, 1)}
}

// cut is where in a life the power fails: at the n-th frame on the wire, in either direction, which is lost with everything behind it.
type cut struct {
	end string // "controller", "device", or "" for none
	at  int
	// The device also fails before or after it has stored its key, the controller before it has stored that the key is proven.
	unstored, stored, unsettled bool
}

// life runs both ends from what is on disk until a cut stops the controller, or for some time. It returns what happened.
func (e *ends) life(c cut, during time.Duration) (events []Event) {
	ctx, stop := context.WithCancel(e.t.Context())
	defer stop()
	d := newPD(e.t, 1)
	d.pending = testKey(e.t, 50)
	var device *sim.Device
	plug := func() { device = simulated(e.t, e.flash, e.keep(c)) }
	plug()
	d.raw = func(f osdp.Frame) ([]byte, bool) {
		b := device.Receive(f, time.Now())
		if c.stored && f.Code == osdp.CmdKeySet {
			plug() // it failed before it could answer
			return nil, true
		}
		return b, true
	}
	w := newWire(e.t, d)
	done := false
	fail := func(n int, _ osdp.Frame, raw []byte) [][]byte {
		switch {
		case done || c.end == "" || n < c.at:
			return [][]byte{raw}
		case c.end == "controller":
			stop()
		default:
			done = true
			plug()
		}
		return nil
	}
	w.command, w.reply = fail, fail
	b, err := New(Config{
		Open: w.Open, PollGap: 100 * time.Millisecond, Rand: rand.Reader, Log: discard(),
		Devices: []Device{{Name: "PD-1", Address: 1, Key: e.present, Pending: e.pending}},
		Emit: func(ev Event) {
			if _, proven := ev.(KeyProven); proven && ctx.Err() == nil {
				if c.unsettled {
					stop()
					return
				}
				e.present, e.pending = e.pending, osdp.Key{}
			}
			events = append(events, ev)
		},
	})
	if err != nil {
		e.t.Fatal(err)
	}
	result := make(chan error, 1)
	go func() { result <- b.Run(ctx) }()
	select {
	case <-ctx.Done():
	case <-time.After(during):
		if err := device.Present(64, []byte{1, 2, 3, 4, 5, 6, 7, 42}); err != nil {
			e.t.Fatal(err)
		}
		<-time.After(time.Second)
	}
	stop()
	ended(e.t, result)
	return events
}

func (e *ends) keep(c cut) func(osdp.Key) error {
	return func(k osdp.Key) error {
		if !c.unstored {
			e.flash = k
			return nil
		}
		return errors.New("flash worn out")
	}
}

// holdTogether runs both ends undisturbed and asks for a working pair under the new key, which both have on disk.
func (e *ends) holdTogether() {
	e.t.Helper()
	events := e.life(cut{}, 8*time.Second)
	if !e.pending.IsZero() || !e.present.Equal(testKey(e.t, 50)) || !e.flash.Equal(e.present) {
		e.t.Errorf("not settled: pending %t, present new %t, device new %t",
			!e.pending.IsZero(), e.present.Equal(testKey(e.t, 50)), e.flash.Equal(testKey(e.t, 50)))
	}
	if count[Online](events) != 1 || count[Card](events) != 1 || count[Alarm](events) != 0 {
		e.t.Errorf("no working pair: %+v", events)
	}
}

// R47-1: the power fails once, at any frame of the whole change, at either end: what is on disk is a working pair.
func TestAPowerCutAtAnyStepLeavesAWorkingPair(t *testing.T) {
	cuts := []cut{
		{unstored: true}, {stored: true}, {unsettled: true},
	}
	for at := range 64 {
		cuts = append(cuts, cut{end: "controller", at: at + 1}, cut{end: "device", at: at + 1})
	}
	settled := 0
	for _, c := range cuts {
		synctest.Test(t, func(t *testing.T) {
			e := newEnds(t)
			e.life(c, 8*time.Second)
			if e.pending.IsZero() {
				settled++
			}
			e.holdTogether()
			if t.Failed() {
				t.Logf("cut: %+v", c)
			}
		})
	}
	if settled < 20 || settled > len(cuts)-20 {
		t.Errorf("of %d cuts %d came after the change: they do not cover it", len(cuts), settled)
	}
}

// R47-1: the same for power that fails again and again.
func TestPowerCutsInARowLeaveAWorkingPair(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cuts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) cut {
			return cut{
				end: rapid.SampledFrom([]string{"controller", "device"}).Draw(t, "end"), at: rapid.IntRange(1, 64).Draw(t, "at"),
				unstored: rapid.Bool().Draw(t, "unstored"), stored: rapid.Bool().Draw(t, "stored"), unsettled: rapid.Bool().Draw(t, "unsettled"),
			}
		}), 1, 5).Draw(rt, "cuts")
		ok := false
		synctest.Test(t, func(t *testing.T) {
			e := newEnds(t)
			for _, c := range cuts {
				e.life(c, 8*time.Second)
			}
			e.holdTogether()
			ok = !t.Failed()
		})
		if !ok {
			rt.Fatalf("no working pair")
		}
	})
}

// R47-1: over a real terminal, with the simulated device and its key file; and again after both have been started anew.
func TestAKeyIsReplacedOverATerminalAndOutlivesARestart(t *testing.T) {
	dir := t.TempDir()
	file := sim.KeyFile(filepath.Join(dir, "reader-key"))
	if err := file.Save(testKey(t, 1)); err != nil {
		t.Fatal(err)
	}
	e := newEnds(t)
	run := func(work func(chan Event, *sim.Device)) {
		key, err := file.Load()
		if err != nil {
			t.Fatal(err)
		}
		device := simulated(t, key, file.Save)
		pty := readertest.OpenPTY(t)
		ctx, cancel := context.WithCancel(t.Context())
		line, err := sim.NewLine(sim.Stream(ctx, pty.Master), discard(), device)
		if err != nil {
			t.Fatal(err)
		}
		lineEnded := make(chan error, 1)
		go func() { lineEnded <- line.Run(ctx) }()
		events := make(chan Event, 10_000)
		b, err := New(Config{
			Open: func(ctx context.Context) (Port, error) {
				return serialport.Await(ctx, serialport.Config{Name: pty.Name, Baud: 115200}, discard())
			},
			Baud: 115200, Rand: rand.Reader, Log: discard(), Emit: func(e Event) { events <- e },
			Devices: []Device{{Name: "IN-1", Address: 1, Key: e.present, Pending: e.pending}},
		})
		if err != nil {
			t.Fatal(err)
		}
		result := make(chan error, 1)
		go func() { result <- b.Run(ctx) }()
		work(events, device)
		cancel()
		ended(t, result)
		pty.HangUp()
		if err := <-lineEnded; err != nil {
			t.Error(err)
		}
	}
	run(func(events chan Event, device *sim.Device) {
		awaitEvent[Online](t, events)
		awaitEvent[KeyProven](t, events)
		tap(t, device, 1)
		awaitEvent[Card](t, events)
	})
	if key, err := file.Load(); err != nil || !key.Equal(e.pending) {
		t.Fatalf("the device's file holds %v, %v", key, err)
	}
	e.present, e.pending = e.pending, osdp.Key{}
	run(func(events chan Event, device *sim.Device) {
		awaitEvent[Online](t, events)
		tap(t, device, 2)
		awaitEvent[Card](t, events)
	})
}
