package bus

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"kanmon/reader/osdp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// k1 is the test key of the published captures; the others are made from it.
func testKey(tb testing.TB, n byte) osdp.Key {
	tb.Helper()
	b := []byte{0x5c, 0x9a, 0x1e, 0x77, 0xd3, 0x04, 0x6b, 0xf8, 0x2b, 0x60, 0xc4, 0xe9, 0x91, 0xa7, 0x3d, 0x0f}
	b[15] ^= n
	k, err := osdp.NewKey(b)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// newPD is an honest device with two inputs and an output at an address.
func newPD(tb testing.TB, address byte) *pd {
	tb.Helper()
	return &pd{
		address: address, key: testKey(tb, address),
		id: osdp.PDID{OUI: [3]byte{0x12, 0x34, 0x56}, Model: 0x22, Version: 0x11, Serial: 1000 + uint32(address), Firmware: [3]byte{1, 2, 3}},
		caps: osdp.Capabilities{
			{Function: osdp.FuncContacts, Compliance: 1, Number: 2},
			{Function: osdp.FuncOutputs, Compliance: 2, Number: 1},
			{Function: osdp.FuncCheck, Compliance: 1},
			{Function: osdp.FuncSecurity, Compliance: 1},
			{Function: osdp.FuncReceiveSize, Number: 1},
		},
		inputs: osdp.InputStatus{osdp.InputActive, osdp.InputInactive},
	}
}

// rig is a bus at work on a wire, inside a synctest bubble.
type rig struct {
	t      *testing.T
	wire   *wire
	bus    *Bus
	events chan Event
	cancel context.CancelFunc
	ended  chan error
	cards  []byte // of the Card events taken off so far
}

func name(address byte) string { return "PD-" + string('0'+rune(address)) }

func newRig(t *testing.T, w *wire, change func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, wire: w, events: make(chan Event, 100_000), ended: make(chan error, 1)}
	cfg := Config{Open: w.Open, Rand: rand.NewChaCha8([32]byte{1}), Log: slog.New(slog.DiscardHandler), Emit: func(e Event) { r.events <- e }}
	for _, d := range w.devices {
		cfg.Devices = append(cfg.Devices, Device{Name: name(d.address), Address: d.address, Key: testKey(t, d.address), Pending: d.pending})
	}
	if change != nil {
		change(&cfg)
	}
	var err error
	if r.bus, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r.cancel = cancel
	go func() { r.ended <- r.bus.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-r.ended; !errors.Is(err, context.Canceled) {
			t.Errorf("run ended with %v", err)
		}
	})
	return r
}

// next waits for an event of one type and returns it; others are passed over.
func next[E Event](r *rig) E {
	r.t.Helper()
	e, ok := within[E](r, 2*time.Minute)
	if !ok {
		r.t.Fatalf("no %T came", e)
	}
	return e
}

func within[E Event](r *rig, d time.Duration) (E, bool) {
	timeout := time.After(d)
	for {
		select {
		case e := <-r.events:
			if c, ok := e.(Card); ok {
				r.cards = append(r.cards, cardByte(c))
			}
			if want, ok := e.(E); ok {
				return want, true
			}
		case <-timeout:
			var none E
			return none, false
		}
	}
}

// pass lets time go by and returns the events that came.
func (r *rig) pass(d time.Duration) []Event {
	<-time.After(d)
	synctest.Wait()
	var got []Event
	for {
		select {
		case e := <-r.events:
			got = append(got, e)
		default:
			return got
		}
	}
}

func count[E Event](events []Event) (n int) {
	for _, e := range events {
		if _, ok := e.(E); ok {
			n++
		}
	}
	return n
}

func alarms(events []Event, kind AlarmKind) (n int) {
	for _, e := range events {
		if a, ok := e.(Alarm); ok && a.Kind == kind {
			n++
		}
	}
	return n
}
