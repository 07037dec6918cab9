package bus

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	sim "kanmon/firmware-sim/pd"
	"kanmon/internal/fault"
	"kanmon/reader/osdp"
)

// newKeyed is an honest device that takes the key it is given: a simulated one behind the test's own.
func newKeyed(t *testing.T, holds osdp.Key, keep func(osdp.Key) error) (*pd, *sim.Device) {
	t.Helper()
	d := newPD(t, 1)
	d.pending = testKey(t, 50)
	s := simulated(t, holds, keep)
	d.raw = func(f osdp.Frame) ([]byte, bool) { return s.Receive(f, time.Now()), true }
	return d, s
}

func simulated(t *testing.T, holds osdp.Key, keep func(osdp.Key) error) *sim.Device {
	t.Helper()
	s, err := sim.New(sim.Config{Name: "PD-1", Address: 1, Key: holds, KeepKey: keep, Readers: 1, Inputs: 2, Outputs: 1}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func keySets(sent []sentFrame) (at []time.Time) {
	for i, s := range sent {
		if s.f.Code == osdp.CmdKeySet && (i == 0 || sent[i-1].f.Code != osdp.CmdKeySet || sent[i-1].f.Seq != s.f.Seq) {
			at = append(at, s.at)
		}
	}
	return at
}

// R47-1: a new key goes over the line once, in a session under the old one, and the next handshake proves it. Nobody at the reader notices.
func TestANewKeyIsGivenOnceAndProvenByTheNextHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, s := newKeyed(t, testKey(t, 1), nil)
		w := newWire(t, d)
		r := newRig(t, w, nil)
		proven := next[KeyProven](r)
		if proven.Device != "PD-1" || proven.At.IsZero() || time.Since(proven.At) > time.Second {
			t.Errorf("%+v", proven)
		}
		tap(t, s, 7)
		got := r.pass(2 * time.Minute)
		if n := len(keySets(w.transmissions())); n != 1 {
			t.Errorf("given %d times", n)
		}
		if count[Online](got)+count[Offline](got)+count[Alarm](got)+count[KeyProven](got) != 0 || count[Card](got) != 1 {
			t.Errorf("afterwards %+v", got)
		}
	})
}

func tap(t *testing.T, s *sim.Device, card byte) {
	t.Helper()
	if err := s.Present(64, []byte{1, 2, 3, 4, 5, 6, 7, card}); err != nil {
		t.Fatal(err)
	}
}

// R43-2: taps around the change come in time and once each, and orders are carried out.
func TestTapsAndOrdersGoOnWhileAKeyIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, s := newKeyed(t, testKey(t, 1), nil)
		w := newWire(t, d)
		var asked time.Time
		w.command = func(_ int, f osdp.Frame, raw []byte) [][]byte {
			if f.Code == osdp.CmdKeySet {
				tap(t, s, 9)
				asked = time.Now()
			}
			return [][]byte{raw}
		}
		r := newRig(t, w, nil)
		card := next[Card](r)
		if took := card.At.Sub(asked); took > 300*time.Millisecond || cardByte(card) != 9 {
			t.Errorf("card %d after %v", cardByte(card), took)
		}
		if err := r.bus.Do(t.Context(), "PD-1", strike); err != nil {
			t.Error(err)
		}
		if got := r.pass(time.Minute); count[Card](got) != 0 {
			t.Error("the card came twice")
		}
	})
}

// R47-1: what an earlier run gave is proven without being given again; the old key costs nothing but one try.
func TestAKeyThatWasTakenInAnEarlierRunIsProvenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _ := newKeyed(t, testKey(t, 50), nil)
		w := newWire(t, d)
		r := newRig(t, w, nil)
		next[KeyProven](r)
		next[Online](r)
		if got := r.pass(time.Minute); len(keySets(w.transmissions())) != 0 || count[Alarm](got) != 0 {
			t.Errorf("given again, or %+v", got)
		}
	})
}

// R47-1: ways in which the answer to KEYSET may fail to come. Each ends with the new key in force, without an alarm about keys.
func TestALostOrClearAnswerChangesNothing(t *testing.T) {
	for name, spoil := range map[string]func(w *wire){
		"the answer is lost once":     func(w *wire) { w.reply = loseAfter(osdp.CmdKeySet, w, 1) },
		"the answer is lost for good": func(w *wire) { w.reply = loseAfter(osdp.CmdKeySet, w, 3) },
		"the command is lost once": func(w *wire) {
			lost := false
			w.command = func(_ int, f osdp.Frame, raw []byte) [][]byte {
				if f.Code == osdp.CmdKeySet && !lost {
					lost = true
					return nil
				}
				return [][]byte{raw}
			}
		},
		"the answer comes in clear": func(w *wire) {
			w.reply = func(_ int, f osdp.Frame, raw []byte) [][]byte {
				if w.asked().Code == osdp.CmdKeySet {
					f.Block, f.MAC = osdp.NoBlock, [4]byte{}
					raw = wireBytes(f)
				}
				return [][]byte{raw}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, s := newKeyed(t, testKey(t, 1), nil)
				w := newWire(t, d)
				spoil(w)
				r := newRig(t, w, nil)
				next[KeyProven](r)
				got := r.pass(time.Second)
				tap(t, s, 3)
				next[Card](r)
				if n := len(keySets(w.transmissions())); n != 1 || alarms(got, KeyRefused)+alarms(got, HandshakeFailed)+alarms(got, DeviceInsecure) != 0 {
					t.Errorf("given %d times, %+v", n, got)
				}
			})
		})
	}
}

// loseAfter loses the first n replies to a command.
func loseAfter(code osdp.Code, w *wire, n int) func(int, osdp.Frame, []byte) [][]byte {
	return func(_ int, _ osdp.Frame, raw []byte) [][]byte {
		if n > 0 && w.asked().Code == code {
			n--
			return nil
		}
		return [][]byte{raw}
	}
}

// R47-1, R121-1: a device that refuses its new key, or says it has it and goes on under the old one, is an alarm. It is given the key a few
// times, ever less often, and serves people meanwhile.
func TestADeviceThatDoesNotTakeItsKeyIsAnAlarmAndIsLeftInPeace(t *testing.T) {
	answer := func(code osdp.Code, data ...byte) func(osdp.Frame) *osdp.Frame {
		return func(f osdp.Frame) *osdp.Frame {
			if f.Code != osdp.CmdKeySet {
				return nil
			}
			r := f.Answer(code, data)
			return &r
		}
	}
	const kept = "goes on under its old key although it was given the new one"
	const last = "; it is not given again before the next start"
	for name, c := range map[string]struct {
		answers func(osdp.Frame) *osdp.Frame
		inWay   func(*wire)
		alarms  int
		detail  string
	}{
		"says yes and keeps the old one":                 {answers: answer(osdp.ReplyAck), alarms: 5, detail: kept},
		"does not know the command":                      {answers: answer(osdp.ReplyNak, byte(osdp.NakUnknown)), alarms: 5, detail: "refused the new key with code 3"},
		"does not take the record":                       {answers: answer(osdp.ReplyNak, byte(osdp.NakRecord)), alarms: 5, detail: "refused the new key with code 9"},
		"refuses and ends the session":                   {answers: answer(osdp.ReplyNak, byte(osdp.NakSecurity)), alarms: 5, detail: "refused the new key with code 6"},
		"answers with something else altogether":         {answers: answer(osdp.ReplyLocalStatus, 0, 0), alarms: 5, detail: kept},
		"answers in clear and keeps the old one":         {answers: answer(osdp.ReplyAck), inWay: func(w *wire) { w.reply = inClear(w, false) }, alarms: 5, detail: kept},
		"is too busy":                                    {answers: answer(osdp.ReplyBusy), alarms: 1, detail: kept + last},
		"refuses in clear, or somebody in its name does": {answers: answer(osdp.ReplyAck), inWay: func(w *wire) { w.reply = inClear(w, true) }, alarms: 1, detail: kept + last},
		"never hears of it": {inWay: func(w *wire) {
			w.command = func(_ int, f osdp.Frame, raw []byte) [][]byte {
				if f.Code == osdp.CmdKeySet {
					return nil
				}
				return [][]byte{raw}
			}
		}, alarms: 1, detail: kept + last},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newPD(t, 1)
				d.pending = testKey(t, 50)
				d.opened = c.answers
				w := newWire(t, d)
				if c.inWay != nil {
					c.inWay(w)
				}
				r := newRig(t, w, func(c *Config) { c.PollGap = time.Second })
				next[Online](r)
				got := r.pass(time.Hour)
				given := keySets(w.transmissions())
				if len(given) != 5 || given[1].Sub(given[0]) < time.Minute || given[4].Sub(given[3]) < 8*time.Minute {
					t.Errorf("given %d times, at %v", len(given), given)
				}
				if alarms(got, KeyRefused) != c.alarms || firstDetail(got, KeyRefused) != c.detail {
					t.Errorf("%d alarms, the first: %s", alarms(got, KeyRefused), firstDetail(got, KeyRefused))
				}
				if count[KeyProven](got) != 0 || alarms(got, HandshakeFailed) != 0 || count[Offline](got) != 0 {
					t.Errorf("events %+v", got)
				}
				d.tap(1)
				r.wait(1)
			})
		})
	}
}

// inClear answers KEYSET in clear instead of what the device says, which never hears of it.
func inClear(w *wire, refuse bool) func(int, osdp.Frame, []byte) [][]byte {
	return func(_ int, _ osdp.Frame, raw []byte) [][]byte {
		last := w.asked()
		switch {
		case last.Code != osdp.CmdKeySet:
			return [][]byte{raw}
		case refuse:
			return [][]byte{wireBytes(last.AnswerNak(osdp.NakSecurity))}
		default:
			return [][]byte{wireBytes(last.Answer(osdp.ReplyAck, nil))}
		}
	}
}

func firstDetail(events []Event, kind AlarmKind) string {
	for _, e := range events {
		if a, ok := e.(Alarm); ok && a.Kind == kind {
			return a.Detail
		}
	}
	return ""
}

// Some devices take a key only when they start anew.
func TestADeviceThatTakesItsKeyLateIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newPD(t, 1)
		d.pending = testKey(t, 50)
		d.opened = func(f osdp.Frame) *osdp.Frame {
			if f.Code != osdp.CmdKeySet {
				return nil
			}
			r := f.Answer(osdp.ReplyAck, nil)
			return &r
		}
		r := newRig(t, newWire(t, d), func(c *Config) { c.PollGap = time.Second })
		for next[Alarm](r).Kind != KeyRefused {
		}
		r.pass(3 * time.Second)
		d.do(func() { d.key, d.session, d.seq = d.pending, nil, osdp.DeviceSequence{} })
		next[KeyProven](r)
		if got := r.pass(time.Hour); alarms(got, HandshakeFailed)+alarms(got, KeyRefused) != 0 {
			t.Errorf("events %+v", got)
		}
	})
}

// R103-1: two keys are two chances for nobody: a device that holds neither is refused as before.
func TestADeviceThatHoldsNeitherKeyIsRefused(t *testing.T) {
	for what, key := range map[string]osdp.Key{"another key": testKey(t, 99), "the default key": osdp.DefaultKey()} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newPD(t, 1)
				d.key, d.pending = key, testKey(t, 50)
				w := newWire(t, d)
				r := newRig(t, w, nil)
				r.refused(time.Minute, HandshakeFailed)
				challenges := 0
				for _, s := range w.transmissions() {
					if s.f.Code == osdp.CmdChallenge {
						challenges++
					}
				}
				if challenges > 14 || len(keySets(w.transmissions())) != 0 { // seven rounds in a minute
					t.Errorf("%d handshakes", challenges)
				}
			})
		})
	}
}

// R47-1: neither key may be the public one or shared, not even one that is only to come.
func TestAPendingKeyIsHeldToTheRulesOfEveryKey(t *testing.T) {
	one := Device{Name: "A", Address: 1, Key: testKey(t, 1)}
	with := func(k, pending osdp.Key) Device { return Device{Name: "B", Address: 2, Key: k, Pending: pending} }
	first := one
	first.Pending = testKey(t, 3)
	for name, second := range map[string]Device{
		"SCBK-D now": with(osdp.DefaultKey(), testKey(t, 5)), "SCBK-D to come": with(testKey(t, 4), osdp.DefaultKey()),
		"no present key": with(osdp.Key{}, testKey(t, 5)), "its own key": with(testKey(t, 4), testKey(t, 4)),
		"to come: another's present": with(testKey(t, 4), testKey(t, 1)), "to come: another's to come": with(testKey(t, 4), testKey(t, 3)),
		"another's to come": with(testKey(t, 3), osdp.Key{}),
	} {
		c := Config{
			Open: newWire(t).Open, Rand: rand.Reader, Log: discard(), Emit: func(Event) {}, Devices: []Device{first, second},
		}
		if _, err := New(c); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := Config{Open: newWire(t).Open, Rand: rand.Reader, Log: discard(), Emit: func(Event) {}, Devices: []Device{first, with(testKey(t, 4), testKey(t, 5))}}
	if _, err := New(c); err != nil {
		t.Error(err)
	}
}

// ended waits for a bus that was told to end.
func ended(t *testing.T, result <-chan error) {
	t.Helper()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("run ended with %v", err)
	}
}
