package core

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
	"kanmon/internal/event"
)

// police watches a Core through any history and judges every strike by what it saw itself: the inputs, and what
// the journal answered. It knows nothing of gates and backlogs.
type police struct {
	t      *rapid.T
	core   *Core
	state  State
	now    Moment
	queue  []Record // submitted, not answered
	age    map[uint64]time.Duration
	onDisk []event.Event // in journal order
}

// check fails for a strike of a door that this step gave no warrant for.
func (p *police) check(effects []Effect, warrants map[string]bool) {
	for _, e := range effects {
		switch e := e.(type) {
		case Record:
			p.queue = append(p.queue, e)
			p.age[e.ID] = p.now.Mono
		case Strike:
			if !warrants[e.Door] {
				p.t.Fatalf("strike of %s at %v without a warrant", e.Door, p.now.Mono)
			}
		}
	}
}

// grantsIn lists the doors that a record lets somebody in at.
func grantsIn(r Record) map[string]bool {
	doors := map[string]bool{}
	for _, e := range r.Events {
		if e.Kind == event.AccessGranted && e.Direction == access.In {
			doors[e.Door] = true
		}
	}
	return doors
}

func (p *police) step(in Input, warrants map[string]bool) {
	// Time alone, and a journal that fails or fills up, open a best_effort door and nothing else.
	warrants["D-2"] = warrants["D-2"] || p.overdue() || len(p.queue) >= maxPending
	var effects []Effect
	p.state, effects = p.core.Step(p.state, in, p.now)
	p.check(effects, warrants)
}

func (p *police) overdue() bool {
	for _, r := range p.queue {
		if p.now.Mono-p.age[r.ID] >= RecordTimeout {
			return true
		}
	}
	return false
}

func (p *police) answer(outcome string) {
	if len(p.queue) == 0 {
		return
	}
	r := p.queue[0]
	p.queue = p.queue[1:]
	grants := grantsIn(r)
	err := error(nil)
	if outcome != "written" {
		err = errDisk
		delete(grants, "D-1") // not recorded: a strict door may not open for it
	}
	if outcome != "not applied" {
		p.onDisk = append(p.onDisk, r.Events...)
	}
	p.step(Recorded{ID: r.ID, Err: err}, grants)
}

func (p *police) act(t *rapid.T) {
	warrants := map[string]bool{}
	switch rapid.SampledFrom([]string{"tap", "tap", "exit", "button", "contact", "journal", "journal", "journal", "time"}).Draw(t, "act") {
	case "tap":
		readerName := rapid.SampledFrom([]string{"IN-1", "IN-2"}).Draw(t, "reader")
		p.step(Presented{Reader: readerName, Key: rapid.SampledFrom([]access.Key{keyAlways, keyUnknown}).Draw(t, "key")}, warrants)
	case "exit":
		p.step(Presented{Reader: "OUT-1", Key: keyUnknown}, map[string]bool{"D-1": true})
	case "button":
		p.step(inputsOf(Inactive, Active, Inactive, Inactive), map[string]bool{"D-1": true})
		p.step(allQuiet, warrants)
	case "contact":
		p.step(inputsOf(rapid.SampledFrom([]Level{Inactive, Active}).Draw(t, "level"), Inactive, Inactive, Inactive), warrants)
	case "journal":
		p.answer(rapid.SampledFrom([]string{"written", "written", "not applied", "reported failed"}).Draw(t, "outcome"))
	case "time":
		pause := rapid.SampledFrom([]time.Duration{0, time.Millisecond, time.Second, RecordTimeout, 10 * time.Second}).Draw(t, "pause")
		p.now.Mono += pause
		p.now.Wall = p.now.Wall.Add(pause)
		p.step(Tick{}, warrants)
	}
}

// R84-1, and the first promise of the design: whatever the journal does, applied or not, reported or not, in time
// or late, a strict door opens for an entry only after the journal has said that the decision is on disk.
func TestNoRecordNoEntryInAnyHistory(t *testing.T) {
	policy := sitePolicy(t, 1)
	rapid.Check(t, func(t *rapid.T) {
		p := &police{t: t, core: NewCore(siteWiring()), now: Moment{Wall: started}, age: map[uint64]time.Duration{}}
		var effects []Effect
		p.state, effects = p.core.Start(Saved{Policy: policy, Floor: started}, p.now)
		p.check(effects, nil)
		p.step(allQuiet, map[string]bool{})
		for range rapid.IntRange(1, 60).Draw(t, "length") {
			p.act(t)
		}
	})
}

// With a journal that fails but never lies, everything that happened is on disk once when it has recovered: one
// decision for each presentation, and nothing waits any more.
func TestABadDiskLosesNothingAndDoublesNothing(t *testing.T) {
	policy := sitePolicy(t, 1)
	rapid.Check(t, func(t *rapid.T) {
		p := &police{t: t, core: NewCore(siteWiring()), now: Moment{Wall: started}, age: map[uint64]time.Duration{}}
		p.state, p.queue = p.start(policy)
		taps := rapid.IntRange(0, 40).Draw(t, "taps")
		for i := range taps {
			p.now.Mono += 10 * time.Millisecond
			p.step(Presented{Reader: fmt.Sprintf("IN-%d", 1+i%2), Key: access.Key{byte(100 + i)}}, map[string]bool{})
			for range rapid.IntRange(0, 2).Draw(t, "answers") {
				p.answer(rapid.SampledFrom([]string{"written", "not applied"}).Draw(t, "outcome"))
			}
		}
		for range 10 {
			for len(p.queue) > 0 {
				p.answer("written")
			}
			p.now.Mono += RetryRecord
			p.step(Tick{}, map[string]bool{})
		}
		seen := map[string]int{}
		for _, e := range p.onDisk {
			if e.Kind == event.AccessDenied {
				seen[e.Credential]++
			}
		}
		for i := range taps {
			if n := seen[(access.Key{byte(100 + i)}).Fingerprint()]; n != 1 {
				t.Fatalf("tap %d is on disk %d times", i, n)
			}
		}
		if r := p.state.records; len(r.Flying) != 0 || len(r.Backlog) != 0 || r.Trouble || r.Lost != 0 {
			t.Fatalf("something is left: %+v", r)
		}
	})
}

func (p *police) start(policy *decide.Policy) (State, []Record) {
	s, effects := p.core.Start(Saved{Policy: policy, Floor: started}, p.now)
	var records []Record
	for _, e := range effects {
		if r, ok := e.(Record); ok {
			records = append(records, r)
		}
	}
	return s, records
}

// The deadline is honest: at no moment before it does a Tick do anything, and following it alone ends every wait.
func TestTheDeadlineIsWhenTimeAloneDoesSomething(t *testing.T) {
	policy := sitePolicy(t, 1)
	rapid.Check(t, func(t *rapid.T) {
		p := &police{t: t, core: NewCore(siteWiring()), now: Moment{Wall: started}, age: map[uint64]time.Duration{}}
		p.state, p.queue = p.start(policy)
		p.step(allQuiet, map[string]bool{})
		for range rapid.IntRange(1, 30).Draw(t, "length") {
			p.act(t)
		}
		for range 50 {
			due := p.state.Deadline(p.now.Mono)
			if early := due - 1; early > p.now.Mono {
				var effects []Effect
				p.state, effects = p.core.Step(p.state, Tick{}, Moment{Wall: p.now.Wall.Add(early - p.now.Mono), Mono: early})
				if len(effects) > 0 {
					t.Fatalf("due at %v, but at %v: %v", due, early, effects)
				}
			}
			due = max(due, p.now.Mono)
			p.now.Wall, p.now.Mono = p.now.Wall.Add(due-p.now.Mono), due
			p.step(Tick{}, map[string]bool{})
		}
		for _, pending := range p.state.records.Flying {
			if pending.Gate != nil {
				t.Fatal("a decision still waits")
			}
		}
	})
}
