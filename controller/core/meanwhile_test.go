package core

import (
	"testing"
	"time"

	"kanmon/controller/door"
	"kanmon/internal/access"
	"kanmon/internal/access/decide"
)

func strikesAndShows(all []Effect) (n int, shown []Effect) {
	for _, e := range all {
		switch e.(type) {
		case Strike:
			n++
		case Show:
			shown = append(shown, e)
		}
	}
	return n, shown
}

// Case 45: while D-1 waits for its record, D-2 is opened from inside.
func TestADoorThatOpenedMeanwhileStopsTheOtherOfTheInterlock(t *testing.T) {
	d := newHallOfTwo(t)
	d.did()
	d.step(Presented{Reader: "IN-1", Key: keyAlways}) // waits for its record
	d.step(Presented{Reader: "IN-2", Key: keyMonday}) // must be refused
	n, _ := strikesAndShows(d.did())
	if n != 0 {
		t.Fatal("struck early")
	}
	// exit of D-2 by button while the record of D-1 is on its way
	d.step(inputsOf(Inactive, Inactive, Inactive, Active))
	d.step(inputsOf(Inactive, Inactive, Active, Active)) // D-2 stands open
	d.did()
	d.answer(nil)
	n, _ = strikesAndShows(d.did())
	if n != 0 {
		t.Errorf("D-1 released while D-2 stands open: %d", n)
	}
}

func TestALockdownThatCameWhileTheRecordWasWrittenCounts(t *testing.T) {
	d := newHall(t, access.Rules{}, "")
	d.did()
	d.step(Presented{Reader: "IN-1", Key: keyAlways})
	s := siteSpec(2)
	s.Areas = []access.Area{{ID: "A-1", Record: access.Strict, Lockdown: true}}
	s.Doors = []access.Door{{ID: "D-1", Area: "A-1", EntryReads: []string{"IN-1"}, ReleaseMS: 3000, HeldMS: 20000}}
	s.Rights = nil // and P-1 has lost the right
	p, err := decide.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	d.step(PolicyReady{Policy: p, Made: started})
	d.did()
	d.answer(nil)
	if n, _ := strikesAndShows(d.did()); n != 0 {
		t.Errorf("released into a lockdown, without a right: %d", n)
	}
}

// Case 45: the operator overrides.
func TestAnOperatorMayReleaseADoorAgainstTheInterlock(t *testing.T) {
	d := newHallOfTwo(t)
	d.step(inputsOf(Inactive, Inactive, Active, Inactive)) // D-2 stands open
	d.answer(nil)
	d.did()
	d.step(ask("r-1", "f"))
	var nonce string
	for _, e := range d.did() {
		if a, ok := e.(Answer); ok {
			nonce = a.Nonce
		}
	}
	d.step(release("r-1", nonce, "D-1"))
	d.answer(nil)
	if n, _ := strikesAndShows(d.did()); n != 1 {
		t.Errorf("remote release of D-1 while D-2 stands open: %d strikes", n)
	}
}

func TestADoorThatSomebodyUnlockedYesterdayIsNotUnlockedToday(t *testing.T) {
	s := siteSpec(1)
	s.Areas = []access.Area{{ID: "A-1", Grade: 1, Record: access.Strict, Rules: access.Rules{Unlock: "S-9", UnlockBy: true}}}
	s.Doors = []access.Door{{ID: "D-1", Area: "A-1", EntryReads: []string{"IN-1"}, ReleaseMS: 3000, HeldMS: 20000}}
	s.Schedules = append(s.Schedules, access.Schedule{ID: "S-9", Windows: []access.Window{
		{Day: 1, From: 9 * 60, Until: 12 * 60}, {Day: 2, From: 9 * 60, Until: 12 * 60},
	}})
	s.Rights = []access.Right{{Person: "P-1", Area: "A-1", First: true}, {Person: "P-2", Area: "A-1"}}
	p, err := decide.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, p) // Monday 10:00
	d.step(allQuiet)
	d.answer(nil)
	d.tap("IN-1", keyAlways)
	d.hear(open) // the first has come in: unlocked
	d.pass(time.Second)
	if !d.state.doors[0].Standing() {
		t.Fatal("not unlocked")
	}
	d.pass(time.Minute)
	d.tap("IN-1", keyAlways) // shows the card at the unlocked door, and does not open it
	d.pass(3 * time.Hour)    // 13:00, secured
	d.answer(nil)
	if d.state.doors[0].Standing() {
		t.Fatal("still unlocked")
	}
	d.pass(21 * time.Hour) // Tuesday 10:01
	d.answer(nil)
	if d.state.doors[0].Standing() {
		t.Fatal("unlocked by itself")
	}
	d.step(inputsOf(Inactive, Active, Inactive, Inactive)) // somebody leaves by the button
	d.hear(inputsOf(Active, Active, Inactive, Inactive))
	d.pass(time.Second)
	d.answer(nil)
	if d.state.doors[0].Phase() == door.Unlocked || d.state.doors[0].Standing() {
		t.Error("the building stands unlocked though nobody who may be the first came")
	}
}

func TestGasLocksADoorThatStandsUnlocked(t *testing.T) {
	s := siteSpec(1)
	s.Areas[0].Grade = 1
	s.Areas[0].Unlock = "S-1"
	d := wiredDesk(t, wiredSite(), s)
	d.step(wires())
	d.answer(nil)
	d.pass(time.Second)
	d.answer(nil)
	d.step(wires(6)) // gas
	d.answer(nil)
	d.pass(time.Minute)
	d.answer(nil)
	if !d.state.cabinet.Gas("A-1") {
		t.Fatal("no gas")
	}
	if d.state.doors[0].Standing() {
		t.Error("gas is released in A-1 and its door stands unlocked")
	}
}

func TestGasThatCameWhileTheRecordWasWrittenCounts(t *testing.T) {
	d := wiredDesk(t, wiredSite(), siteSpec(1))
	d.step(wires())
	d.answer(nil)
	d.did()
	d.step(Presented{Reader: "IN-1", Key: keyAlways})
	d.step(wires(6))
	d.did()
	d.answer(nil)
	if n, _ := strikesAndShows(d.did()); n != 0 {
		t.Errorf("released into the gas: %d", n)
	}
}

func TestNobodyIsReleasedIntoGasFromAfar(t *testing.T) {
	d := wiredDesk(t, wiredSite(), siteSpec(1))
	d.step(wires(6))
	d.answer(nil)
	d.did()
	d.step(ask("r-1", "f"))
	var nonce string
	for _, e := range d.did() {
		if a, ok := e.(Answer); ok {
			nonce = a.Nonce
		}
	}
	d.step(release("r-1", nonce, "D-1"))
	d.answer(nil)
	if n, _ := strikesAndShows(d.did()); n != 0 {
		t.Errorf("remote release into gas: %d strikes", n)
	}
}

func TestAWiredExitReaderLetsOutWhateverThePolicySays(t *testing.T) {
	for name, edit := range map[string]func(*access.Spec){
		"the policy calls the exit reader an entry": func(s *access.Spec) {
			s.Doors[0].ExitReads, s.Doors[0].EntryReads = nil, []string{"IN-1", "OUT-1"}
		},
		"the policy has it at a door that is not wired": func(s *access.Spec) {
			s.Doors[0].ExitReads, s.Doors[2].ExitReads = nil, []string{"OUT-1"}
		},
	} {
		s := siteSpec(1)
		edit(&s)
		p, err := decide.Compile(s)
		if err != nil {
			t.Fatal(err)
		}
		d := newDesk(t, p)
		d.step(allQuiet)
		d.answer(nil)
		d.did()
		d.tap("OUT-1", keyUnknown)
		if n, _ := strikesAndShows(d.did()); n == 0 {
			t.Errorf("%s: nobody gets out at the wired exit reader: %+v", name, d.last())
		}
	}
}

func TestAGasInputThatWasNeverHeardCountsAsGas(t *testing.T) {
	d := wiredDesk(t, wiredSite(), siteSpec(1))
	d.step(wires(6))
	d.answer(nil)
	if e := d.tap("IN-1", keyAlways); e.Reason != access.GasReleased {
		t.Fatalf("%+v", e)
	}
	// the program starts again while the board is without power
	d = wiredDesk(t, wiredSite(), siteSpec(1))
	if e := d.tap("IN-1", keyAlways); e.Reason == access.Granted {
		t.Errorf("into the gas after a restart: %+v", e)
	}
}
