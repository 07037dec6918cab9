package bus

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kanmon/internal/fault"
	"kanmon/reader/osdp"
)

var strike = Output(osdp.Output{Number: 0, Control: osdp.OutputOnTimed, Timer: 50})

func TestAnOrderIsDoneWhenTheDeviceSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newPD(t, 1)
		r := newRig(t, newWire(t, d), nil)
		next[Outputs](r)
		for _, c := range []Command{strike, LED(osdp.LED{Number: 1}), Buzzer(osdp.Buzzer{Tone: osdp.ToneOff})} {
			if err := r.bus.Do(t.Context(), "PD-1", c); err != nil {
				t.Error(err)
			}
		}
		if got := d.orders(); !slices.Equal(got, []osdp.Code{osdp.CmdOutput, osdp.CmdLED, osdp.CmdBuzzer}) {
			t.Errorf("acted on %v", got)
		}
		if got := d.done[0].Data; !slices.Equal(got, []byte{0, 5, 50, 0}) {
			t.Errorf("output record % x", got)
		}
		if err := r.bus.Do(t.Context(), "PD-1", AskInputs()); err != nil {
			t.Error(err)
		}
		next[Inputs](r)
	})
}

// A device may answer OUT with the state of its outputs instead of an ACK.
func TestAnOutputStatusConfirmsAnOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newPD(t, 1)
		d.opened = func(f osdp.Frame) *osdp.Frame {
			if f.Code != osdp.CmdOutput {
				return nil
			}
			a := f.Answer(osdp.ReplyOutputStatus, []byte{1})
			return &a
		}
		r := newRig(t, newWire(t, d), nil)
		next[Outputs](r)
		if err := r.bus.Do(t.Context(), "PD-1", strike); err != nil {
			t.Error(err)
		}
		if o := next[Outputs](r); o.States[0] != osdp.OutputActive {
			t.Errorf("outputs %v", o.States)
		}
	})
}

func TestAnOutputGoesBeforeEverythingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ds []*pd
		for n := range byte(8) {
			ds = append(ds, newPD(t, n+1))
		}
		w := newWire(t, ds...)
		r := newRig(t, w, nil)
		for range ds {
			next[Outputs](r)
		}
		var all sync.WaitGroup
		do := func(device string, c Command) {
			all.Go(func() {
				if err := r.bus.Do(t.Context(), device, c); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait() // queued
		}
		for range 5 {
			for _, d := range ds {
				do(name(d.address), LED(osdp.LED{}))
			}
		}
		for _, address := range []byte{8, 3, 5} {
			w.forget()
			do(name(address), strike)
			r.pass(20 * time.Millisecond) // four exchanges
			sent := w.transmissions()
			at := slices.IndexFunc(sent, func(s sentFrame) bool { return s.f.Code == osdp.CmdOutput })
			if at < 0 || at > 1 || sent[at].f.Address != address { // a poll may be before it: one in nine
				t.Errorf("the output for %d went out as frame %d", address, at)
			}
		}
		all.Wait()
	})
}

func TestOrdersDoNotShutOutThePolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, other := newPD(t, 1), newPD(t, 2)
		r := newRig(t, newWire(t, d, other), nil)
		next[Outputs](r)
		next[Outputs](r)
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for ctx.Err() == nil {
					_ = r.bus.Do(ctx, "PD-1", strike)
				}
			})
		}
		began := time.Now()
		for i := range byte(20) {
			other.tap(i)
		}
		r.wait(20)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("20 cards took %v", took)
		}
		cancel()
		all.Wait()
	})
}

func TestARefusedOrderSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newPD(t, 1)
		d.opened = func(f osdp.Frame) *osdp.Frame {
			if f.Code != osdp.CmdLED {
				return nil
			}
			a := f.AnswerNak(osdp.NakUnknown)
			return &a
		}
		r := newRig(t, newWire(t, d), nil)
		next[Outputs](r)
		refused, ok := errors.AsType[*RefusedError](r.bus.Do(t.Context(), "PD-1", LED(osdp.LED{})))
		if !ok || refused.Code != osdp.NakUnknown || refused.Device != "PD-1" {
			t.Errorf("error %v", refused)
		}
		if got := r.pass(time.Second); len(got) != 0 {
			t.Errorf("events %+v", got)
		}
	})
}

// A strike must not open late: what was not sent in time is not sent at all.
func TestAnOrderThatComesTooLateIsNotCarriedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newPD(t, 1)
		r := newRig(t, newWire(t, d), nil)
		next[Outputs](r)
		d.do(func() { d.dead = true })
		r.pass(1500 * time.Millisecond) // noticed, not yet offline
		began := time.Now()
		if err := r.bus.Do(t.Context(), "PD-1", strike); !errors.Is(err, ErrTimeout) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("gave up after %v", took)
		}
		d.do(func() { d.dead = false })
		next[Online](r)
		r.pass(time.Second)
		if got := d.orders(); len(got) != 0 {
			t.Errorf("acted on %v", got)
		}
	})
}

func TestAnOrderWithoutAnAnswerIsUnconfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newPD(t, 1)
		w := newWire(t, d)
		w.reply = func(_ int, _ osdp.Frame, raw []byte) [][]byte {
			if len(d.orders()) > 0 {
				return nil
			}
			return [][]byte{raw}
		}
		r := newRig(t, w, nil)
		next[Outputs](r)
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		err := r.bus.Do(ctx, "PD-1", strike)
		if !errors.Is(err, ErrUnconfirmed) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if err := r.bus.Do(t.Context(), "PD-1", strike); !errors.Is(err, ErrTimeout) {
			t.Errorf("error %v", err)
		}
		next[Offline](r)
		if err := r.bus.Do(t.Context(), "PD-1", strike); !errors.Is(err, ErrOffline) {
			t.Errorf("error %v", err)
		}
	})
}

// A disturbed frame may cost a device its session; the order then goes out again in the next one.
func TestAnOrderSurvivesASessionLostOnTheWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newPD(t, 1)
		r := newRig(t, newWire(t, d), nil)
		next[Outputs](r)
		d.do(func() {
			d.raw = func(f osdp.Frame) ([]byte, bool) {
				if f.Code != osdp.CmdOutput {
					return nil, false
				}
				d.raw, d.session = nil, nil
				return wireBytes(f.AnswerNak(osdp.NakSecurity)), true
			}
		})
		began := time.Now()
		if err := r.bus.Do(t.Context(), "PD-1", strike); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 200*time.Millisecond {
			t.Errorf("took %v", took)
		}
		if got := d.orders(); len(got) != 1 {
			t.Errorf("acted on %v", got)
		}
	})
}

func TestOrdersThatMakeNoSenseAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newWire(t, newPD(t, 1)), nil)
		next[Outputs](r)
		many := make([]osdp.Output, 40)
		for what, c := range map[string]struct {
			device string
			order  Command
			want   fault.Kind
		}{
			"unknown device": {"PD-9", strike, fault.NotFound},
			"zero command":   {"PD-1", Command{}, fault.Invalid},
			"no records":     {"PD-1", LED(), fault.Invalid},
			"too long":       {"PD-1", Output(many...), fault.TooLarge},
		} {
			if err := r.bus.Do(t.Context(), c.device, c.order); fault.KindOf(err) != c.want {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}
