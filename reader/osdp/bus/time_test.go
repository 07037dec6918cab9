package bus

import (
	"testing"
	"testing/synctest"
	"time"

	"kanmon/reader/osdp"
)

func TestADeviceIsOfflineAfterEightSecondsAndToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newPD(t, 1)
		r := newRig(t, newWire(t, d), nil)
		next[Outputs](r)
		r.pass(time.Second)
		d.do(func() { d.dead = true })
		died := time.Now()
		off := next[Offline](r)
		if took := off.At.Sub(died); took < 7900*time.Millisecond || took > 8300*time.Millisecond {
			t.Errorf("told after %v", took)
		}
		if got := r.pass(10 * time.Minute); len(got) != 0 {
			t.Errorf("events %+v", got)
		}
		d.do(func() { d.dead = false })
		returned := time.Now()
		next[Online](r)
		if took := time.Since(returned); took > 2*time.Second {
			t.Errorf("back after %v", took)
		}
	})
}

func TestADeviceThatWasNeverThereIsOffline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newPD(t, 1)
		d.dead = true
		r := newRig(t, newWire(t, d), nil)
		if got := r.pass(9 * time.Second); count[Offline](got) != 1 || len(got) != 1 {
			t.Errorf("events %+v", got)
		}
	})
}

// Three dead devices take at most a quarter of the line, and no more than a reply timeout at a time.
func TestSilentDevicesSlowTheOthersOnlySoMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		live, dead := newPD(t, 1), []*pd{newPD(t, 2), newPD(t, 3), newPD(t, 4)}
		for _, d := range dead {
			d.dead = true
		}
		w := newWire(t, append(dead, live)...)
		r := newRig(t, w, nil)
		r.pass(20 * time.Second)
		w.forget()
		r.pass(time.Minute)
		probes := map[byte]int{}
		var last time.Time
		var worst time.Duration
		for _, s := range w.transmissions() {
			if s.f.Address != 1 {
				probes[s.f.Address]++
				continue
			}
			if !last.IsZero() {
				worst = max(worst, s.at.Sub(last))
			}
			last = s.at
		}
		if worst > 250*time.Millisecond {
			t.Errorf("the live device waited %v", worst)
		}
		for _, d := range dead {
			if n := probes[d.address]; n < 15 || n > 40 {
				t.Errorf("device %d was probed %d times in a minute", d.address, n)
			}
		}
		live.tap(1)
		began := time.Now()
		r.wait(1)
		if took := time.Since(began); took > 300*time.Millisecond {
			t.Errorf("the card took %v", took)
		}
	})
}

func TestFailedHandshakesAreTriedAgainMoreAndMoreSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newPD(t, 1)
		d.key = testKey(t, 77)
		w := newWire(t, d)
		r := newRig(t, w, nil)
		r.pass(5 * time.Minute)
		var at []time.Time
		for _, s := range w.transmissions() {
			if s.f.Code == osdp.CmdChallenge {
				at = append(at, s.at)
			}
		}
		want := []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60}
		if len(at) < len(want)+1 {
			t.Fatalf("%d handshakes", len(at))
		}
		for i, w := range want {
			if gap := at[i+1].Sub(at[i]); gap < w*time.Second || gap > w*time.Second+100*time.Millisecond {
				t.Errorf("wait %d was %v, want %v s", i, gap, int(w))
			}
		}
		d.do(func() { d.key = testKey(t, 1) }) // the right key was put in
		next[Online](r)
	})
}

// The secure channel is back within 10 s after the line is.
func TestTheChannelIsBackSoonAfterTheLineWasLost(t *testing.T) {
	for _, away := range []time.Duration{0, time.Second, 7 * time.Second, time.Hour} {
		t.Run(away.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newPD(t, 1)
				w := newWire(t, d)
				r := newRig(t, w, nil)
				next[Outputs](r)
				r.pass(10 * time.Second)
				w.setAbsent(true)
				got := r.pass(away)
				if n := count[Offline](got); n != min(1, int(away/(8*time.Second))) {
					t.Errorf("told %d times to be offline", n)
				}
				w.setAbsent(false)
				back := time.Now()
				next[Online](r)
				if took := time.Since(back); took > 2*time.Second {
					t.Errorf("the channel took %v", took)
				}
				d.tap(1)
				r.wait(1)
			})
		})
	}
}

// O-7
func TestASessionIsReplacedWhenItIsOldOrLong(t *testing.T) {
	for what, timing := range map[string]Timing{"old": {RekeyAfter: time.Minute}, "long": {RekeyFrames: 2000}} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newPD(t, 1)
				w := newWire(t, d)
				r := newRig(t, w, func(c *Config) { c.Timing = timing })
				next[Outputs](r)
				for range 10 {
					if got := r.pass(time.Minute); len(got) != 0 {
						t.Errorf("events %+v", got)
					}
					d.tap(1)
					r.wait(len(r.cards) + 1)
				}
				d.do(func() {
					if d.handshook < 10 || d.handshook > 30 {
						t.Errorf("%d sessions in ten minutes", d.handshook)
					}
					if len(w.rnds) != d.handshook {
						t.Errorf("%d random numbers for %d sessions", len(w.rnds), d.handshook)
					}
				})
			})
		})
	}
}

// O-6, section 13 row 6: an attacker guesses MACs, one after another, for a day.
func TestForgedFramesAreNotTakenAndGuessingIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newPD(t, 1)
		w := newWire(t, d)
		forged := uint32(0)
		attack := false
		w.reply = func(_ int, f osdp.Frame, raw []byte) [][]byte {
			if !attack || f.Code != osdp.ReplyAck || !f.Block.Secured() {
				return [][]byte{raw}
			}
			forged++
			f.Block, f.Code, f.Data = osdp.SCS18, osdp.ReplyRaw, make([]byte, 16)
			f.MAC = [4]byte{byte(forged), byte(forged >> 8), byte(forged >> 16), 0xA5}
			return [][]byte{wireBytes(f)}
		}
		r := newRig(t, w, nil)
		next[Outputs](r)
		d.do(func() { attack = true })
		got := r.pass(time.Second)
		if alarms(got, MACFailed) != 1 {
			t.Errorf("the first forgery was not told: %+v", got)
		}
		got = r.pass(time.Hour)
		if forged > 60*60/5+20 {
			t.Errorf("%d guesses in an hour", forged)
		}
		if forged < 500 || count[Card](got) != 0 {
			t.Errorf("%d forgeries, %d cards", forged, count[Card](got))
		}
		if n := alarms(got, MACFailed); n < 50 || n > 61 {
			t.Errorf("%d alarms in an hour", n)
		}
	})
}

// O-8, section 13 row 7: the reply that opened the door yesterday.
func TestRecordedRepliesOpenNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newPD(t, 1)
		w := newWire(t, d)
		recorded := map[uint8][][]byte{}
		replay := false
		played := 0
		w.reply = func(_ int, f osdp.Frame, raw []byte) [][]byte {
			if !f.Block.Secured() {
				return [][]byte{raw}
			}
			if known := recorded[f.Seq]; replay && len(known) > 0 {
				played++
				return [][]byte{known[played%len(known)]}
			}
			if f.Code == osdp.ReplyRaw {
				recorded[f.Seq] = append(recorded[f.Seq], raw)
			}
			return [][]byte{raw}
		}
		r := newRig(t, w, nil)
		for i := range byte(60) {
			d.tap(i)
		}
		r.wait(60)
		d.do(func() { replay = true })
		got := r.pass(time.Hour)
		if played < 500 || count[Card](got) != 0 || alarms(got, MACFailed) == 0 {
			t.Errorf("%d replays, %d cards, %d alarms", played, count[Card](got), alarms(got, MACFailed))
		}
	})
}
