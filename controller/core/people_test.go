package core

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"kanmon/controller/site"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/event"
	"kanmon/internal/wire"
	"kanmon/reader"
)

var (
	hard = access.Rules{InOut: true, Passback: access.PassbackHard}
	pair = access.Rules{InOut: true, TwoPerson: true}
	open = inputsOf(Active, Inactive, Inactive, Inactive)
)

type pin string

func (p pin) Forms(scope string) []access.Key {
	return []access.Key{sha256.Sum256([]byte(scope + string(p)))}
}
func (p pin) Number() string { return string(p) }

// hallPolicy is one strict area with rules: D-1, D-2 and D-9 lead into it, interlocked or not. P-1 and P-2 may always enter; P-1 has a PIN.
func hallPolicy(t testing.TB, rules access.Rules, interlock string) *decide.Policy {
	t.Helper()
	s := siteSpec(1)
	s.Areas = []access.Area{{ID: "A-1", Record: access.Strict, Rules: rules}}
	s.Doors = nil
	for _, n := range []string{"1", "2", "9"} {
		s.Doors = append(s.Doors, access.Door{
			ID: "D-" + n, Area: "A-1", EntryReads: []string{"IN-" + n}, ExitReads: []string{"OUT-" + n}, ReleaseMS: 3000, HeldMS: 20000, Interlock: interlock,
		})
	}
	s.Rights = []access.Right{{Person: "P-1", Area: "A-1"}, {Person: "P-2", Area: "A-1"}}
	s.PINs = []access.PIN{{Person: "P-1", Key: pin("1234").Forms(access.PersonScope("P-1"))[0]}}
	p, err := decide.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// newHall is a desk with that, its doors shut.
func newHall(t testing.TB, rules access.Rules, interlock string) *desk {
	d := newDesk(t, hallPolicy(t, rules, interlock))
	d.step(allQuiet)
	d.answer(nil)
	d.onDisk = nil
	return d
}

func (d *desk) tap(readerName string, key access.Key) event.Event {
	d.t.Helper()
	d.step(Presented{Reader: readerName, Key: key})
	d.answer(nil)
	return d.last()
}

// hear takes inputs, and shuts everything again.
func (d *desk) hear(in InputsReported) {
	d.step(in)
	d.step(allQuiet)
	d.answer(nil)
}

func (d *desk) inside() string {
	var all []string
	for _, p := range d.state.site.Inside("A-1") {
		all = append(all, p.Person+map[site.Standing]string{site.In: "", site.Doubtful: "?"}[p.State])
	}
	return strings.Join(all, " ")
}

func (d *desk) decisions() string {
	var all []string
	for _, e := range d.onDisk {
		if slices.Contains([]event.Kind{event.AccessGranted, event.AccessDenied, event.AccessPending}, e.Kind) {
			all = append(all, fmt.Sprint(e.Person, " ", e.Reason))
		}
	}
	return strings.Join(all, ", ")
}

func (d *desk) want(inside, decisions string) {
	d.t.Helper()
	if got := d.inside(); got != inside {
		d.t.Fatalf("inside %q, want %q", got, inside)
	}
	if got := d.decisions(); got != decisions {
		d.t.Fatalf("decided %q, want %q", got, decisions)
	}
}

// R44-1: a card opens no door for somebody else while its holder is inside; who did not go through may try again.
func TestSomebodyIsInsideOnceTheDoorOpened(t *testing.T) {
	d := newHall(t, hard, "")
	d.tap("IN-1", keyAlways)
	d.want("", "P-1 granted")
	d.pass(4001 * time.Millisecond) // release and grace
	d.tap("IN-1", keyAlways)
	d.hear(open)
	d.want("P-1", "P-1 granted, P-1 granted")
	d.pass(time.Minute)
	d.tap("IN-2", keyAlways)
	d.want("P-1", "P-1 granted, P-1 granted, P-1 anti_passback")
	d.tap("OUT-1", keyAlways)
	d.want("P-1", "P-1 granted, P-1 granted, P-1 anti_passback, P-1 granted")
	d.hear(open)
	d.want("", "P-1 granted, P-1 granted, P-1 anti_passback, P-1 granted")
	if slices.Contains(d.kinds(), event.PlacesDoubtful) {
		t.Fatalf("doubt: %v", d.kinds())
	}
}

func TestWhoDidNotGoThroughIsNotTakenAlongByTheNext(t *testing.T) {
	d := newHall(t, hard, "")
	d.tap("IN-1", keyAlways)
	d.pass(4001 * time.Millisecond)
	d.tap("IN-1", keyMonday)
	d.hear(open)
	d.want("P-2", "P-1 granted, P-2 granted")
}

// Where nobody can say whether a door opens, whoever is let through it goes through; so does a second one while it is open.
func TestSomebodyIsInsideAtOnceWhereTheDoorTellsNothing(t *testing.T) {
	for name, before := range map[string]func(*desk){
		"the line is dead": func(d *desk) { d.step(DeviceDown{Device: "IO-1"}) },
		"the wire is cut":  func(d *desk) { d.step(inputsOf(Cut, Inactive, Inactive, Inactive)) },
		"it stands open":   func(d *desk) { d.step(open) },
	} {
		d := newHall(t, hard, "")
		before(d)
		d.answer(nil)
		if d.tap("IN-1", keyAlways); d.inside() != "P-1" {
			t.Errorf("%s: inside %q", name, d.inside())
		}
	}
	d := newHall(t, hard, "")
	d.tap("IN-1", keyAlways)
	d.step(DeviceDown{Device: "IO-1"}) // before it opened, or after
	if d.inside() != "P-1" {
		t.Errorf("lost on the way: inside %q", d.inside())
	}
	d = &desk{t: t, core: NewCore(Wiring{Doors: []WiredDoor{{ID: "D-1"}}}), now: Moment{Wall: started}}
	var effects []Effect
	d.state, effects = d.core.Start(Saved{Policy: hallPolicy(t, hard, ""), Floor: started.Add(-time.Hour)}, d.now)
	d.collect(effects)
	d.answer(nil)
	if d.tap("IN-1", keyAlways); d.inside() != "P-1" {
		t.Errorf("no contact: inside %q", d.inside())
	}
}

// Case 41: a door opens without a card. Nobody is held to be inside, which is on record once, and nobody is held back.
func TestADoorThatOpensWithoutACardLeavesDoubt(t *testing.T) {
	for name, opens := range map[string]func(*desk){
		"exit button": func(d *desk) {
			d.step(inputsOf(Inactive, Active, Inactive, Inactive))
			d.hear(inputsOf(Active, Active, Inactive, Inactive))
		},
		"exit button and card": func(d *desk) {
			d.tap("OUT-1", keyMonday)
			d.step(inputsOf(Inactive, Active, Inactive, Inactive))
			d.hear(inputsOf(Active, Active, Inactive, Inactive))
		},
		"forced":              func(d *desk) { d.hear(open) },
		"found open":          func(d *desk) { d.step(DeviceDown{Device: "IO-1"}); d.hear(open) },
		"a card nobody knows": func(d *desk) { d.tap("OUT-1", keyUnknown); d.hear(open) },
	} {
		t.Run(name, func(t *testing.T) {
			d := newHall(t, hard, "")
			d.tap("IN-1", keyAlways)
			d.hear(open)
			d.pass(time.Minute)
			for range 2 {
				opens(d)
				d.pass(time.Minute)
			}
			d.answer(nil)
			n := 0
			for _, e := range d.onDisk {
				if e.Kind == event.PlacesDoubtful && e.Area == "A-1" && e.Door == "D-1" {
					n++
				}
			}
			if n != 1 || d.inside() != "P-1?" {
				t.Fatalf("%d times in doubt, inside %q", n, d.inside())
			}
			if e := d.tap("IN-2", keyAlways); e.Kind != event.AccessGranted {
				t.Fatalf("%+v", e)
			}
		})
	}
}

// keep is what the next start finds of people: what all records on the desk's disk say.
func keep(kept map[string]site.KeptPlace, tries map[string]int, k *site.Kept) {
	if k == nil {
		return
	}
	if k.Whole {
		clear(kept)
		clear(tries)
	}
	for _, p := range k.Places {
		if delete(kept, p.Person); !p.Gone {
			kept[p.Person] = p
		}
	}
	for _, t := range k.Tries {
		if delete(tries, t.Subject); t.N > 0 {
			tries[t.Subject] = t.N
		}
	}
}

// drain takes every record that waits, and what they keep of people.
func (d *desk) drain(kept map[string]site.KeptPlace, tries map[string]int) {
	for len(d.records) > 0 {
		keep(kept, tries, d.records[0].Change.Site)
		r := d.records[0]
		d.records = d.records[1:]
		d.onDisk = append(d.onDisk, r.Events...)
		d.step(Recorded{ID: r.ID})
	}
}

// R44-1: a restart forgets neither who is inside nor the wrong PINs; a journal that is read late neither.
func TestARestartKnowsWhoIsInsideAndWhoTypedWrongPINs(t *testing.T) {
	rules := access.Rules{InOut: true, Passback: access.PassbackHard, Factors: access.FactorsCardPIN}
	for _, late := range []bool{false, true} {
		d := newHall(t, rules, "")
		kept, tries := map[string]site.KeptPlace{}, map[string]int{}
		enter := func(typed pin) {
			d.step(Presented{Reader: "IN-1", Key: keyAlways})
			d.drain(kept, tries)
			d.step(Typed{Reader: "IN-1", Code: typed})
			d.drain(kept, tries)
			d.pass(2 * time.Second)
		}
		enter("1234")
		d.step(open)
		d.step(allQuiet)
		d.drain(kept, tries)
		for range 5 {
			d.step(Presented{Reader: "IN-9", Key: keyMonday})
			d.step(Typed{Reader: "IN-9", Code: pin("9")})
			d.drain(kept, tries)
			d.pass(2 * time.Second)
		}
		saved := Saved{Policy: hallPolicy(t, rules, ""), Floor: started}
		for _, p := range kept {
			saved.Site.Places = append(saved.Site.Places, p)
		}
		for subject, n := range tries {
			saved.Site.Tries = append(saved.Site.Tries, site.Tries{Subject: subject, N: n})
		}
		next := &desk{t: t, core: NewCore(siteWiring()), now: d.now}
		var effects []Effect
		if late {
			next.state, effects = next.core.Start(Saved{Floor: started, Unread: true}, next.now)
			next.collect(effects)
			next.step(allQuiet)
			next.step(Presented{Reader: "OUT-1", Key: keyAlways})
			next.step(open)
			for _, r := range next.records {
				if r.Change.Site != nil {
					t.Fatalf("written while blind: %+v", r.Change.Site)
				}
			}
			next.step(allQuiet)
			next.answer(nil)
			next.step(Recalled{saved})
		} else {
			next.state, effects = next.core.Start(saved, next.now)
			next.collect(effects)
		}
		next.answer(nil)
		next.onDisk = nil
		next.tap("IN-9", keyMonday)
		next.step(Presented{Reader: "IN-1", Key: keyAlways})
		next.step(Typed{Reader: "IN-1", Code: pin("1234")})
		next.answer(nil)
		next.want("P-1", "P-2 pin_blocked, P-1 pin_required, P-1 anti_passback")
	}
}

// A disk that fails loses nothing of where people are: when it is back, all of it is written.
func TestWhatTheJournalDidNotTakeOfPeopleIsWrittenWhole(t *testing.T) {
	d := newHall(t, hard, "")
	d.tap("IN-1", keyAlways)
	d.hear(open)
	d.tap("OUT-2", keyMonday)
	d.step(inputsOf(Inactive, Inactive, Active, Inactive))
	if k := d.records[0].Change.Site; k == nil || k.Whole || len(k.Places) != 1 || k.Places[0].Person != "P-2" || k.Places[0].State != site.Out {
		t.Fatalf("kept %+v", k)
	}
	d.answer(errDisk)
	d.pass(RetryRecord)
	k := d.records[0].Change.Site
	if k == nil || !k.Whole || len(k.Places) != 2 {
		t.Fatalf("kept %+v", k)
	}
	d.answer(nil)
	d.step(Tick{})
	if len(d.records) != 0 {
		t.Fatalf("written again: %+v", d.records)
	}
}

// Case 45: at an interlock nobody is let in while the other door is open, is not known to be shut, or is about to open.
func TestOneDoorOfAnInterlockOpensAtATime(t *testing.T) {
	other := inputsOf(Inactive, Inactive, Active, Inactive)
	for name, test := range map[string]struct {
		before func(*desk)
		want   access.Reason
	}{
		"shut":              {func(*desk) {}, access.Granted},
		"open":              {func(d *desk) { d.step(other) }, access.Interlocked},
		"shut again":        {func(d *desk) { d.step(other); d.step(allQuiet) }, access.Granted},
		"line dead":         {func(d *desk) { d.step(DeviceDown{Device: "IO-1"}) }, access.Interlocked},
		"wire cut":          {func(d *desk) { d.step(inputsOf(Inactive, Inactive, Cut, Inactive)) }, access.Interlocked},
		"about to open":     {func(d *desk) { d.step(Presented{Reader: "IN-2", Key: keyMonday}) }, access.Interlocked},
		"released":          {func(d *desk) { d.tap("IN-2", keyMonday) }, access.Interlocked},
		"released, and out": {func(d *desk) { d.tap("OUT-2", keyMonday) }, access.Interlocked},
		"released long ago": {func(d *desk) { d.tap("IN-2", keyMonday); d.pass(5 * time.Second) }, access.Granted},
	} {
		d := newHallOfTwo(t)
		test.before(d)
		if e := d.tap("IN-1", keyAlways); e.Person != "P-1" || e.Reason != test.want {
			t.Errorf("%s: %+v, want %s", name, e, test.want)
		}
	}
	d := newHall(t, access.Rules{InOut: true}, "lock") // D-9 is wired nowhere here
	if e := d.tap("IN-1", keyAlways); e.Reason != access.Interlocked {
		t.Errorf("with a door of another controller: %+v", e)
	}
	if e := d.tap("OUT-1", keyAlways); e.Kind != event.AccessGranted {
		t.Errorf("out: %+v", e)
	}
}

// Case 45: the power comes back to an interlock. Until both doors have said that they are shut nobody is let in; everybody is let out, and an
// operator's release goes through. Doors that stood open before are no alarm.
func TestAnInterlockWithBothDoorsOpenWhenThePowerComesBack(t *testing.T) {
	d := newDesk(t, hallOfTwo(t))
	tap := func(when string, want access.Reason) {
		t.Helper()
		for _, n := range []string{"1", "2"} {
			if e := d.tap("IN-"+n, keyAlways); e.Reason != want {
				t.Errorf("%s, IN-%s: %+v, want %s", when, n, e, want)
			}
		}
	}
	tap("nothing heard yet", access.Interlocked)
	d.step(inputsOf(Active, Inactive, Active, Inactive))
	tap("both open", access.Interlocked)
	d.step(inputsOf(Active, Inactive, Inactive, Inactive))
	if e := d.tap("IN-2", keyAlways); e.Reason != access.Interlocked {
		t.Errorf("one shut: %+v", e)
	}
	d.did()
	if e := d.tap("OUT-1", keyAlways); e.Kind != event.AccessGranted || !slices.Contains(d.did(), Effect(Strike{"D-1", 3 * time.Second})) {
		t.Errorf("out: %+v", e)
	}
	d.step(ask("c-1", "n1"))
	d.step(release("c-1", "n1", "D-2"))
	d.answer(nil)
	if !slices.Contains(d.did(), Effect(Strike{"D-2", 3 * time.Second})) {
		t.Error("the operator's release did not go through")
	}
	d.step(allQuiet)
	d.pass(5 * time.Second)
	d.answer(nil)
	if e := d.tap("IN-1", keyAlways); e.Reason != access.Granted {
		t.Errorf("both shut: %+v", e)
	}
	if slices.Contains(d.kinds(), event.DoorForced) {
		t.Errorf("on disk %v", d.kinds())
	}
}

// newHallOfTwo interlocks the two doors that are wired here.
func newHallOfTwo(t *testing.T) *desk {
	t.Helper()
	d := newDesk(t, hallOfTwo(t))
	d.step(allQuiet)
	d.answer(nil)
	return d
}

func hallOfTwo(t *testing.T) *decide.Policy {
	t.Helper()
	s := siteSpec(1)
	s.Areas[0].Rules, s.Doors = access.Rules{InOut: true}, nil
	for _, n := range []string{"1", "2"} {
		s.Doors = append(s.Doors, access.Door{
			ID: "D-" + n, Area: "A-1", EntryReads: []string{"IN-" + n}, ExitReads: []string{"OUT-" + n}, ReleaseMS: 3000, HeldMS: 20000, Interlock: "lock",
		})
	}
	s.Rights = []access.Right{{Person: "P-1", Area: "A-1"}, {Person: "P-2", Area: "A-1"}}
	p, err := decide.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestACardThatWaitsAndIsStillHeldIsOnePresentation(t *testing.T) {
	d := newHall(t, pair, "")
	for range 4 {
		d.tap("IN-1", keyAlways)
		d.pass(999 * time.Millisecond)
	}
	d.want("", "P-1 second_person_required")
	d.expect(Show{"IN-1", reader.ShowWait})
	d.pass(time.Millisecond)
	d.tap("IN-1", keyAlways)
	d.want("", "P-1 second_person_required, P-1 second_person_required")
}

// R76-2: of two who pass together one is revoked while the disk is waited for: neither passes, and neither counts.
func TestAGroupIsRefusedTogetherWhenOneIsRevokedMeanwhile(t *testing.T) {
	d := newHall(t, pair, "")
	d.tap("IN-1", keyAlways)
	d.pass(2 * time.Second)
	d.did()
	d.step(Presented{Reader: "IN-1", Key: keyMonday})
	gone := access.Revocation{Version: access.Version{Epoch: 1, N: 2}, Key: keyAlways, Card: "C-1", State: access.Revoked}
	d.state.policy = d.state.policy.Revoke(gone)
	d.answer(nil)
	for _, e := range d.did() {
		if _, strike := e.(Strike); strike {
			t.Fatal("a door opened")
		}
	}
	d.want("", "P-1 second_person_required, P-1 granted, P-2 granted, P-1 credential_revoked, P-2 credential_revoked")
	d.pass(time.Second)
	if e := d.tap("IN-1", keyMonday); e.Reason != access.PersonRequired {
		t.Fatalf("%+v", e)
	}
}

// The disk takes one of two entries at one door: that one is inside when the door opens, and nobody is in doubt.
func TestOfTwoEntriesAtADoorEachIsItsOwn(t *testing.T) {
	for _, first := range []bool{true, false} {
		d := newHall(t, hard, "")
		d.step(Presented{Reader: "IN-1", Key: keyAlways})
		d.step(Presented{Reader: "IN-1", Key: keyMonday})
		for i, r := range d.records {
			var err error
			if (i == 0) != first {
				err = errDisk
			}
			d.step(Recorded{ID: r.ID, Err: err})
		}
		d.records = nil
		d.step(open)
		want := map[bool]string{true: "P-1", false: "P-2"}[first]
		if got := d.inside(); got != want {
			t.Errorf("the first is on disk: %t, inside %q, want %q", first, got, want)
		}
	}
}

func TestWhoCouldNotBeLetInTakesNoRoom(t *testing.T) {
	d := newHall(t, access.Rules{InOut: true, Most: 1}, "")
	d.tap("IN-9", keyAlways) // no strike is wired
	if e := d.tap("IN-1", keyMonday); e.Kind != event.AccessGranted {
		t.Fatalf("%+v", e)
	}
}

// Case 41: an operator's word lets back in who is held to be inside, the person alone or everybody; it is on record who said so and why.
func TestAnOperatorsWordLetsBackInWhoIsHeldToBeInside(t *testing.T) {
	for person, want := range map[string]string{"P-1": "P-2", "": ""} {
		d := newHall(t, hard, "")
		for _, key := range []access.Key{keyAlways, keyMonday} {
			d.tap("IN-1", key)
			d.hear(open)
		}
		d.step(ask("c-1", "n1"))
		d.step(Commanded{Command: wire.DoCommand{
			V: wire.V, Type: wire.Command, ID: "c-1", Op: wire.Forget, Nonce: "n1", Area: "A-1", Person: person, By: "U-1", Reason: "出口の故障",
		}})
		d.answer(nil)
		if e := d.last(); e.Kind != event.PlacesReset || e.Area != "A-1" || e.Person != person || e.Detail != "by U-1: 出口の故障 [c-1]" || d.inside() != want {
			t.Errorf("recorded %+v, inside %q, want %q", e, d.inside(), want)
		}
		d.pass(time.Minute)
		if e := d.tap("IN-2", keyAlways); e.Kind != event.AccessGranted {
			t.Errorf("%+v", e)
		}
		if e := d.tap("IN-2", keyMonday); (e.Reason == access.PassedBack) != (want == "P-2") {
			t.Errorf("%+v", e)
		}
	}
}

// Case 41: at the minute that the area names nobody is held to be inside any more, once a day, and not by a clock that is not believed.
func TestPositionsAreResetOnceADay(t *testing.T) {
	rules := hard
	rules.ResetAt = 10*60 + 30 // half an hour after the start
	d := newHall(t, rules, "")
	d.tap("IN-1", keyAlways)
	d.hear(open)
	resets := func() (n int) {
		for _, e := range d.onDisk {
			if e.Kind == event.PlacesReset {
				n++
			}
		}
		return n
	}
	d.pass(29*time.Minute + 59*time.Second)
	d.answer(nil)
	if d.inside() != "P-1" || resets() != 0 {
		t.Fatalf("inside %q", d.inside())
	}
	for range 3 {
		d.pass(time.Second)
		d.answer(nil)
	}
	if d.inside() != "" || resets() != 1 {
		t.Fatalf("inside %q after %d resets", d.inside(), resets())
	}
	d.tap("IN-1", keyAlways)
	d.hear(open)
	d.pass(time.Hour)
	d.answer(nil)
	if d.inside() != "P-1" || resets() != 1 {
		t.Fatalf("inside %q after %d resets", d.inside(), resets())
	}
}

// R44-1: a policy in which somebody is not any more forgets their entry, with the record that says that it is in force.
func TestAPolicyForgetsWhoLeftIt(t *testing.T) {
	timed := access.Rules{Passback: access.PassbackTimed, PassbackS: 3600}
	s := siteSpec(2)
	s.Areas[0].Rules, s.People, s.Credentials, s.Rights = timed, s.People[1:], s.Credentials[1:], s.Rights[2:]
	without, err := decide.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	d := newHall(t, timed, "")
	d.tap("IN-1", keyAlways)
	d.hear(open)
	if d.inside() != "P-1" {
		t.Fatalf("inside %q", d.inside())
	}
	d.step(PolicyReady{Policy: without, Hash: "h2", Made: started})
	if kept := d.records[len(d.records)-1].Change.Site; kept == nil || len(kept.Places) != 1 || !kept.Places[0].Gone {
		t.Errorf("the disk is told %+v", kept)
	}
	if d.answer(nil); d.inside() != "" {
		t.Errorf("inside %q", d.inside())
	}
}
