package bus

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"kanmon/reader/osdp"
	"kanmon/reader/osdp/bus/internal/exchange"
	"kanmon/reader/osdp/bus/internal/repeat"
)

// repeats returns how often a frame was sent again right after itself, and checks that it was the same bytes.
func repeats(t *testing.T, sent []sentFrame) (n int) {
	t.Helper()
	for i := 1; i < len(sent); i++ {
		a, b := sent[i-1], sent[i]
		if a.f.Seq == b.f.Seq && a.f.Seq != 0 {
			n++
			if !bytes.Equal(a.b, b.b) {
				t.Errorf("frame %v was repeated with other bytes", a.f)
			}
		}
	}
	return n
}

func TestAFrameWithoutAnAnswerIsRepeatedAsTheSameBytes(t *testing.T) {
	for what, lose := range map[string]struct{ command, reply bool }{"command lost": {command: true}, "reply lost": {reply: true}} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newPD(t, 1)
				w := newWire(t, d)
				lost := 0
				w.command = func(_ int, f osdp.Frame, raw []byte) [][]byte {
					if f.Code == osdp.CmdPoll && lose.command && lost < 2 {
						lost++
						return nil
					}
					return [][]byte{raw}
				}
				w.reply = func(_ int, f osdp.Frame, raw []byte) [][]byte {
					if f.Code == osdp.ReplyRaw && lose.reply && lost < 2 {
						lost++
						return nil
					}
					return [][]byte{raw}
				}
				r := newRig(t, w, nil)
				d.tap(1)
				d.tap(2)
				r.wait(2)
				got := r.pass(time.Second)
				if n := repeats(t, w.transmissions()); n != 2 || lost != 2 {
					t.Errorf("%d repeats for %d losses", n, lost)
				}
				if count[Card](got) != 0 || count[Alarm](got) != 0 || !bytes.Equal(r.cards, []byte{1, 2}) {
					t.Errorf("cards %v, events %+v", r.cards, got)
				}
			})
		})
	}
}

func TestBusyIsAnsweredWithTheSameBytesAfterAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, other := newPD(t, 1), newPD(t, 2)
		w := newWire(t, d, other)
		r := newRig(t, w, nil)
		next[Outputs](r)
		next[Outputs](r)
		busy := 0
		d.do(func() {
			d.raw = func(f osdp.Frame) ([]byte, bool) {
				if f.Code == osdp.CmdLED && busy < 5 {
					busy++
					return wireBytes(f.AnswerBusy()), true
				}
				return nil, false
			}
		})
		w.forget()
		began := time.Now()
		if err := r.bus.Do(t.Context(), "PD-1", LED(osdp.LED{})); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 5*200*time.Millisecond {
			t.Errorf("done after %v", took)
		}
		var leds []sentFrame
		polls := 0
		for _, s := range w.transmissions() {
			if s.f.Code == osdp.CmdLED {
				leds = append(leds, s)
			}
			if s.f.Address == 2 {
				polls++
			}
		}
		if len(leds) != 6 || repeats(t, leds) != 5 {
			t.Errorf("%d tries", len(leds))
		}
		if polls < 60 { // it is due every 10 ms for more than a second
			t.Errorf("the other device had %d polls meanwhile", polls)
		}
		if got := d.orders(); !slices.Equal(got, []osdp.Code{osdp.CmdLED}) {
			t.Errorf("acted on %v", got)
		}
	})
}

// Section 13 row 11: BUSY without end.
func TestNobodyMayBeBusyForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newPD(t, 1)
		r := newRig(t, newWire(t, d), nil)
		next[Outputs](r)
		d.do(func() {
			d.raw = func(f osdp.Frame) ([]byte, bool) { return wireBytes(f.AnswerBusy()), true }
		})
		got := r.pass(20 * time.Second)
		if alarms(got, SessionLost) != 1 || count[Offline](got) != 1 {
			t.Errorf("events %+v", got)
		}
	})
}

func TestForeignFramesAreNoise(t *testing.T) {
	change := map[string]func(*osdp.Frame){
		"own echo":         func(f *osdp.Frame) { f.Reply = false },
		"another address":  func(f *osdp.Frame) { f.Address = 9 },
		"broadcast":        func(f *osdp.Frame) { f.Address = osdp.Broadcast },
		"another number":   func(f *osdp.Frame) { f.Seq = f.Seq%3 + 1 },
		"a checksum reply": func(f *osdp.Frame) { f.Checksum = true },
	}
	for what, spoil := range change {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newPD(t, 1)
				w := newWire(t, d)
				w.reply = func(_ int, f osdp.Frame, raw []byte) [][]byte {
					if f.Seq == 0 {
						return [][]byte{raw}
					}
					noise := f
					noise.Data, noise.Code = nil, osdp.ReplyAck
					spoil(&noise)
					return [][]byte{{0x53, 0xFF, 0x00, 0x13}, wireBytes(noise), {0x53}, raw}
				}
				r := newRig(t, w, nil)
				next[Online](r)
				for i := range byte(10) {
					d.tap(i)
				}
				r.wait(10)
				if got := r.pass(time.Second); count[Alarm](got)+count[Offline](got) != 0 {
					t.Errorf("events %+v", got)
				}
				if s := r.bus.Stats(); s.Foreign == 0 || s.Received.Noise == 0 || s.Unanswered != 0 {
					t.Errorf("counted %+v", s)
				}
			})
		})
	}
}

func TestAnAdapterThatHearsItselfDoesNotDisturb(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newPD(t, 1)
		w := newWire(t, d)
		w.echo = true
		r := newRig(t, w, nil)
		d.tap(1)
		r.wait(1)
		if err := r.bus.Do(t.Context(), "PD-1", Buzzer(osdp.Buzzer{Tone: osdp.ToneDefault, OnTime: 1, Count: 1})); err != nil {
			t.Error(err)
		}
	})
}

func TestADeviceThatLostItsPlaceIsTakenUpFromTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newPD(t, 1)
		r := newRig(t, newWire(t, d), nil)
		next[Outputs](r)
		d.do(func() {
			d.raw = func(f osdp.Frame) ([]byte, bool) {
				d.raw = nil
				a := f.Answer(osdp.ReplyAck, nil)
				a.Seq = 0
				return wireBytes(a), true
			}
		})
		began := time.Now()
		next[Online](r)
		if took := time.Since(began); took > time.Second {
			t.Errorf("back after %v", took)
		}
	})
}

// A card delivered just before its session is lost comes again from the device in the next one: it is one tap.
func TestACardRepeatedAcrossALostSessionIsDeliveredOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newPD(t, 1)
		w := newWire(t, d)
		breakAfter, broken := false, false
		w.command = func(_ int, f osdp.Frame, raw []byte) [][]byte {
			if breakAfter && f.Block.Secured() {
				breakAfter = false
				d.do(func() { d.seq, d.session = osdp.DeviceSequence{}, nil })
			}
			return [][]byte{raw}
		}
		w.reply = func(_ int, f osdp.Frame, raw []byte) [][]byte {
			if f.Code == osdp.ReplyRaw && !broken {
				breakAfter, broken = true, true
			}
			return [][]byte{raw}
		}
		r := newRig(t, w, nil)
		next[Outputs](r)
		d.tap(1)
		r.wait(1)
		next[Online](r)
		if n := count[Card](r.pass(time.Second)); n != 0 {
			t.Errorf("one tap came as %d", n+1)
		}
		d.tap(1) // and a real second tap is a second card
		d.tap(1)
		r.wait(3)
	})
}

// R43-2: whatever is lost, changed, doubled or late on the wire, the cards come in order and each at least once; a
// card can come twice only where its session broke in between for longer than a person waits.
func TestCardsSurviveADisturbedLine(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		faults := rapid.SliceOfN(rapid.IntRange(0, 19), 400, 400).Draw(rt, "faults")
		var got []Card
		synctest.Test(t, func(t *testing.T) {
			d, other := newPD(t, 1), newPD(t, 2)
			w := newWire(t, d, other)
			disturb := func(n int, _ osdp.Frame, raw []byte) [][]byte {
				if n >= len(faults) {
					return [][]byte{raw}
				}
				switch faults[n] {
				case 0: // lost
					return nil
				case 1: // damaged
					raw = bytes.Clone(raw)
					raw[len(raw)-1-n%4] ^= 0x10
				case 2: // cut off
					raw = raw[:len(raw)/2]
				case 3: // doubled
					return [][]byte{raw, raw}
				case 4: // noise around it
					return [][]byte{{0x53, 0x01}, raw, {0x00, 0x53}}
				}
				return [][]byte{raw}
			}
			w.command, w.reply = disturb, disturb
			r := newRig(t, w, nil)
			for i := range byte(30) {
				d.tap(i)
			}
			for len(got) == 0 || cardByte(got[len(got)-1]) != 29 {
				got = append(got, next[Card](r))
			}
		})
		want := byte(0)
		for i, c := range got {
			if n := cardByte(c); n == want {
				want++
			} else if i == 0 || n != want-1 || c.At.Sub(got[i-1].At) < repeat.Window {
				rt.Fatalf("card %d came after %d, %v later", n, want-1, c.At.Sub(got[i-1].At))
			}
		}
		if want != 30 {
			rt.Fatalf("%d cards", want)
		}
	})
}

// What was on its way before the question is not its answer, even if it looks like it.
func TestWhatCameBeforeTheCommandIsNotItsReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t, newPD(t, 1))
		w.devices[0].dead = true
		p, err := w.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		l := exchange.New(p, 9600, osdp.ReplyTimeout, osdp.CharacterGap)
		command := osdp.Frame{Address: 1, Code: osdp.CmdID, Data: []byte{0}}
		early := wireBytes(command.Answer(osdp.ReplyID, w.devices[0].id.Append(nil)))
		w.open.deliver(early[:5])
		w.open.deliver(early[5:])
		if err := l.Clear(); err != nil {
			t.Fatal(err)
		}
		if f, _, err := l.Ask(t.Context(), command, wireBytes(command)); !errors.Is(err, exchange.ErrSilence) {
			t.Errorf("%v was taken for the reply: %v", f, err)
		}
		if _, foreign := l.Counts(); foreign != 1 {
			t.Errorf("%d frames counted", foreign)
		}
	})
}
