package bus

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kanmon/reader/osdp"
)

// R47-1
func TestStartUpGoesFromIDToASecuredPollInTheWrittenOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t, newPD(t, 1))
		r := newRig(t, w, nil)
		on := next[Online](r)
		if on.Device != "PD-1" || on.ID.Serial != 1001 || len(on.Capabilities) != 5 {
			t.Errorf("online: %+v", on)
		}
		r.pass(100 * time.Millisecond)
		want := []string{
			"ID 0 00", "CAP 1 00", "CHLNG 0 11", "SCRYPT 1 13",
			"ID 2 17", "CAP 3 17", "LSTAT 1 15", "ISTAT 2 15", "OSTAT 3 15", "POLL 1 15", "POLL 2 15", "POLL 3 15", "POLL 1 15",
		}
		var got []string
		for _, s := range w.transmissions() {
			got = append(got, fmt.Sprintf("%s %d %02x", s.f.Code.Name(false), s.f.Seq, byte(s.f.Block)))
			if s.b[0] != 0xFF {
				t.Errorf("no mark before %v", s.f)
			}
		}
		if len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
			t.Errorf("sent\n%q\nwant\n%q", got, want)
		}
	})
}

func TestStatesAreKnownAfterEveryConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newPD(t, 1)
		r := newRig(t, newWire(t, d), nil)
		for range 2 {
			next[Online](r)
			if l := next[Local](r); l.Status.Tamper || l.Status.PowerFailure {
				t.Errorf("local: %+v", l)
			}
			if in := next[Inputs](r); !slices.Equal(in.States, osdp.InputStatus{osdp.InputActive, osdp.InputInactive}) {
				t.Errorf("inputs: %v", in.States)
			}
			if out := next[Outputs](r); !slices.Equal(out.States, osdp.OutputStatus{osdp.OutputInactive}) {
				t.Errorf("outputs: %v", out.States)
			}
			d.do(func() { d.session, d.seq = nil, osdp.DeviceSequence{} }) // power cut
		}
	})
}

func TestEveryKindOfReplyBecomesItsEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newPD(t, 1)
		r := newRig(t, newWire(t, d), nil)
		next[Outputs](r)
		keys, err := osdp.NewKeypad(0, []byte("1234\r"))
		if err != nil {
			t.Fatal(err)
		}
		d.push(osdp.ReplyKeypad, keys.Append(nil))
		d.tap(7)
		d.push(osdp.ReplyInputStatus, []byte{0, 1})
		d.push(osdp.ReplyLocalStatus, []byte{1, 0})
		d.push(osdp.ReplyReaderStatus, []byte{2})
		if k := next[Keys](r); string(k.Keys.Reveal()) != "1234\r" || k.Device != "PD-1" {
			t.Errorf("keys: %q", k.Keys.Reveal())
		}
		if c := next[Card](r); cardByte(c) != 7 {
			t.Errorf("card: %d", cardByte(c))
		}
		if in := next[Inputs](r); !slices.Equal(in.States, osdp.InputStatus{osdp.InputInactive, osdp.InputActive}) {
			t.Errorf("inputs: %v", in.States)
		}
		if l := next[Local](r); !l.Status.Tamper {
			t.Error("tamper not told")
		}
		if s := next[Readers](r); !slices.Equal(s.States, osdp.ReaderStatus{osdp.ReaderTamper}) {
			t.Errorf("readers: %v", s.States)
		}
	})
}

// R43-2: cards come in the order in which they were held there, each once.
func TestCardsComeInOrderAndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newPD(t, 1)
		r := newRig(t, newWire(t, d, newPD(t, 2)), nil)
		next[Online](r)
		for i := range byte(100) {
			d.tap(i)
		}
		r.wait(100)
		for i, c := range r.cards {
			if c != byte(i) {
				t.Fatalf("card %d is %d", i, c)
			}
		}
		if n := count[Card](r.pass(time.Second)); n != 0 {
			t.Errorf("%d cards too many", n)
		}
	})
}

// wait takes cards off until n have come.
func (r *rig) wait(n int) {
	r.t.Helper()
	for len(r.cards) < n {
		next[Card](r)
	}
}

func TestSeveralDevicesAreServedEqually(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ds := []*pd{newPD(t, 1), newPD(t, 2), newPD(t, 3), newPD(t, 4)}
		r := newRig(t, newWire(t, ds...), nil)
		r.pass(time.Second)
		before := make([]int, len(ds))
		for i, d := range ds {
			d.do(func() { before[i] = d.polls })
		}
		r.pass(10 * time.Second)
		for i, d := range ds {
			d.do(func() {
				// An exchange here is 3 ms for the reply and 2.08 ms of rest: 10 s hold 1968, a quarter is 492.
				if n := d.polls - before[i]; n < 490 || n > 494 {
					t.Errorf("device %d was polled %d times in 10 s", d.address, n)
				}
			})
		}
	})
}

// A card that does not parse opens nothing, and whoever looks for the reason finds it.
func TestACardThatMakesNoSenseIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newPD(t, 1)
		var log bytes.Buffer
		r := newRig(t, newWire(t, d), func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		next[Outputs](r)
		d.push(osdp.ReplyRaw, []byte{0, 0, 64, 0, 1, 2, 3}) // 64 bits in three bytes
		if got := r.pass(time.Second); len(got) != 0 {
			t.Errorf("events %+v", got)
		}
		if !strings.Contains(log.String(), "osdp reply not understood") {
			t.Errorf("log: %s", log.String())
		}
	})
}
