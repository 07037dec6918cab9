package bus

import (
	"crypto/rand"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kanmon/reader/osdp"
	"kanmon/reader/osdp/bus/internal/order"
)

// Anybody on the wire can say BUSY, and so hold a strike back until its order has run out. It must not open then.
func TestAnOrderThatRanOutIsNotRepeated(t *testing.T) {
	for what, swallow := range map[string]func(f osdp.Frame) []byte{
		"BUSY":    func(f osdp.Frame) []byte { return wireBytes(f.AnswerBusy()) },
		"silence": func(osdp.Frame) []byte { return nil },
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newPD(t, 1)
				w := newWire(t, d)
				r := newRig(t, w, func(c *Config) { c.Timing.Repeats = 20 })
				next[Outputs](r)
				d.do(func() {
					d.raw = func(f osdp.Frame) ([]byte, bool) {
						if f.Code == osdp.CmdOutput {
							return swallow(f), true
						}
						return nil, false
					}
				})
				if err := r.bus.Do(t.Context(), "PD-1", strike); !errors.Is(err, ErrUnconfirmed) {
					t.Errorf("error %v", err)
				}
				w.forget()
				next[Online](r) // the sealed frame cannot be taken back: a new session replaces it
				r.pass(10 * time.Second)
				for _, s := range w.transmissions() {
					if s.f.Code == osdp.CmdOutput {
						t.Fatalf("sent again at %v", s.at)
					}
				}
			})
		})
	}
}

// BUSY belongs in clear, and the sessions of these tests refuse to seal one. Some devices do it all the same: the
// order is not done then.
func TestABusyInsideTheSessionConfirmsNothing(t *testing.T) {
	b, err := New(Config{
		Open: newWire(t).Open, Rand: rand.Reader, Log: discard(), Emit: func(e Event) { t.Errorf("event %+v", e) },
		Devices: []Device{{Name: "PD-1", Address: 1, Key: testKey(t, 1)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	d := b.byName["PD-1"]
	d.start(time.Now())
	d.phase = online
	d.queue.SetOffline(false)
	o := order.New(strike, true)
	if err := d.queue.Add(o); err != nil {
		t.Fatal(err)
	}
	asked := &flight{command: osdp.Frame{Code: osdp.CmdOutput}, order: d.queue.Take(true)}
	d.use(time.Now(), asked, osdp.Frame{Reply: true, Block: osdp.SCS16, Code: osdp.ReplyBusy})
	select {
	case err := <-o.Done():
		t.Errorf("the order ended with %v", err)
	default:
	}
	if d.queue.Take(true) != o {
		t.Error("the order is not waiting any more")
	}
}

// A device that is offline until it has said who it is takes no orders: nobody waits two seconds in vain.
func TestADeviceThatStopsAfterTheHandshakeTakesNoOrders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newPD(t, 1)
		d.dead = true
		w := newWire(t, d)
		w.command = func(_ int, f osdp.Frame, raw []byte) [][]byte {
			if f.Block.Secured() {
				return nil
			}
			return [][]byte{raw}
		}
		r := newRig(t, w, nil)
		next[Offline](r)
		d.do(func() { d.dead = false })
		r.pass(5 * time.Second)
		began := time.Now()
		if err := r.bus.Do(t.Context(), "PD-1", strike); !errors.Is(err, ErrOffline) || time.Since(began) > 0 {
			t.Errorf("error %v after %v", err, time.Since(began))
		}
		d.do(func() {
			if d.handshook == 0 {
				t.Error("there was no handshake")
			}
		})
	})
}

func TestOrdersDoNotShutOutADeviceThatReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, other := newPD(t, 1), newPD(t, 2)
		other.dead = true
		r := newRig(t, newWire(t, d, other), nil)
		next[Offline](r)
		stop := make(chan struct{})
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						_ = r.bus.Do(t.Context(), "PD-1", strike)
					}
				}
			})
		}
		r.pass(time.Second)
		other.do(func() { other.dead = false })
		if _, ok := within[Online](r, 5*time.Second); !ok {
			t.Error("it did not come back")
		}
		close(stop)
		all.Wait()
	})
}
