package bus

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kanmon/internal/fault"
	"kanmon/reader/osdp"
)

// refused reports that nothing a device did opened anything: no card, no keys, no session.
func (r *rig) refused(during time.Duration, kind AlarmKind) {
	r.t.Helper()
	got := r.pass(during)
	if n := count[Card](got) + count[Keys](got); n != 0 {
		r.t.Errorf("%d cards or keys were taken", n)
	}
	if n := count[Online](got); n != 0 {
		r.t.Errorf("the device came online")
	}
	if alarms(got, kind) == 0 {
		r.t.Errorf("no alarm %s in %d events", kind, len(got))
	}
	if during > 9*time.Second && count[Offline](got) != 1 {
		r.t.Errorf("told %d times that the device is offline", count[Offline](got))
	}
}

// O-1, section 13 row 1: a device that answers everything with a card in clear.
func TestACardInClearIsAnAlarmAndNoCard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newPD(t, 1)
		d.raw = func(f osdp.Frame) ([]byte, bool) { return wireBytes(f.Answer(osdp.ReplyRaw, rawCard(1))), true }
		r := newRig(t, newWire(t, d), nil)
		r.refused(20*time.Second, DeviceInsecure)
		if err := r.bus.Do(t.Context(), "PD-1", Output(osdp.Output{Control: osdp.OutputOnTimed, Timer: 50})); !errors.Is(err, ErrOffline) {
			t.Errorf("order: %v", err)
		}
	})
}

// O-1: the same from within a running session.
func TestACardInClearEndsTheSession(t *testing.T) {
	for _, code := range []osdp.Code{osdp.ReplyRaw, osdp.ReplyKeypad, osdp.ReplyAck, osdp.ReplyInputStatus} {
		t.Run(code.Name(true), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newPD(t, 1)
				r := newRig(t, newWire(t, d), nil)
				next[Outputs](r)
				d.do(func() {
					d.raw = func(f osdp.Frame) ([]byte, bool) {
						return wireBytes(f.Answer(code, rawCard(1))), f.Block.Secured()
					}
				})
				got := r.pass(7 * time.Second)
				if alarms(got, DeviceInsecure) != 1 || count[Card](got)+count[Keys](got)+count[Inputs](got) != 0 {
					t.Errorf("events %+v", got)
				}
			})
		})
	}
}

// O-2, section 13 row 2: the clear capabilities are rewritten on the way.
func TestADowngradeOfTheCapabilitiesChangesNothing(t *testing.T) {
	for what, caps := range map[string]osdp.Capabilities{
		"no secure channel": {{Function: osdp.FuncSecurity}},
		"no CRC":            {{Function: osdp.FuncSecurity, Compliance: 1}, {Function: osdp.FuncCheck}},
		"default key":       {{Function: osdp.FuncSecurity, Compliance: 1, Number: 1}},
		"a buffer of 1":     {{Function: osdp.FuncReceiveSize, Compliance: 1}},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newPD(t, 1)
				w := newWire(t, d)
				w.reply = func(_ int, f osdp.Frame, raw []byte) [][]byte {
					if f.Code == osdp.ReplyCapabilities && f.Block == osdp.NoBlock {
						f.Data = caps.Append(nil)
						raw = wireBytes(f)
					}
					return [][]byte{raw}
				}
				r := newRig(t, w, nil)
				if a := next[Alarm](r); a.Kind != CapabilitiesDiffer {
					t.Errorf("alarm %+v", a)
				}
				if on := next[Online](r); len(on.Capabilities) != 5 {
					t.Errorf("capabilities %v", on.Capabilities)
				}
				d.tap(1)
				r.wait(1)
			})
		})
	}
}

// R103-1: a reader that does not hold the key of its place is refused, whatever it says it is.
func TestAnUnknownReaderIsRefused(t *testing.T) {
	for what, key := range map[string]osdp.Key{"another key": testKey(t, 99), "the default key": osdp.DefaultKey()} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newPD(t, 1)
				d.key = key
				d.tap(1)
				r := newRig(t, newWire(t, d), nil)
				r.refused(time.Minute, HandshakeFailed)
			})
		})
	}
}

// O-3, section 13 row 3: a device in the state of a fresh one, which answers the handshake with SCBK-D.
func TestADeviceThatAsksForTheDefaultKeyGetsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newPD(t, 1)
		d.opened = func(f osdp.Frame) *osdp.Frame {
			if f.Code != osdp.CmdChallenge {
				return nil
			}
			f.BlockData = []byte{0} // pretend that SCBK-D was asked for
			_, reply, err := osdp.AnswerChallenge(osdp.DefaultKey(), osdp.ClientUID{}, osdp.RND{}, f)
			if err != nil {
				t.Error(err)
			}
			return &reply
		}
		r := newRig(t, newWire(t, d), nil)
		r.refused(time.Minute, HandshakeFailed)
	})
}

type vector struct {
	Name      string `json:"name"`
	Direction string `json:"direction"`
	Hex       string `json:"hex"`
}

// captured returns the replies of a recorded attack by the code of the command they answered.
func captured(t *testing.T, prefix string) map[osdp.Code][]osdp.Frame {
	t.Helper()
	b, err := os.ReadFile("../testdata/osdp-vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vs []vector
	if err := json.Unmarshal(b, &vs); err != nil {
		t.Fatal(err)
	}
	replies := map[osdp.Code][]osdp.Frame{}
	var asked osdp.Code
	for _, v := range vs {
		if !strings.HasPrefix(v.Name, prefix) {
			continue
		}
		raw, err := hex.DecodeString(strings.TrimPrefix(v.Hex, "ff"))
		if err != nil {
			t.Fatal(err)
		}
		f, err := osdp.ParseFrame(raw)
		if err != nil {
			t.Fatal(err)
		}
		if !f.Reply {
			asked = f.Code
			continue
		}
		replies[asked] = append(replies[asked], f)
	}
	if len(replies) == 0 {
		t.Fatalf("no vectors %s", prefix)
	}
	return replies
}

// The recorded attacks, played against this controller: the attacker answers as it answered then.
func TestRecordedAttacksFail(t *testing.T) {
	for _, attack := range []string{"attack/downgrade/", "attack/key-given-away/"} {
		t.Run(attack, func(t *testing.T) {
			replies := captured(t, attack)
			synctest.Test(t, func(t *testing.T) {
				d := newPD(t, 1)
				n := map[osdp.Code]int{}
				d.raw = func(f osdp.Frame) ([]byte, bool) {
					known := replies[f.Code]
					if len(known) == 0 {
						return wireBytes(f.AnswerNak(osdp.NakNoSession)), true
					}
					r := known[n[f.Code]%len(known)]
					n[f.Code]++
					r.Seq = f.Seq
					return wireBytes(r), true
				}
				r := newRig(t, newWire(t, d), nil)
				r.refused(time.Minute, HandshakeFailed)
			})
		})
	}
}

// O-4, section 13 row 4.
func TestKeysThatProtectNothingAreRefusedByTheConfiguration(t *testing.T) {
	k := testKey(t, 1)
	for what, devices := range map[string][]Device{
		"no key":              {{Name: "A", Address: 1}},
		"the default key":     {{Name: "A", Address: 1, Key: osdp.DefaultKey()}},
		"one key for two":     {{Name: "A", Address: 1, Key: k}, {Name: "B", Address: 2, Key: testKey(t, 1)}},
		"no name":             {{Address: 1, Key: k}},
		"one name for two":    {{Name: "A", Address: 1, Key: k}, {Name: "A", Address: 2, Key: testKey(t, 2)}},
		"one address for two": {{Name: "A", Address: 1, Key: k}, {Name: "B", Address: 1, Key: testKey(t, 2)}},
		"broadcast":           {{Name: "A", Address: osdp.Broadcast, Key: k}},
		"no device":           nil,
	} {
		t.Run(what, func(t *testing.T) {
			w := newWire(t)
			_, err := New(Config{Open: w.Open, Devices: devices, Rand: zeros{}, Log: discard(), Emit: func(Event) {}})
			if fault.KindOf(err) != fault.Invalid {
				t.Errorf("error %v", err)
			}
		})
	}
}

// O-9, section 13 row 8: an authentic card under a block that does not encrypt.
func TestACardUnderABlockWithoutEncryptionIsNotTaken(t *testing.T) {
	for _, block := range []osdp.Block{osdp.SCS16, osdp.SCS15} {
		t.Run(map[osdp.Block]string{osdp.SCS15: "SCS_15", osdp.SCS16: "SCS_16"}[block], func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newPD(t, 1)
				m := newModel(testKey(t, 1))
				w := newWire(t, d)
				armed := false
				w.command = func(_ int, f osdp.Frame, raw []byte) [][]byte { m.command(f, raw); return [][]byte{raw} }
				w.reply = func(_ int, f osdp.Frame, raw []byte) [][]byte {
					if armed && f.Block.Secured() {
						raw = m.forge(f, block, osdp.ReplyRaw, rawCard(1))
					}
					m.reply(f, raw)
					return [][]byte{raw}
				}
				r := newRig(t, w, nil)
				next[Outputs](r)
				d.do(func() { armed = true })
				got := r.pass(3 * time.Second)
				if count[Card](got) != 0 || alarms(got, DeviceInsecure) != 1 {
					t.Errorf("events %+v", got)
				}
			})
		})
	}
}

// A peer seen in the field answers a status question in the session with an authentic, unencrypted SCS_15. That
// is taken as an answer, and refused as an event.
func TestAnUnencryptedStatusIsTakenOnlyAsTheAnswerToItsQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newPD(t, 1)
		m := newModel(testKey(t, 1))
		w := newWire(t, d)
		insteadOf := osdp.Code(0) // the command that gets the status, too
		w.command = func(_ int, f osdp.Frame, raw []byte) [][]byte { m.command(f, raw); return [][]byte{raw} }
		w.reply = func(_ int, f osdp.Frame, raw []byte) [][]byte { m.reply(f, raw); return [][]byte{raw} }
		d.raw = func(f osdp.Frame) ([]byte, bool) {
			if !f.Block.Secured() {
				return nil, false
			}
			status := f.Code == osdp.CmdInputStatus || f.Code == insteadOf
			switch f = f.Answer(osdp.ReplyAck, nil); {
			case status:
				return m.forge(f, osdp.SCS15, osdp.ReplyInputStatus, []byte{1, 1}), true
			case m.asked == osdp.CmdCapabilities:
				return m.forge(f, osdp.SCS18, osdp.ReplyCapabilities, m.encrypt(d.caps.Append(nil))), true
			default:
				return m.forge(f, osdp.SCS16, osdp.ReplyAck, nil), true
			}
		}
		r := newRig(t, w, nil)
		if in := next[Inputs](r); in.States[1] != osdp.InputActive {
			t.Errorf("inputs %v", in.States)
		}
		if got := r.pass(time.Second); len(got) != 0 {
			t.Errorf("events %+v", got)
		}
		d.do(func() { insteadOf = osdp.CmdLED })
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if err := r.bus.Do(ctx, "PD-1", LED(osdp.LED{})); !errors.Is(err, ErrUnconfirmed) {
			t.Errorf("LED: %v", err)
		}
		got := r.pass(0)
		d.do(func() { insteadOf = osdp.CmdPoll })
		got = append(got, r.pass(DefaultTiming().AlarmEvery+2*lossPause)...)
		if n := alarms(got, DeviceInsecure); n != 2 || count[Inputs](got) > count[Online](got) { // each session asks once
			t.Errorf("%d alarms in %+v", n, got)
		}
	})
}

// O-10, section 13 row 11.
func TestAnInjectedClearRefusalCostsOneSessionAndIsTold(t *testing.T) {
	for _, code := range []osdp.NakCode{osdp.NakNone, osdp.NakSequence, osdp.NakNoSession, osdp.NakSecurity} {
		synctest.Test(t, func(t *testing.T) {
			d := newPD(t, 1)
			r := newRig(t, newWire(t, d), nil)
			next[Outputs](r)
			d.do(func() {
				d.raw = func(f osdp.Frame) ([]byte, bool) {
					d.raw = nil
					return wireBytes(f.AnswerNak(code)), true
				}
			})
			got := r.pass(time.Second)
			if alarms(got, SessionLost) != 1 || count[Online](got) != 1 || count[Offline](got) != 0 {
				t.Errorf("NAK %d: events %+v", code, got)
			}
		})
	}
}

func TestRefusalsWithoutEndSlowTheHandshakesDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newPD(t, 1)
		d.opened = func(f osdp.Frame) *osdp.Frame {
			if f.Code == osdp.CmdPoll {
				nak := f.AnswerNak(osdp.NakSecurity)
				return &nak
			}
			return nil
		}
		w := newWire(t, d)
		r := newRig(t, w, nil)
		r.pass(10 * time.Second)
		w.forget()
		r.pass(time.Minute)
		challenges := 0
		for _, s := range w.transmissions() {
			if s.f.Code == osdp.CmdChallenge {
				challenges++
			}
		}
		if challenges < 10 || challenges > 13 { // one in 5 s, and the time of the handshake itself
			t.Errorf("%d handshakes in a minute", challenges)
		}
	})
}

func TestADeviceReplacedByAnotherWithTheSameKeyIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newPD(t, 1)
		r := newRig(t, newWire(t, d), nil)
		next[Online](r)
		d.do(func() { d.id.Serial, d.session = 9999, nil })
		for {
			if a := next[Alarm](r); a.Kind == IdentityChanged {
				break
			}
		}
		if on := next[Online](r); on.ID.Serial != 9999 {
			t.Errorf("online as %d", on.ID.Serial)
		}
	})
}
