package core

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/controller/challenge"
	"kanmon/controller/door"
	"kanmon/controller/fit"
	"kanmon/controller/inputs"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/again"
	"kanmon/internal/event"
	"kanmon/internal/wire"
	"kanmon/reader"
)

// wiredSite is the site with a lock that speaks, a cabinet, and its strikes on IO-1: inputs 4 locked, 5 fire, 6 gas in A-1, 7 mains lost.
func wiredSite() Wiring {
	w := siteWiring()
	for i := range w.Doors {
		w.Doors[i].Strike, w.Doors[i].SelfLocking = "IO-1", true
	}
	w.Doors[0].Lock, w.Doors[0].LockedWhen = &Wire{Device: "IO-1", Input: 4}, Active
	for n, kind := range map[int]inputs.Kind{5: inputs.Fire, 6: inputs.Gas, 7: inputs.Mains} {
		p := inputs.Point{Kind: kind, Wire: Wire{Device: "IO-1", Input: n}, On: Active}
		if kind == inputs.Gas {
			p.Areas = []string{"A-1"}
		}
		w.Cabinet = append(w.Cabinet, p)
	}
	return w
}

func wiredDesk(t testing.TB, w Wiring, spec access.Spec) *desk {
	t.Helper()
	p, err := decide.Compile(spec)
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, core: NewCore(w), now: Moment{Wall: started}}
	var effects []Effect
	d.state, effects = d.core.Start(Saved{Policy: p, Floor: started.Add(-time.Hour)}, d.now)
	d.collect(effects)
	d.answer(nil)
	return d
}

// tell takes a door past an input that does not come from outside.
func (d *desk) tell(i int, in door.Input) {
	t := d.core.turn(d.state, d.now)
	t.stepDoor(i, in)
	var effects []Effect
	d.state, effects = t.end()
	d.collect(effects)
	d.answer(nil)
}

func wires(on ...int) InputsReported {
	levels := slices.Repeat([]Level{Inactive}, 8)
	for _, n := range on {
		levels[n] = Active
	}
	return InputsReported{Device: "IO-1", Levels: levels}
}

// R121-1: the cabinet's wires are events, and the gas of a fire suppression is known by its area.
func TestFireGasAndMainsAreObservedAndReleaseNothing(t *testing.T) {
	d := wiredDesk(t, wiredSite(), siteSpec(1))
	d.step(wires(4))
	d.onDisk = nil
	d.step(wires(4, 5, 6, 7))
	gas := d.state.cabinet.Gas("A-1")
	d.step(DeviceDown{Device: "IO-1"})
	still := d.state.cabinet.Gas("A-1")
	d.step(DeviceUp{"IO-1"})
	d.step(wires(4))
	d.answer(nil)
	want := []event.Kind{
		event.MainsLost, event.FireAlarm, event.GasAlarm, event.DeviceOffline, event.DeviceOnline, event.MainsRestored, event.FireCleared, event.GasCleared,
	}
	if got := d.kinds(); !slices.Equal(got, want) {
		t.Fatalf("on disk %v, want %v", got, want)
	}
	if !gas || !still || d.state.cabinet.Gas("A-1") || d.state.cabinet.Gas("A-2") {
		t.Fatalf("gas in A-1: %v, while its wire is lost %v, at the end %v; in A-2 %v", gas, still, d.state.cabinet.Gas("A-1"), d.state.cabinet.Gas("A-2"))
	}
	if e := d.onDisk[2]; e.Area != "A-1" || e.Device != "IO-1" {
		t.Fatalf("recorded %+v", e)
	}
	d.expect(Rest{"D-1"}, Rest{"D-2"})
}

func TestALockThatSaysUnlockedAtRestIsAnAlarm(t *testing.T) {
	d := wiredDesk(t, wiredSite(), siteSpec(1))
	d.step(wires(4))
	d.onDisk = nil
	d.step(wires())
	d.pass(door.Settle)
	d.step(wires(4))
	d.answer(nil)
	if got, want := d.kinds(), []event.Kind{event.LockUnsecured, event.LockSecured}; !slices.Equal(got, want) || d.last().Door != "D-1" || d.last().Area != "A-1" {
		t.Fatalf("on disk %v, want %v; %+v", got, want, d.last())
	}
}

func TestAStandingUnlockNamesNobodyAndItsFailureIsOneAlarm(t *testing.T) {
	d := wiredDesk(t, wiredSite(), siteSpec(1))
	d.step(wires(4))
	d.step(Presented{Reader: "IN-1", Key: keyAlways})
	d.answer(nil)
	d.did()
	d.onDisk = nil
	d.tell(0, door.Unlock{})
	d.expect(Strike{"D-1", door.UnlockFor})
	d.step(wires(0))
	d.step(wires(4))
	for range 3 {
		d.pass(door.UnlockEvery)
		d.step(StrikeFailed{"D-1", "no answer"})
	}
	d.expect(Keep{"D-1", door.UnlockFor}, Keep{"D-1", door.UnlockFor}, Keep{"D-1", door.UnlockFor})
	d.tell(0, door.Secure{})
	d.expect(Relock{"D-1"})
	d.step(StrikeFailed{"D-1", "no answer"})
	d.step(wires(0))
	d.answer(nil)
	want := []event.Kind{
		event.DoorUnlocked, event.DoorOpened, event.DoorClosed, event.StrikeFailed, event.DoorSecured, event.StrikeFailed, event.DoorOpened,
	}
	if got := d.kinds(); !slices.Equal(got, want) {
		t.Fatalf("on disk %v, want %v", got, want)
	}
	for _, e := range d.onDisk {
		if e.Person != "" {
			t.Errorf("%s names %s", e.Kind, e.Person)
		}
	}
}

// R43-2: in an area of grade 3 a strike on a reader's own relay, or one that stays released when the program dies, lets nobody in. The
// way out stays free.
func TestAnAreaOfGrade3RefusesAStrikeThatIsNotOnTheSecureSide(t *testing.T) {
	for name, c := range map[string]struct {
		strike      string
		selfLocking bool
		grade       int
		why         string // empty: let in
	}{
		"secure side":        {"IO-1", true, 3, ""},
		"reader's own relay": {"IN-2", true, 3, fit.OnReader},
		"no timer":           {"IO-1", false, 3, fit.NoTimer},
		"grade 2":            {"IN-1", false, 2, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w, spec := wiredSite(), siteSpec(1)
			w.Doors[0].Strike, w.Doors[0].SelfLocking = c.strike, c.selfLocking
			spec.Areas[0].Grade = c.grade
			d := wiredDesk(t, w, spec)
			d.step(wires())
			d.answer(nil)
			again := sitePolicy(t, 2)
			if c.grade != 2 {
				spec.Version.N = 2
				again, _ = decide.Compile(spec)
			}
			d.step(PolicyReady{Policy: again, Hash: "h2"})
			d.answer(nil)
			alarms := 0
			for _, e := range d.onDisk {
				if e.Kind == event.StrikeFailed {
					alarms++
					if e.Detail != c.why || e.Door != "D-1" {
						t.Errorf("recorded %+v", e)
					}
				}
			}
			if want := min(len(c.why), 1); alarms != want {
				t.Errorf("%d alarms after two policies, want %d", alarms, want)
			}
			d.tryBothWays(t, c.why != "")
		})
	}
}

func (d *desk) tryBothWays(t *testing.T, refused bool) {
	t.Helper()
	d.step(Presented{Reader: "IN-1", Key: keyAlways})
	d.answer(nil)
	if last := d.last(); refused && (last.Kind != event.AccessDenied || last.Reason != access.OutputInsecure) {
		t.Errorf("recorded %+v", last)
	}
	if made, is := again.Decision(d.state.policy, d.last()); !is || !made.Agrees {
		t.Errorf("made again: %+v of %+v", made, d.last())
	}
	if entered := slices.Contains(d.did(), Effect(Strike{"D-1", 5 * time.Second})); entered == refused {
		t.Errorf("let in: %v", entered)
	}
	d.step(ask("c-1", "n1"))
	d.step(release("c-1", "n1", "D-1"))
	d.answer(nil)
	want := Answer{wire.CommandAnswer{V: wire.V, Type: wire.Answer, ID: "c-1", Done: !refused}}
	if refused {
		want.Refused = challenge.OutputInsecure
	}
	if !slices.Contains(d.did(), Effect(want)) {
		t.Errorf("a remote release was not answered by %+v", want)
	}
	d.step(Presented{Reader: "OUT-1", Key: keyUnknown})
	d.step(wires(4))
	d.step(wires(1, 4))
	if out := d.did(); !slices.Equal(out, []Effect{Strike{"D-1", 5 * time.Second}, Show{"OUT-1", reader.ShowGranted}, Strike{"D-1", 5 * time.Second}}) {
		t.Errorf("on the way out %v", out)
	}
}

// Case 46, R43-2: the exit button releases a forced door and does not end its alarm.
func TestTheExitButtonDoesNotMaskAForcedDoor(t *testing.T) {
	d := wiredDesk(t, wiredSite(), siteSpec(1))
	d.step(wires(4))
	d.onDisk = nil
	d.step(wires(0, 4))
	d.step(wires(0, 1, 4))
	d.expect(Strike{"D-1", 5 * time.Second})
	d.step(wires(0, 4))
	phase := d.core.Status(d.state).Doors[0].State
	d.pass(time.Hour)
	d.step(wires(4))
	d.answer(nil)
	want := []event.Kind{event.DoorForced, event.RequestToExit, event.DoorClosed}
	if got := d.kinds(); !slices.Equal(got, want) || phase != "forced" {
		t.Fatalf("on disk %v, want %v; the door was %s", got, want, phase)
	}
}

// onlooker knows nothing of ours: it sees the button of D-1, the cards and the line, and says what may come of them.
type onlooker struct {
	seen, down    bool          // the button, since the line is there
	until         time.Duration // somebody's release runs to here
	cards, exits  int           // in it
	strike        int           // how many may come of what just happened
	pressed, lock bool          // one must; the strike may be locked
}

func (o *onlooker) inputs(on []int) {
	down := slices.Contains(on, 1)
	if down && !o.down && o.seen {
		o.strike, o.pressed, o.exits = 1, true, o.exits+1
	}
	o.lock = o.lock || (o.cards == 1 && o.exits == 0 && !slices.Contains(on, 0))
	o.seen, o.down = true, down
}

func (o *onlooker) pass(now time.Duration) {
	if now >= o.until {
		o.cards, o.exits = 0, 0
	}
	o.strike, o.pressed, o.lock = 0, false, now >= o.until
}

// judge takes the effects at D-1.
func (o *onlooker) judge(t *rapid.T, effects []Effect, now time.Duration) {
	struck := 0
	for _, e := range effects {
		switch e {
		case Strike{"D-1", 5 * time.Second}:
			struck++
		case Relock{"D-1"}, Rest{"D-1"}:
			if !o.lock {
				t.Fatalf("%T with %v left of %d cards and %d exits", e, o.until-now, o.cards, o.exits)
			}
			o.until, o.cards = now, 0 // the passage is over
		}
		if _, kept := e.(Keep); kept {
			t.Fatalf("%+v", e)
		}
	}
	if struck > o.strike || (o.pressed && struck == 0) {
		t.Fatalf("struck %d times, %d were warranted; pressed %v", struck, o.strike, o.pressed)
	}
	if struck > 0 {
		o.until = now + 5*time.Second
	}
	if struck > 0 && !o.pressed {
		o.cards++
	}
}

// Case 47: whatever is lost and comes back, and whatever the fire alarm says, a strike is energised by a card that is on record and by a
// button that went down before our eyes, and by nothing else; and a release that runs is ended by nothing but its passage.
func TestNeitherFireNorTheReturnOfALineReleasesOrLocksADoor(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := wiredDesk(t, wiredSite(), siteSpec(1))
		var o onlooker
		for range rapid.IntRange(1, 40).Draw(rt, "length") {
			d.now.Mono += rapid.SampledFrom([]time.Duration{0, time.Second, 4 * time.Second, 7 * time.Second}).Draw(rt, "pause")
			o.pass(d.now.Mono)
			switch rapid.SampledFrom([]string{"inputs", "inputs", "inputs", "lost", "back", "card", "tick"}).Draw(rt, "what") {
			case "inputs":
				on := rapid.SliceOfDistinct(rapid.IntRange(0, 7), func(n int) int { return n }).Draw(rt, "active")
				o.inputs(on)
				d.step(wires(on...))
			case "lost":
				o.seen, o.down = false, false
				d.step(DeviceDown{Device: "IO-1"})
			case "back":
				d.step(DeviceUp{"IO-1"})
			case "card":
				o.strike = 1
				d.step(Presented{Reader: "IN-1", Key: keyAlways})
			default:
				d.step(Tick{})
			}
			d.answer(nil)
			o.judge(rt, d.did(), d.now.Mono)
		}
	})
}
